import { type ExecFileException, execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Much longer than anything takes on a busy machine. */
const PATIENCE_MS = 280_000;

export interface Done {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without what npm and vitest tell those that they start, coverage too: what is shipped is not measured. The test's own event loop goes on. */
export function run(program: string, words: readonly string[], cwd = '.'): Promise<Done> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_|NODE_TEST_CONTEXT|NODE_OPTIONS|NODE_V8_COVERAGE)/i.test(name),
    ),
  );
  return new Promise((done) => {
    const ended = (error: ExecFileException | null, stdout: string, stderr: string) =>
      done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
    execFile(program, words, { cwd, env, timeout: PATIENCE_MS, maxBuffer: 1 << 26 }, ended);
  });
}

/** @throws with what it said when it fails */
export async function mustRun(program: string, words: readonly string[], cwd?: string): Promise<string> {
  const { code, stdout, stderr } = await run(program, words, cwd);
  if (code !== 0) throw new Error(`${program} ${words.join(' ')}: ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Packs this checkout as `npm publish` would. @returns the tarball */
export async function packCheckout(folder: string): Promise<string> {
  const said = await mustRun('npm', ['pack', '--silent', '--pack-destination', folder]);
  return join(folder, said.trim().split('\n').at(-1) ?? '');
}

/** Files of ours that compiled code names by a path of its own (threads, programs), and that are not there. */
export function missingEntries(folder: string): string[] {
  return globSync('dist/**/*.js', { cwd: folder }).flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const named = [...text.matchAll(/['"`](\.{1,2}\/[\w./-]+\.js)['"`]/g)].map(([, path]) => path);
    return named
      .filter((path) => globSync(resolve(folder, dirname(file), path)).length === 0)
      .map((path) => `${file}: ${path}`);
  });
}
