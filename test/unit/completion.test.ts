import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SwitchProcess, tapyard } from '../support/switch-process.ts';

const CONFIG = `version: 1
tenants:
  red: {bridge: {ports: {web1: {memory: true}, web2: {memory: true}}}}
  blue: {bridge: {ports: {db: {memory: true}}}}
`;
const SHELLS = ['bash', 'zsh', 'fish'] as const;

let folder: string;
let lab: SwitchProcess;
const scripts = new Map<string, string>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tapyard-completion-'));
  symlinkSync(resolve('bin/tapyard'), join(folder, 'tapyard'));
  for (const shell of SHELLS) {
    const file = join(folder, `completion.${shell}`);
    writeFileSync(file, tapyard(['completion', shell]).stdout);
    scripts.set(shell, file);
  }
  lab = await SwitchProcess.started(CONFIG);
});
afterAll(async () => {
  await lab.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What a shell says, with `tapyard` in its PATH, and the switch at the usual socket. */
function shell(name: string, words: readonly string[], socket = lab.socket): string {
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, TAPYARD_SOCKET: socket, HOME: folder };
  const done = spawnSync(name, words, { encoding: 'utf8', env, cwd: folder, timeout: 120_000 });
  expect(done.stderr).toBe('');
  return done.stdout;
}

/** What bash would offer behind these words, the last being the one that the cursor is in. */
function offered(...words: readonly string[]): string[] {
  const script = `source "$0"; COMP_WORDS=(tapyard "$@"); COMP_CWORD=$#; _tapyard; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = shell('bash', ['--norc', '--noprofile', '-c', script, scripts.get('bash') ?? '', ...words]);
  return said.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  test('offers commands, and those below a command', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['up', 'check', 'show', 'flows', 'bench', 'completion']));
    expect(offered('')).not.toContain('complete');
    expect(offered('sho')).toEqual(['show']);
    expect(offered('bench', 'no')).toEqual(['noisy']);
    expect(offered('flows', 'de')).toEqual(['del']);
  });

  test('offers options of the command that is meant, and choices of arguments', () => {
    expect(offered('up', '--')).toEqual(['--socket', '--json', '--help']);
    expect(offered('flows', 'red', '--na')).toEqual(['--names']);
    expect(offered('flows', 'del', '--str')).toEqual(['--strict']);
    expect(offered('show', 'p')).toEqual(['ports', 'path']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('offers tenants and ports of the switch that runs, also of another socket', () => {
    expect(offered('show', 'ports', '')).toEqual(['red', 'blue']);
    expect(offered('flows', 'r')).toEqual(['red']);
    expect(offered('trace', 'red', '--port', '')).toEqual(['web1', 'web2']);
    expect(offered('mac', 'add', 'blue', '')).toEqual(['db']);
    expect(offered('show', '--socket', '/nowhere', 'ports', '')).toEqual([]);
  });

  test('leaves files to the shell, and words that it knows nothing of alone', () => {
    expect(tapyard(['complete', '--', 'up', '']).stdout).toBe(':files\n');
    expect(tapyard(['complete', '--', 'bench', 'path', '--pcap', '']).stdout).toBe(':files\n');
    expect(tapyard(['complete', '--', 'no', 'such', 'command', '']).stdout).toBe('');
    expect(offered('port', 'del', 'red', 'web1', '')).toEqual([]);
  });
});

describe('completion in other shells', () => {
  test('is a script that each can read', () => {
    for (const name of SHELLS) expect(shell(name, ['-n', scripts.get(name) ?? ''])).toBe('');
  });

  test('zsh offers the same, with what it is, and files where they could stand', () => {
    const stubs = `compdef() { : }; _describe() { print -rl -- "\${(@P)3}" }; _files() { print files }`;
    const call = 'words=("$@"); CURRENT=$#; _tapyard';
    const words = ['-f', '-c', `${stubs}; source $1; shift; ${call}`, 'zsh', scripts.get('zsh') ?? '', 'tapyard'];
    expect(shell('zsh', [...words, 'show', 'ports', ''])).toBe('red:\nblue:\n');
    expect(shell('zsh', [...words, 'chec'])).toMatch(/^check:check a configuration/);
    expect(shell('zsh', [...words, 'up', ''])).toBe('files\n');
  });

  test('fish offers the same, with what it is', () => {
    const said = shell('fish', ['-N', '-c', `source ${scripts.get('fish')}; complete -C 'tapyard show ports '`]);
    expect(said.split('\n').map((line) => line.trim())).toEqual(['blue', 'red', '']);
    expect(shell('fish', ['-N', '-c', `source ${scripts.get('fish')}; complete -C 'tapyard che'`])).toMatch(
      /^check\tcheck a configuration/,
    );
  });

  test('an unknown shell is refused with those that there are', () => {
    expect(tapyard(['completion', 'tcsh'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('bash, zsh, fish'),
    });
  });
});
