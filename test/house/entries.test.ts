import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { sources } from '../support/sources.ts';

/** The pinned Node by itself: vitest rewrites modules, and would let pass what Node does not (an enum, a missing export). */
function node(words: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  // Examples import the package by its name.
  return spawnSync('sh', ['bin/node-pinned', '--conditions=tapyard-source', ...words], { input, encoding: 'utf8' });
}

/** Files that do something when they are loaded: programs, and what runs as a thread. They are linked, not run. */
const isProgram = (file: string): boolean =>
  /^(bench|examples)\//.test(file) ||
  /\b(workerData|parentPort|process\.argv|readArguments|parseArgs)\b/.test(readFileSync(file, 'utf8'));

describe('under the pinned node itself', () => {
  test('every file can be loaded, with what it imports', () => {
    const files = sources('src', 'native-free', 'bench', 'examples');
    const done = node(['test/support/import-all.ts'], JSON.stringify(files.map((file) => [file, !isProgram(file)])));
    expect(done.stderr).toBe('');
    expect(JSON.parse(done.stdout)).toEqual([]);
  });

  test('the command line answers --help and --version', () => {
    const help = node(['src/cli/main.ts', '--help']);
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help.stdout).toContain('Usage: tapyard');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(node(['src/cli/main.ts', '--version'])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('a switch with a worker thread starts, answers and stops, without a privilege', () => {
    const done = node(['test/support/start-switch.ts']);
    expect(done).toMatchObject({ status: 0, stderr: '', stdout: 'started, stopped\n' });
  });

  test('in a worker no ArrayBuffer is detached, which would slow all typed arrays down', () => {
    const done = node(['--trace-protector-invalidation', 'test/support/start-switch.ts']);
    // The main thread takes types off by WebAssembly, whose memory grows; were it a worker too, it would be said twice.
    expect(done.stdout.match(/ArrayBufferDetaching/g)).toHaveLength(1);
  });
});
