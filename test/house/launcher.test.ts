import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const EX_CONFIG = 78;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapyard launcher '));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sh(words: readonly string[], env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  return spawnSync('sh', words, { encoding: 'utf8', env: { ...process.env, ...env } });
}

/** A checkout of its own, with the launchers and, unless `bare`, this one's node_modules. */
function checkout(name: string, bare = false): string {
  const top = join(folder, name);
  mkdirSync(top);
  cpSync('bin', join(top, 'bin'), { recursive: true });
  for (const shared of ['src', 'native-free', 'package.json', ...(bare ? [] : ['node_modules'])]) {
    symlinkSync(realpathSync(shared), join(top, shared));
  }
  return top;
}

describe('the launcher', () => {
  test('starts the pinned node, whatever node is first in the PATH', () => {
    const fake = join(folder, 'old');
    mkdirSync(fake);
    writeFileSync(join(fake, 'node'), '#!/bin/sh\nexit 9\n', { mode: 0o755 });
    const done = sh(['bin/node-pinned', '-p', 'process.versions.node'], { PATH: `${fake}:${process.env['PATH']}` });
    expect(done).toMatchObject({ status: 0, stdout: '26.10.0\n', stderr: '' });
  });

  test('prints no warning of an experimental module', () => {
    expect(sh(['bin/node-pinned', '-e', 'require("node:ffi")'])).toMatchObject({ status: 0, stderr: '' });
  });

  test('works through a symbolic link, and through a link to that', () => {
    const first = join(folder, 'first');
    const second = join(folder, 'second');
    symlinkSync(realpathSync('bin/tapyard'), first);
    symlinkSync('first', second);
    expect(sh([second, '--version'])).toMatchObject({ status: 0, stderr: '' });
  });

  test('works in a folder with spaces, from another folder', () => {
    const launcher = join(checkout('a checkout'), 'bin/tapyard');
    expect(spawnSync(launcher, ['--version'], { cwd: '/', encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  test('hands its words on as they are', () => {
    const words = ['a b', '', '*', '$HOME', "it's", '--', '-x'];
    const done = sh(['bin/node-pinned', '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words]);
    expect(JSON.parse(done.stdout)).toEqual(words);
  });

  test('names the cure where the pinned node is not installed', () => {
    const done = sh([join(checkout('bare', true), 'bin/tapyard'), '--version']);
    expect(done.status).toBe(EX_CONFIG);
    expect(done.stderr).toMatch(
      /^tapyard: the pinned Node \(node-linux-\w+\) is not installed\. Cure: run 'npm ci' in .*bare/,
    );
  });

  test('names the cure where libatomic.so.1 is missing', () => {
    // An empty file in its place is what the loader finds first.
    const masked = join(folder, 'masked');
    mkdirSync(masked);
    writeFileSync(join(masked, 'libatomic.so.1'), '');
    const done = sh(['bin/tapyard', '--version'], { LD_LIBRARY_PATH: masked });
    expect(done).toMatchObject({
      status: EX_CONFIG,
      stdout: '',
      stderr: 'tapyard: the pinned Node needs libatomic.so.1. Cure: apt-get install libatomic1\n',
    });
  });

  test('replaces itself: one process, which a signal ends', async () => {
    const child = spawn('sh', ['bin/node-pinned', '-e', 'console.log(process.pid); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim())),
    );
    expect(pid).toBe(String(child.pid));
    expect(dirname(dirname(readlinkSync(`/proc/${pid}/exe`)))).toMatch(/node_modules\/node-linux-\w+$/);
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    child.kill('SIGTERM');
    expect(await ended).toBe('SIGTERM');
  });

  test('is POSIX sh', () => {
    for (const file of [...globSync('bin/*'), 'examples/guest/make', 'test/run.sh']) {
      expect(readFileSync(file, 'utf8')).toMatch(/^#!\/bin\/sh\n/);
      expect(sh(['-n', file])).toMatchObject({ status: 0, stderr: '' });
    }
  });
});

describe('what is missing', () => {
  test('is not looked for when it is there', () => {
    expect(sh(['bin/prepare', 'sh=dash', 'libc.so.6=libc6'])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('is named with its cure where nothing can be installed', () => {
    // No program at all can be found but those that the script itself needs.
    const path = join(folder, 'path');
    mkdirSync(path);
    for (const tool of ['sort', 'tr', 'id', 'grep'])
      symlinkSync(spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim(), join(path, tool));
    const script = readFileSync('bin/prepare', 'utf8').replace(/^PATH=.*$/m, '');
    const done = spawnSync('/bin/sh', ['-c', script, 'prepare', 'no-such-program=no-such-package'], {
      encoding: 'utf8',
      env: { PATH: path },
    });
    expect(done.status).toBe(EX_CONFIG);
    expect(done.stderr).toMatch(/^tapyard: missing, .+\. Cure: apt-get install no-such-package/);
  });
});
