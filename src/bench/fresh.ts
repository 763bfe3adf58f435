import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, UserError } from '../errors.ts';
import { NODE_FLAGS } from '../lab/node-flags.ts';

/** What can be run in a process of its own (run.ts). */
export type Task = 'acl' | 'lpm' | 'lpm-live' | 'noisy' | 'rules';

/** Runs a task in a fresh process: nothing of an earlier round is warm, compiled or in its way. @returns what it prints as JSON */
export function fresh<Result>(task: Task, words: readonly string[]): Result {
  const name = import.meta.url.endsWith('.ts') ? './run.ts' : './run.js';
  const program = fileURLToPath(new URL(name, import.meta.url));
  const text = execFileSync(process.execPath, [...NODE_FLAGS, program, task, ...words], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const said = JSON.parse(text) as { result: Result } | { failure: { code: ErrorCode; message: string; cure: string } };
  if ('result' in said) return said.result;
  throw new UserError(said.failure.code, said.failure.message, said.failure.cure);
}
