import { spawn } from 'node:child_process';
import { TOOL_ENVIRONMENT } from './tool.ts';

/**
 * A shell that does something when we die, however we die (kill -9 runs no hook of ours): it reads a pipe of which only we
 * have the other end. A line means that all is well and it ends; the end of the pipe means that we are gone. In a session of its own
 * and deaf to signals, so that Ctrl-C and `kill -- -pgid` do not take it along. One shell, about 1 MB.
 */
export interface Watchdog {
  readonly pid: number | undefined;
  /** Ends it without running its script. Idempotent. */
  dismiss(): void;
}

/** @param script POSIX sh; its own failures are nobody's concern any more */
export function watchdog(script: string): Watchdog {
  const child = spawn('sh', ['-c', `trap '' INT TERM HUP QUIT; read -r line && exit 0\n${script}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: TOOL_ENVIRONMENT,
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as unknown as { unref?: () => void }).unref?.();
  let dismissed = false;
  return {
    pid: child.pid,
    dismiss() {
      if (!dismissed) child.stdin.end('dismissed\n');
      dismissed = true;
    },
  };
}

/** @returns the text as one word of sh */
export function shellWord(text: string | number): string {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

/** @returns words as a command of sh, silent */
export function shellCommand(words: readonly (string | number)[]): string {
  return `${words.map(shellWord).join(' ')} 2>/dev/null`;
}
