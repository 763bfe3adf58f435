import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.ts';

/** Whether C peers can be built here. */
export function hasCompiler(): boolean {
  return spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Builds a peer of `bench/peers` into a folder.
 * @returns the path of the program
 * @throws UserError when it does not build
 */
export function buildPeer(name: string, folder: string, libraries: readonly string[] = []): string {
  const program = join(folder, name);
  const source = fileURLToPath(new URL(`../../bench/peers/${name}.c`, import.meta.url));
  const built = spawnSync('gcc', ['-O3', '-march=native', '-o', program, source, ...libraries], { encoding: 'utf8' });
  if (built.status !== 0) {
    throw new UserError('peer-failed', `${name}.c does not build: ${built.stderr.trim()}`, 'leave the C peers out');
  }
  return program;
}

/** Runs a peer to its end. A crash is an error, never a figure. */
export function runPeer(program: string, words: readonly string[]): string {
  try {
    return execFileSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 26 });
  } catch (cause) {
    throw new UserError('peer-failed', `${program} ${words.join(' ')} failed`, 'run it by hand to see why', { cause });
  }
}

/** A folder of one's own for as long as `use` takes. */
export async function withFolder<Result>(use: (folder: string) => Result | Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
