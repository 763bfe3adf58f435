import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as ffi from '../../native-free/ffi.ts';
import { sendDatagram } from '../../native-free/unix-socket.ts';
import { eventually, LAUNCHER, own, Process, SwitchProcess } from '../support/switch-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'service-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A unix datagram socket, as a service manager has it (unix(7)). @param path a path, or `@name` */
function listener(path: string) {
  const [AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK] = [1, 2, 0o4000];
  const fd = ffi.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  const address = ffi.sharedBytes(2 + path.length);
  address[0] = AF_UNIX;
  address.set(Buffer.from(path.replace('@', '\0')), 2);
  expect(ffi.bind(fd, ffi.address(address), address.length)).toBe(0);
  const bytes = ffi.sharedBytes(4096);
  const said: string[] = [];
  return {
    said,
    /** Everything that has been said until now. */
    all: () => {
      for (let got = 1; got > 0; ) {
        got = ffi.read(fd, ffi.address(bytes), 4096n);
        if (got > 0) said.push(Buffer.from(bytes.slice(0, got)).toString());
      }
      return said;
    },
    close: () => ffi.close(fd),
  };
}

describe('a service manager', () => {
  it('is told of the start, of progress, of another configuration and of the end', async () => {
    const socket = join(folder, 'notify');
    const manager = listener(socket);
    const yaml = (ports: string) => `{version: 1, tenants: {red: {bridge: {ports: {${ports}}}}}}`;
    const process = new SwitchProcess(yaml('a: {memory: true}'), { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '100000' });
    try {
      await process.said('ready\n');
      await eventually('READY', () => manager.all()[0] === 'READY=1\nSTATUS=Forwarding: tenants 1, ports 1, workers 1');
      await eventually('progress', () => manager.all().filter((words) => words === 'WATCHDOG=1').length > 2);
      writeFileSync(join(process.folder, 'tapyard.yaml'), yaml('a: {memory: true}, b: {memory: true}'));
      process.child.kill('SIGHUP');
      await eventually('RELOADING', () =>
        manager.all().find((words) => /^RELOADING=1\nMONOTONIC_USEC=\d+\n/.test(words)),
      );
      await eventually('the new one', () =>
        manager.all().includes('READY=1\nSTATUS=Forwarding: tenants 1, ports 2, workers 1'),
      );
      expect(await process.end('SIGTERM')).toMatchObject({ code: 0 });
      expect(manager.all().at(-1)).toBe('STOPPING=1\nSTATUS=Ending');
    } finally {
      await process.stop();
      manager.close();
    }
  });

  it('may listen in the abstract namespace, or not at all', () => {
    const name = `@tapyard-test-${process.pid}`;
    const manager = listener(name);
    expect(sendDatagram(name, 'READY=1')).toBe(true);
    expect(manager.all()).toEqual(['READY=1']);
    manager.close();
    expect(sendDatagram(name, 'READY=1')).toBe(false);
    expect(sendDatagram(join(folder, 'nobody'), 'READY=1')).toBe(false);
  });
});

describe('the unit file', () => {
  const unit = readFileSync(new URL('../../examples/systemd/tapyard.service', import.meta.url), 'utf8');
  const tap = own('su');

  it('is one that systemd takes', () => {
    const file = join(folder, 'tapyard.service');
    // The program need not be installed here.
    writeFileSync(file, unit.replace('/usr/bin/tapyard', '/bin/true'));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect([status, stderr.split('\n').filter((line) => line.includes('tapyard'))]).toEqual([0, []]);
  });

  const capabilities = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1].toLowerCase().split(' ') ?? [];
  const bounding = `-all,${capabilities.map((name) => `+${name.slice(4)}`).join(',')}`;
  it('gives all privileges that are needed', async () => {
    const yaml = `{version: 1, tenants: {red: {bridge: {ports: {a: {tap: ${tap}, netns: ${tap}, address: 10.0.0.1/24}}}}}}`;
    const limited = `setpriv --no-new-privs --bounding-set ${bounding} sh`;
    const where = mkdtempSync(join(folder, 'run-'));
    writeFileSync(join(where, 'tapyard.yaml'), yaml);
    const words = [LAUNCHER, 'up', join(where, 'tapyard.yaml'), '--socket', join(where, 'control.sock')];
    const process = new Process('-c', [`exec ${limited} "$@"`, 'sh', ...words]);
    await process.said('ready\n');
    expect(await process.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});
