import { deleteNetns, listNetns, netnsOwner } from '../../native-free/netns.ts';
import { pidOf } from './plan.ts';

/**
 * Removes namespaces of demos that were killed: TAPs go with their process, namespaces do not. Only those whose name says that they
 * are the lab's, whose owner is the same process (a process that died while it made them had no time to say), and whose
 * process is gone.
 * @returns their names
 */
export function removeLeftovers(): string[] {
  return listNetns().filter((name) => {
    const pid = pidOf(name);
    if (pid === null || isAlive(pid)) return false;
    const owner = netnsOwner(name);
    if (owner !== undefined && owner !== `tapyard:${pid}`) return false;
    deleteNetns(name);
    return true;
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
