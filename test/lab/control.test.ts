import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { views } from '../../src/control/show.ts';
import { asNobody } from '../support/nobody.ts';
import { eventually, own, Process, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const host = own('c0');
const yaml = (device = host) => `
version: 1
tenants:
  red:
    bridge:
      ports:
        host: {tap: ${device}, netns: ${device}, vlan: 10, address: 10.0.0.1/24}
        mem: {memory: true, vlan: 10}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.0.254/24]}
      routes: [{to: 0.0.0.0/0, via: 10.0.0.1}]
    acls:
      web-in: {rules: [{allow: any}], ingress: [host]}
`;

const folder = mkdtempSync(join(tmpdir(), 'control-'));
beforeAll(sweep);
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a running switch', () => {
  let running: SwitchProcess;
  const show = (...words: string[]) => tapyard(['show', ...words, '--socket', running.socket]);
  beforeAll(async () => {
    running = await SwitchProcess.started(yaml());
  });
  afterAll(() => running?.stop());

  it('lets nobody but its user at its control socket', () => {
    expect(statSync(running.socket).mode & 0o777).toBe(0o600);
  });

  it.each(Object.keys(views))('shows %s, as a table and as JSON', async (view) => {
    // Between the two there may be a first row: of stages, what was measured since somebody asked.
    const { text, rows } = await eventually('rows in both, or in none', () => {
      const [text, json] = [show(view), show(view, '--json')];
      for (const { code, stderr } of [text, json]) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const rows = JSON.parse(json.stdout) as object[];
      return (rows.length === 0) === (text.stdout === 'nothing to show\n') ? { text, rows } : null;
    });
    expect(text.stdout).toMatch(/\n$/);
    expect(Array.isArray(rows)).toBe(true);
    for (const key of Object.keys(rows[0] ?? {})) expect(text.stdout).toContain(key.toUpperCase());
  });

  it('says what there is when asked for what there is not', () => {
    expect(show('nothing')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('tenants, ports, macs'),
    });
    expect(show('ports', 'green')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('it is one of red'),
    });
    const json = show('ports', 'green', '--json');
    expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'usage', message: 'There is no tenant green' } });
  });

  it('refuses to share its socket, and lives beside another with a socket of its own', async () => {
    const again = tapyard(['up', file('again.yaml', yaml(own('c1'))), '--socket', running.socket]);
    expect(again).toMatchObject({ code: 69, stdout: '' });
    expect(again.stderr).toMatch(/Another switch answers.*Cure: .*--socket/);
    const busy = tapyard(['up', file('busy.yaml', yaml()), '--socket', join(folder, 'busy.sock')]);
    expect(busy).toMatchObject({ code: 69, stderr: expect.stringContaining('E_DEVICE_BUSY') });
    const other = await SwitchProcess.started(yaml(own('c1')));
    expect(await other.show('ports')).toMatchObject([{ device: own('c1') }, {}]);
    expect(await other.end('SIGTERM')).toMatchObject({ code: 0 });
    await other.stop();
    expect(show('ports')).toMatchObject({ code: 0, stdout: expect.stringContaining(host) });
  });

  it('survives clients that talk nonsense, for ever, or never listen', async () => {
    const open = (): Promise<Socket> =>
      new Promise((resolve) => {
        const socket = createConnection(running.socket, () => resolve(socket));
        socket.on('error', () => {});
      });
    const ask = async (line: string) => {
      const socket = await open();
      const answer = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(String(bytes))));
      socket.write(`${line}\n`);
      const text = await answer;
      socket.destroy();
      return JSON.parse(text) as unknown;
    };
    expect(await ask('\u0000garbage')).toMatchObject({ error: { code: -32700 } });
    expect(await ask('[1,2]')).toMatchObject({ error: { code: -32600 } });
    expect(await ask('{"jsonrpc":"2.0","id":7,"method":"fly"}')).toMatchObject({ id: 7, error: { code: -32601 } });
    expect(await ask('{"method":"__proto__"}')).toMatchObject({ error: { code: -32601 } });
    const endless = await open();
    const closed = new Promise((resolve) => endless.on('close', resolve));
    for (let i = 0; i < 600; i++) endless.write('x'.repeat(64 * 1024));
    await closed;
    const deaf = await open();
    deaf.pause();
    for (let i = 0; i < 2000; i++)
      deaf.write('{"jsonrpc":"2.0","id":1,"method":"show","params":{"what":"drops"}}\n'.repeat(10));
    const idle = await Promise.all(Array.from({ length: 20 }, open));
    expect(await running.show('ports')).toHaveLength(2);
    for (const socket of [deaf, ...idle]) socket.destroy();
    expect(await running.call('status')).toMatchObject({ tenants: ['red'], workers: 1 });
  });

  it('takes the socket of one that was killed over', async () => {
    const socket = join(folder, 'stale.sock');
    const words = ['up', file('stale.yaml', yaml(own('c2'))), '--socket', socket];
    const first = new Process(new URL('../../bin/tapyard', import.meta.url).pathname, words);
    await first.said('ready\n');
    await first.end('SIGKILL');
    expect(tapyard(['show', 'ports', '--socket', socket])).toMatchObject({
      code: 69,
      stderr: expect.stringContaining('tapyard up'),
    });
    const second = new Process(new URL('../../bin/tapyard', import.meta.url).pathname, words);
    await second.said('ready\n');
    expect(await second.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});

describe('the command line', () => {
  it('points at each error of a configuration, and exits with 78', () => {
    const bad = file(
      'bad.yaml',
      `version: 1\ntenants:\n  red:\n    bridge:\n      ports:\n        a: {tap: x, vlan: 5000}\n        b: {tip: y}\n`,
    );
    const { code, stdout, stderr } = tapyard(['check', bad]);
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain(`${bad}:6:27`);
    expect(stderr).toMatch(/bad\.yaml:7:\d+/);
    expect(stderr).toMatch(/^ {4,}\| *\^+$/m);
    const up = tapyard(['up', bad, '--socket', join(folder, 'bad.sock')]);
    expect(up).toMatchObject({ code: 78, stdout: '' });
    const json = tapyard(['check', bad, '--json']);
    expect(JSON.parse(json.stderr)).toMatchObject({
      error: { code: 'config-invalid', diagnostics: expect.any(Array) },
    });
    expect(tapyard(['check', file('good.yaml', yaml())])).toMatchObject({ code: 0, stderr: '' });
    expect(tapyard(['check', join(folder, 'none.yaml')])).toMatchObject({ code: 66 });
  });

  it('refuses a socket path that is something else, and leaves that alone', () => {
    const precious = file('precious.txt', 'precious');
    const { code, stderr } = tapyard(['up', file('sock.yaml', yaml()), '--socket', precious]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no socket.*Cure: .*--socket/);
    expect(statSync(precious).size).toBe(8);
    expect(tapyard(['up', file('sock.yaml', yaml()), '--socket', join(folder, 'no/such/folder')])).toMatchObject({
      code: 2,
    });
  });

  it('tells who is not root what is missing, and exits with 77', () => {
    const nobody = asNobody();
    chmodSync(folder, 0o777);
    const config = file('nobody.yaml', yaml());
    const { code, stdout, stderr } = tapyard(['up', config, '--socket', join(folder, 'nobody.sock')], nobody);
    expect({ code, stdout }).toEqual({ code: 77, stdout: '' });
    expect(stderr).toMatch(/Cure: run as root/);
    expect(tapyard(['up', config, '--socket', '/run/no-such.sock'], nobody)).toMatchObject({ code: 77 });
  });

  it('names an I/O mode that does not exist', () => {
    process.env['TAPYARD_IO'] = 'pigeon';
    try {
      const { code, stderr } = tapyard(['up', file('io.yaml', yaml()), '--socket', join(folder, 'io.sock')]);
      expect(stderr).toMatch(/TAPYARD_IO=pigeon.*Cure: set it to uring or poll/);
      expect(code).toBe(78);
    } finally {
      delete process.env['TAPYARD_IO'];
    }
  });
});
