import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLink } from '../../native-free/links.ts';
import { deleteNetns, netnsExists } from '../../native-free/netns.ts';
import type { Row } from '../../src/control/show.ts';
import { GUEST } from '../needs.ts';
import { expectBooksToBalance } from '../support/books.ts';
import {
  eventually,
  isAlive,
  LAUNCHER,
  own,
  Process,
  SwitchProcess,
  sweep,
  tapyard,
} from '../support/switch-process.ts';

/** Two machines boot without hardware to help, perhaps beside other tests. */
const BOOT_MS = 120_000;
const BYTES = 10e6;
const TENANTS = ['red', 'blue'] as const;
const folder = mkdtempSync(join(tmpdir(), 'machines-'));
const tap = own('vm');
const vmSocket = join(folder, 'vm.sock');
const serial = process.arch === 'arm64' ? 'ttyAMA0' : 'ttyS0';

/** A machine on one VLAN, a web server in a namespace on another, a router between them; both tenants have the same addresses. */
const tenant = (name: string, port: string, keys: string) => `
  ${name}:
    bridge:
      ports:
        vm: {${port}, vlan: 10}
        web: {tap: ${own(name)}, netns: ${own(name)}, vlan: 20, address: 10.0.20.2/24, gateway: 10.0.20.1}
    router:
      interfaces:
        machines: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64'], ra: {}}
        servers: {vlan: 20, addresses: [10.0.20.1/24]}
    servers:
      vm:
        {kind: qemu, port: vm, accel: tcg, memory: 128Mi, kernel: ${GUEST}/vmlinuz, initrd: ${GUEST}/initrd.gz, ${keys},
         append: console=${serial} quiet panic=-1 address=10.0.10.2/24 gateway=10.0.10.1}
      web: {kind: namespace, port: web, run: [busybox, httpd, -f, -p, 80, -h, ${join(folder, name)}]}`;

const lab = `version: 1
workers: 2
tenants:${tenant('red', `netdev: ${tap}`, `nic: tap, cpu_share: 50, console: ${join(folder, 'red.log')}`)}${tenant(
  'blue',
  `qemu: {listen: ${vmSocket}}`,
  'nic: socket',
)}
`;

describe('a lab of two tenants, each with a virtual machine', () => {
  let running: SwitchProcess;
  const digests = new Map<string, string>();
  const file = () => join(running.folder, 'tapyard.yaml');
  const words = (...more: string[]) => tapyard(['lab', ...more]);
  const exec = async (server: string, ...command: string[]) => {
    const process = new Process(LAUNCHER, ['lab', 'exec', '--socket', running.socket, file(), server, ...command]);
    const { code } = await process.ended;
    return { code, stdout: process.stdout, stderr: process.stderr };
  };
  /** Both at once: a machine is slow without hardware to help. */
  const ofEach = (test: (name: string) => Promise<void>) => async () => void (await Promise.all(TENANTS.map(test)));
  const servers = async () => (await running.call('servers')) as readonly Row[];
  const server = async (name: string) => (await servers()).find((row) => row['server'] === name);

  beforeAll(async () => {
    sweep();
    for (const name of TENANTS) {
      const bytes = randomBytes(BYTES);
      digests.set(name, createHash('sha256').update(bytes).digest('hex'));
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'data'), bytes);
    }
    running = await SwitchProcess.started(lab, {}, {}, ['lab', 'up']);
    const ready = async (name: string) => JSON.stringify(await running.call('console', { server: name }));
    for (const name of TENANTS) {
      await eventually(
        `the boot of ${name}/vm`,
        async () => (await ready(`${name}/vm`)).includes('guest ready'),
        BOOT_MS,
      );
    }
  }, 2 * BOOT_MS);
  afterAll(async () => {
    await running?.stop();
    for (const name of TENANTS) deleteNetns(own(name));
    rmSync(folder, { recursive: true });
  });

  it(
    'gives machines their addresses, one of them by the router',
    ofEach(async (name) => {
      const addresses = async () => (await exec(`${name}/vm`, 'ip', 'address', 'show', 'eth0')).stdout;
      expect(await addresses()).toContain('inet 10.0.10.2/24');
      // Advertised by the router of the tenant, made of the machine's MAC.
      const advertised = /inet6 fd00:10::[0-9a-f:]+\/64 scope global/;
      await eventually('an advertised address', async () => advertised.test(await addresses()));
    }),
  );

  it(
    'lets machines ping across the router',
    ofEach(async (name) => {
      const { code, stdout } = await exec(`${name}/vm`, 'ping', '-c', '3', '10.0.20.2');
      expect(stdout).toContain('3 packets transmitted, 3 packets received');
      expect(code).toBe(0);
      expect((await exec(`${name}/vm`, 'ping', '-c', '1', '-W', '1', '10.0.20.77')).code).toBe(1);
    }),
  );

  it(
    'moves 10 MB over TCP to each machine, those of its own tenant',
    ofEach(async (name) => {
      const { stdout } = await exec(`${name}/vm`, 'sh', '-c', 'wget -q -O - http://10.0.20.2/data | sha256sum');
      expect(stdout.split(' ')[0]).toBe(digests.get(name));
    }),
  );

  it('accounts for every frame of it', async () => {
    await expectBooksToBalance(running);
    const ports = await running.show('ports');
    for (const name of TENANTS) {
      const port = ports.find((row) => row['tenant'] === name && row['port'] === 'vm');
      expect(port).toMatchObject({ link: 'up', kind: name === 'red' ? 'netdev' : 'qemu' });
      expect(Number(port?.['tx_bytes'])).toBeGreaterThan(BYTES);
    }
  });

  it('shows its servers, and what a console has said', async () => {
    const status = words('status', '--socket', running.socket, file());
    expect(status.stdout).toMatch(/red\/vm +qemu +vm +running/);
    expect(words('console', '--once', '--socket', running.socket, file(), 'red/vm').stdout).toContain('guest ready');
    expect(readFileSync(join(folder, 'red.log'), 'utf8')).toContain('guest ready');
    const wrong = words('exec', '--socket', running.socket, file(), 'vm', 'true');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('name one of red/vm, blue/vm')]);
    const other = words('status', '--socket', running.socket, join(folder, 'other.yaml'));
    expect([other.code, other.stderr]).toEqual([69, expect.stringContaining('name that file')]);
    expect((await exec('red/web', 'sh', '-c', 'exit 7')).code).toBe(7);
  });

  it('starts a machine again that was killed, and forwards on meanwhile', async () => {
    const before = Number((await server('blue/vm'))?.['pid']);
    process.kill(before, 'SIGKILL');
    await eventually('its end', async () => (await server('blue/vm'))?.['state'] === 'waiting');
    expect((await exec('red/vm', 'ping', '-c', '2', '10.0.20.2')).code).toBe(0);
    const again = await eventually('its next start', async () => {
      const row = await server('blue/vm');
      return row?.['state'] === 'running' ? row : null;
    });
    expect(again).toMatchObject({ restarts: 1 });
    await eventually('its connection', async () => {
      const port = (await running.show('ports')).find((row) => row['tenant'] === 'blue' && row['port'] === 'vm');
      return port?.['link'] === 'up';
    });
    expect(running.stderr).toMatch(/server blue\/vm is waiting: SIGKILL/);
  });

  it('leaves nothing behind when it goes down', async () => {
    const pids = (await servers()).map(({ pid }) => Number(pid));
    expect(pids.every(isAlive)).toBe(true);
    expect(words('down', '--socket', running.socket, file())).toMatchObject({ code: 0, stderr: '' });
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter(isAlive)).toEqual([]);
    expect([findLink(tap), netnsExists(own('red')), existsSync(vmSocket)]).toEqual([undefined, false, false]);
  });

  it('takes machines and TAPs along when it is killed', async () => {
    await running.stop();
    running = await SwitchProcess.started(lab, {}, {}, ['lab', 'up']);
    const pids = (await servers()).map(({ pid }) => Number(pid));
    expect(findLink(tap)).toBeDefined();
    await running.end('SIGKILL');
    await eventually('the end of all', () => pids.filter(isAlive).length === 0);
    await eventually('the end of the TAP', () => findLink(tap) === undefined);
  });
});
