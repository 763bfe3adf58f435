import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatDiagnostics } from '../../src/control/config/diagnostics.ts';
import { loadConfig, parseConfig } from '../../src/control/config/load.ts';
import type { UserError } from '../../src/errors.ts';

const config = (...servers: string[]) => `version: 1
tenants:
  red:
    bridge:
      ports:
        sock: {qemu: {listen: /run/a.sock}}
        join: {netdev: red-vm, mtu: 9000, mac: '02:00:00:00:00:07'}
        host: {tap: red-host, netns: red-host}
        bare: {tap: red-bare}
    servers:
${servers.map((line) => `      ${line}\n`).join('')}`;

const parse = (...servers: string[]) => parseConfig(config(...servers), '/lab/f.yaml');
/** A file that is there on every machine. */
const kernel = '/proc/version';

const refused: readonly (readonly [line: string, message: string])[] = [
  ['a: {kind: qemu, port: sock}', 'neither kernel nor disk'],
  [`a: {kind: qemu, port: nowhere, kernel: ${kernel}}`, "has no port 'nowhere'"],
  [`a: {kind: qemu, port: host, kernel: ${kernel}}`, "port 'host' takes no virtual machine"],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, nic: tap}`, "port 'sock' takes nic: socket"],
  [`a: {kind: qemu, port: sock, disk: ${kernel}, append: quiet}`, 'append goes with kernel'],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, run: [true]}`, 'expected a list of words'],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, run: [ls]}`, 'run goes with kind: namespace'],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, memory: 1Mi}`, '1Mi is out of range'],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, memory: big}`, 'expected a size'],
  [`a: {kind: qemu, port: sock, kernel: ${kernel}, cpu_share: 0}`, '0 is out of range'],
  ['a: {kind: namespace, port: bare}', "port 'bare' is no tap with netns"],
  ['a: {kind: namespace, port: sock}', "port 'sock' is no tap with netns"],
  ['a: {kind: namespace, port: host, memory: 1Gi}', 'memory goes with kind: qemu'],
  ['a: {kind: container, port: host}', 'expected one of namespace, qemu'],
  ['a: {kind: namespace}', 'port'],
];

describe('servers of a configuration', () => {
  it.each(refused)('are refused: %s', (line, message) => {
    const { diagnostics = [] } = parse(line);
    expect(formatDiagnostics(diagnostics)).toContain(message);
    expect(diagnostics.length).toBe(1);
    expect(diagnostics[0].cure).not.toBe('');
  });

  it('name files that are there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'config-servers-'));
    const path = join(folder, 'f.yaml');
    writeFileSync(path, config('a: {kind: qemu, port: sock, kernel: vmlinuz, initrd: f.yaml}'));
    const { diagnostics } = await loadConfig(path).then(
      () => ({ diagnostics: [] }),
      (error: UserError) => error,
    );
    rmSync(folder, { recursive: true });
    expect(diagnostics.map(({ message }) => message)).toEqual([`there is no file ${join(folder, 'vmlinuz')}`]);
  });

  it('have a port each, and a console each', () => {
    const one = `{kind: qemu, port: sock, kernel: ${kernel}, console: a.log}`;
    const { diagnostics = [] } = parse(`a: ${one}`, `b: ${one}`);
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ['config-taken', "port 'sock' has a server"],
      ['config-taken', "'a.log' is used twice"],
    ]);
  });

  it('become models with everything explicit', () => {
    const { model } = parse(
      `vm: {kind: qemu, port: join, kernel: ${kernel}, append: quiet, console: vm.log}`,
      `other: {kind: qemu, port: sock, disk: ${kernel}, memory: 1Gi, cpus: 2, accel: kvm, restart: never, cpu_share: 50}`,
      'web: {kind: namespace, port: host, run: [httpd, -p, 80], restart: always}',
    );
    const [vm, other, web] = model?.tenants[0]?.servers ?? [];
    expect(vm).toEqual({
      ...{ name: 'vm', kind: 'qemu', port: 'join', restart: 'on-failure', cpuShare: null, cpus: 1 },
      ...{ memory: 256 * 2 ** 20, disk: null, kernel, initrd: null, append: 'quiet', accel: 'auto' },
      ...{ console: '/lab/vm.log', mac: '02:00:00:00:00:07', nic: { kind: 'tap', device: 'red-vm', mtu: 9000 } },
    });
    expect(other).toMatchObject({
      memory: 2 ** 30,
      cpus: 2,
      cpuShare: 50,
      nic: { kind: 'socket', path: '/run/a.sock' },
    });
    // The same at every start, and QEMU's own prefix.
    expect(other).toMatchObject({ mac: expect.stringMatching(/^52:54:00(:[0-9a-f]{2}){3}$/) });
    expect(web).toEqual({
      ...{ name: 'web', kind: 'namespace', port: 'host', restart: 'always', cpuShare: null },
      ...{ netns: 'red-host', run: ['httpd', '-p', '80'] },
    });
  });
});
