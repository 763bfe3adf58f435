import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LinuxError } from '../../native-free/errors.ts';
import * as ffi from '../../native-free/ffi.ts';
import { addAddresses, findLink, ip, setLink, setRoute } from '../../native-free/links.ts';
import { createNetns, deleteNetns, withNetns } from '../../native-free/netns.ts';
import { joinDevice, type Redirect } from '../../native-free/redirect.ts';
import { openTap, type Tap } from '../../native-free/tap.ts';

const netns = `nfr-${process.pid}`;
const READ_SIZE = 4096;
let tap: Tap;
let joined: Redirect | undefined;

const run = (...words: string[]) => spawnSync('ip', ['netns', 'exec', netns, ...words], { encoding: 'utf8' }).stdout;
const tc = (...words: string[]) => run('tc', ...words);

/** All that joining may touch, as text: equal texts are an exact undo. */
function state(device: string): string {
  const link = findLink(device, netns);
  const addresses = link?.addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local);
  const ipv6 = run('cat', `/proc/sys/net/ipv6/conf/${device}/disable_ipv6`);
  const filters = tc('filter', 'show', 'dev', device, 'ingress');
  // The carrier comes a moment after the link.
  const flags = link?.flags.filter((flag) => flag !== 'NO-CARRIER' && flag !== 'LOWER_UP');
  return [flags, addresses, ipv6, tc('qdisc', 'show', 'dev', device), filters].join('\n');
}

async function until(what: () => boolean): Promise<boolean> {
  for (let turn = 0; turn < 500 && !what(); turn++) await sleep(10);
  return what();
}

/** @returns the EtherTypes of frames waiting in the TAP's fd */
function received(): number[] {
  const bytes = ffi.sharedBytes(READ_SIZE);
  const types: number[] = [];
  while (ffi.read(tap.fds[0], ffi.address(bytes), BigInt(READ_SIZE)) > 0) types.push((bytes[22] << 8) | bytes[23]);
  return types;
}

/** A broadcast of an EtherType that nobody else uses, out of the peer of the joined device: packet(7). */
function sendFromPeer(): void {
  withNetns(netns, () => {
    const [AF_PACKET, SOCK_RAW] = [17, 3];
    const fd = ffi.socket(AF_PACKET, SOCK_RAW, 0);
    const to = new Int32Array(new SharedArrayBuffer(20));
    to[0] = AF_PACKET;
    to[1] = ffi.ifNameToIndex('peer');
    expect(ffi.bind(fd, ffi.address(to), 20)).toBe(0);
    const frame = ffi.sharedBytes(60);
    frame.fill(0xff, 0, 6);
    frame.set([2, 2, 2, 2, 2, 2, 0x88, 0xb5], 6);
    expect(ffi.write(fd, ffi.address(frame), 60n)).toBe(60);
    ffi.close(fd);
  });
}

const sent = (device: string) => {
  const links = JSON.parse(run('ip', '-j', '-s', 'link', 'show', 'dev', device)) as {
    stats64: { rx: { packets: number } };
  }[];
  return links[0].stats64.rx.packets;
};

beforeAll(() => {
  createNetns(netns);
  tap = openTap({ name: 'ours', netns });
});

beforeEach(() => {
  ip(netns, [['link', 'add', 'dev0', 'type', 'veth', 'peer', 'name', 'peer']]);
  run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/peer/disable_ipv6');
  setLink('peer', { up: true }, netns);
  setLink('dev0', { up: true, mtu: 1400 }, netns);
});

afterEach(() => {
  joined?.undo();
  joined = undefined;
  ip(netns, [['link', 'del', 'dev', 'dev0']]);
});

afterAll(() => {
  tap.close();
  deleteNetns(netns);
});

describe('a joined device', () => {
  test('passes frames both ways, silent itself, its MTU followed', async () => {
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    received();
    sendFromPeer();
    const types: number[] = [];
    await until(() => types.push(...received()) > 0);
    expect(types).toEqual([0x88b5]);
    const before = sent('peer');
    const frame = ffi.sharedBytes(10 + 60);
    frame.fill(0xff, 10, 16);
    frame.set([2, 2, 2, 2, 2, 2, 0x88, 0xb5], 16);
    expect(ffi.write(tap.fds[0], ffi.address(frame), 70n)).toBe(70);
    expect(await until(() => sent('peer') === before + 1)).toBe(true);
    expect(findLink('dev0', netns)).toMatchObject({ promiscuity: 1 });
    expect(findLink('ours', netns)).toMatchObject({ mtu: 1400 });
    joined.followMtu(9000);
    expect(findLink('ours', netns)).toMatchObject({ mtu: 9000 });
  });

  test('is as it was after undo', () => {
    const before = state('dev0');
    const oursBefore = tc('qdisc', 'show', 'dev', 'ours');
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    expect(state('dev0')).not.toBe(before);
    joined.undo();
    joined.undo();
    expect(state('dev0')).toBe(before);
    expect(tc('qdisc', 'show', 'dev', 'ours')).toBe(oursBefore);
  });

  test('keeps the filters that others put on it, before and after', () => {
    const mine = 'filter add dev dev0 ingress pref 7 protocol ip u32 match u32 0 0 flowid 1:1'.split(' ');
    tc('qdisc', 'add', 'dev', 'dev0', 'clsact');
    tc(...mine);
    const before = state('dev0');
    expect(before).toContain('pref 7');
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    joined.undo();
    expect(state('dev0')).toBe(before);
    tc('qdisc', 'del', 'dev', 'dev0', 'clsact');
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    tc(...mine.map((word) => (word === '7' ? '3' : word)));
    joined.undo();
    expect(tc('filter', 'show', 'dev', 'dev0', 'ingress')).toContain('pref 3');
    expect(tc('filter', 'show', 'dev', 'dev0', 'ingress')).not.toContain('pref 7');
  });

  test('that was down is up while joined, and IPv6 addresses come back', () => {
    addAddresses('dev0', ['fd05::1/64'], netns);
    setLink('dev0', { up: false }, netns);
    setLink('dev0', { up: true }, netns);
    addAddresses('dev0', ['fd05::1/64'], netns);
    const before = state('dev0');
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns, force: true });
    expect(findLink('dev0', netns)?.addr_info).toEqual([]);
    joined.undo();
    expect(state('dev0')).toBe(before);
    setLink('dev0', { up: false }, netns);
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns, force: true });
    expect(findLink('dev0', netns)?.flags).toContain('UP');
    joined.undo();
    expect(findLink('dev0', netns)?.flags).not.toContain('UP');
  });

  test('may be gone when it is undone', () => {
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    ip(netns, [['link', 'del', 'dev', 'dev0']]);
    joined.undo();
    expect(tc('filter', 'show', 'dev', 'ours', 'ingress')).toBe('');
    ip(netns, [['link', 'add', 'dev0', 'type', 'veth', 'peer', 'name', 'peer']]);
  });

  test('gets rid of what a dead instance left', () => {
    const dead = openTap({ name: 'dead', netns });
    tc('qdisc', 'add', 'dev', 'dev0', 'clsact');
    tc(...'filter add dev dev0 ingress pref 9 u32 match u32 0 0 action mirred egress redirect dev dead'.split(' '));
    dead.close();
    joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
    const filters = tc('filter', 'show', 'dev', 'dev0', 'ingress');
    expect(filters).not.toContain('pref 9');
    expect(filters).toContain('Redirect to device ours');
  });
});

describe('a device that carries the machine', () => {
  const join = (force?: boolean) => () => (joined = joinDevice({ device: 'dev0', tap: 'ours', netns, force }));

  test('is refused with an address, unless forced', () => {
    addAddresses('dev0', ['10.6.0.1/24'], netns);
    const before = state('dev0');
    expect(join()).toThrow(LinuxError);
    expect(join()).toThrow(/^joining failed on device dev0: it has the address 10\.6\.0\.1\. Cure: .*force\.$/);
    expect(state('dev0')).toBe(before);
    expect(join(true)).not.toThrow();
  });

  test('is refused with the default route', () => {
    ip(netns, [['route', 'add', 'default', 'dev', 'dev0']]);
    expect(join()).toThrow(/default route/);
  });

  test('is refused when it is not there', () => {
    expect(() => joinDevice({ device: 'nfnone', tap: 'ours', netns })).toThrow(/ENODEV/);
  });
});

test('a failure half-way leaves nothing', () => {
  const before = state('dev0');
  expect(() => joinDevice({ device: 'dev0', tap: 'nfnone', netns })).toThrow(LinuxError);
  expect(state('dev0')).toBe(before);
});

test('kill -9 of the one who joined undoes it', async () => {
  const before = state('dev0');
  const url = (file: string) => new URL(`../../native-free/${file}`, import.meta.url).href;
  const script = `import { openTap } from '${url('tap.ts')}'; import { joinDevice } from '${url('redirect.ts')}';
    const tap = openTap({ name: 'killed', netns: '${netns}' });
    joinDevice({ device: 'dev0', tap: 'killed', netns: '${netns}' });
    console.log('joined'); setInterval(() => tap, 1000);`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout, 'data');
  expect(state('dev0')).toContain('Redirect to device killed');
  child.kill('SIGKILL');
  await until(() => state('dev0') === before);
  expect(state('dev0')).toBe(before);
});

test('the default route of another family or device does not matter', () => {
  addAddresses('peer', ['10.5.0.1/24'], netns);
  setRoute('default', '10.5.0.2', 'peer', netns);
  joined = joinDevice({ device: 'dev0', tap: 'ours', netns });
  expect(joined.mtu).toBe(1400);
});
