import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { TOOL_ENVIRONMENT } from './tool.ts';

/**
 * Starts a program that the kernel kills when this process ends, however it ends (prctl(2), PR_SET_PDEATHSIG), in a session of its own,
 * so that Ctrl-C on our terminal is not meant for it, unless told otherwise. To be called on the main thread: it is the thread that the kernel watches.
 */
export function spawnTied(command: string, words: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...words], {
    env: TOOL_ENVIRONMENT,
    detached: true,
    ...options,
  });
}

/** The same in a network namespace, and with all that the program starts: they have a process namespace of their own, which dies with it. */
export function spawnTiedInNetns(
  netns: string,
  command: string,
  words: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  const inside = ['ip', 'netns', 'exec', netns, command, ...words];
  return spawnTied('unshare', ['--pid', '--fork', '--kill-child=KILL', '--', ...inside], options);
}
