import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { atDeath, instance } from '../../../native-free/last-will.ts';
import { shellCommand, shellWord } from '../../../native-free/shell.ts';

/**
 * Control groups of servers: the share of the processors that each has beside others. Version 2 where it governs the processors
 * (Linux, Documentation/admin-guide/cgroup-v2.rst, cpu.weight), else version 1 (cpu.shares, of which 1024 are a weight of 100).
 */
const UNIFIED = '/sys/fs/cgroup';
const LEGACY = '/sys/fs/cgroup/cpu';

interface Hierarchy {
  readonly path: string;
  readonly file: string;
  value(weight: number): number;
}

function hierarchy(): Hierarchy | null {
  try {
    if (readFileSync(`${UNIFIED}/cgroup.subtree_control`, 'utf8').split(/\s+/).includes('cpu'))
      return { path: UNIFIED, file: 'cpu.weight', value: (weight) => weight };
  } catch {
    // Not version 2.
  }
  if (!existsSync(`${LEGACY}/cpu.shares`)) return null;
  return { path: LEGACY, file: 'cpu.shares', value: (weight) => Math.max(2, Math.round((weight * 1024) / 100)) };
}

/** A server's group; it is there until `remove`. */
export interface Share {
  /** Moves a process, and what it starts from now on, into the group. */
  take(pid: number): void;
  remove(): void;
}

/** @returns null where there are no control groups, or none may be made @param name of letters, digits and hyphens */
export function makeShare(name: string, weight: number): Share | null {
  const where = hierarchy();
  if (where === null) return null;
  const path = `${where.path}/tapyard-${instance}-${name}`;
  // Once the kernel has ended the servers of a process that was killed, their groups are empty.
  const remove = shellCommand(['rmdir', path]);
  const clause = atDeath(
    `for try in 1 2 3 4 5 6 7 8 9; do [ -d ${shellWord(path)} ] || break; ${remove} || sleep 0.2; done`,
  );
  try {
    mkdirSync(path, { recursive: true });
    writeFileSync(`${path}/${where.file}`, String(where.value(weight)));
  } catch {
    tryTo(() => rmdirSync(path));
    clause.strike();
    return null;
  }
  return {
    take: (pid) => tryTo(() => writeFileSync(`${path}/cgroup.procs`, String(pid))),
    remove: () => {
      tryTo(() => rmdirSync(path));
      if (!existsSync(path)) clause.strike();
    },
  };
}

/** A process that has ended meanwhile, or a group that is gone, is no error. */
function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // See above.
  }
}
