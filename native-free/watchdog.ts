import { spawn } from 'node:child_process';
import { TOOL_ENVIRONMENT } from './tool.ts';

/**
 * A shell that does something when we die, however we die: it reads a pipe of which only we have the other end, and whose end means
 * that we are gone. In a session of its own and deaf to signals, so that Ctrl-C and `kill -- -pgid` do not take it along. One shell,
 * about 1 MB.
 * @param script POSIX sh; its own failures are nobody's concern any more
 * @returns its process
 */
export function watchdog(script: string): number | undefined {
  const child = spawn('sh', ['-c', `trap '' INT TERM HUP QUIT; read -r line\n${script}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: TOOL_ENVIRONMENT,
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  return child.pid;
}
