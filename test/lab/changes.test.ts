import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listLinks } from '../../native-free/links.ts';
import { netnsExists } from '../../native-free/netns.ts';
import { measureChanges } from '../support/changes.ts';
import { eventually, own, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
beforeAll(sweep);

/** The short form of test/acceptance/changes.ts. */
describe(`random changes under traffic (seed ${seed})`, () => {
  it.each(['uring', 'poll'] as const)(
    'lose no frame of a flow that they do not name, and end where a fresh start does: %s',
    { timeout: 300_000 },
    async (io) => {
      const result = await measureChanges({ changes: 100, seed, io, names: [own(`${io[0]}a`), own(`${io[0]}b`)] });
      expect(result).toMatchObject({ changes: 100, lost: 0, different: [] });
      expect(result.acked).toBe(result.sent);
      expect(result.sent).toBeGreaterThan(1000);
    },
  );
});

describe('a running switch, from the command line', () => {
  const [first, second] = [own('h1'), own('h2')];
  const yaml = (more = '') => `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {tap: ${first}, netns: ${first}, address: 10.0.0.1/24}
        ${more}
`;
  const folder = mkdtempSync(join(tmpdir(), 'changes-'));
  let running: SwitchProcess;
  const run = (...words: string[]) => tapyard([...words, '--socket', running.socket]);
  const file = (text: string): string => {
    const path = join(folder, 'next.yaml');
    writeFileSync(path, text);
    return path;
  };
  const ports = async () => (await running.show('ports')).map(({ port }) => port);
  beforeAll(async () => {
    running = await SwitchProcess.started(yaml());
  });
  afterAll(async () => {
    await running?.stop();
    rmSync(folder, { recursive: true });
  });

  it('says what a file would change, then becomes it, and gives back what is gone', async () => {
    const next = file(yaml(`b: {tap: ${second}, netns: ${second}, address: 10.0.0.2/24}`));
    expect(run('plan', next).stdout).toMatch(/^\+ port red\/b: /);
    expect(await ports()).toEqual(['a']);
    expect(run('apply', next)).toMatchObject({ code: 0, stderr: '' });
    expect(await ports()).toEqual(['a', 'b']);
    expect(listLinks(second).map(({ ifname }) => ifname)).toContain(second);
    expect(run('apply', file(yaml())).stdout).toBe('- port red/b\n');
    expect(netnsExists(second)).toBe(false);
  });

  it('refuses a wrong file with its place, and a device that cannot be opened, and has changed nothing', async () => {
    const wrong = run('apply', file(yaml('b: {memory: true, vlna: 10}')));
    expect(wrong).toMatchObject({ code: 78, stdout: '' });
    expect(wrong.stderr).toContain('next.yaml:8:27: ');
    const missing = run('apply', file(yaml('b: {memory: true}\n        c: {netdev: no-such-dev}')));
    expect(missing).toMatchObject({ code: 69, stdout: '' });
    expect(await ports()).toEqual(['a']);
  });

  it('takes single changes, keeps them through an apply, and writes all down', async () => {
    expect(run('port', 'add', 'red', 'm', 'memory', 'vlan=1')).toMatchObject({ code: 0, stderr: '' });
    expect(run('apply', file(yaml())).stdout).toBe('nothing to change\n');
    expect(await ports()).toEqual(['a', 'm']);
    const written = run('export').stdout;
    expect(written).toContain('m:');
    expect(run('port', 'del', 'red', 'm').code).toBe(0);
    expect(run('port', 'del', 'red', 'm').code).toBe(78);
    expect(run('apply', file(written)).stdout).toMatch(/^\+ port red\/m: /);
  });

  it('reads its file again by SIGHUP', async () => {
    writeFileSync(join(running.folder, 'tapyard.yaml'), yaml('h: {memory: true}'));
    running.child.kill('SIGHUP');
    await eventually('the port of the file', async () => (await ports()).includes('h'));
    expect(await ports()).toEqual(['a', 'h']);
  });
});
