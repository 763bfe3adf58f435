import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Errno, LinuxError } from '../../native-free/errors.ts';
import * as ffi from '../../native-free/ffi.ts';
import { chooseIo, tryUring } from '../../native-free/io-mode.ts';
import * as links from '../../native-free/links.ts';
import { createNetns, deleteNetns, listNetns, netnsOwner, spawnInNetns, withNetns } from '../../native-free/netns.ts';
import { openTap } from '../../native-free/tap.ts';
import { type LinkEvent, LinkWatch, parseLinkLine } from '../../native-free/watch.ts';

const netns = `nft-${process.pid}`;

/** The code of what is thrown, and that the sentence names a cure. */
function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    expect(error.message).toMatch(/ failed on .+: .+\. Cure: .+\.$/s);
    return error.code;
  }
  return 'nothing thrown';
}

async function until(what: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !what(); turn++) await sleep(10);
}

beforeAll(() => createNetns(netns, 'tapyard:test'));
afterAll(() => deleteNetns(netns));

describe('a namespace', () => {
  test('is listed, knows its owner, and cannot be made twice', () => {
    expect(listNetns()).toContain(netns);
    expect(netnsOwner(netns)).toBe('tapyard:test');
    expect(netnsOwner('nf-no-such')).toBeUndefined();
    expect(codeOf(() => createNetns(netns))).toBe('E_NETNS_EXISTS');
    expect(() => deleteNetns('nf-no-such')).not.toThrow();
  });

  test('is left again, whatever happens inside', () => {
    const name = 'nfwhere';
    const tap = openTap({ name, netns });
    expect(withNetns(netns, () => ffi.ifNameToIndex(name))).toBeGreaterThan(0);
    expect(ffi.ifNameToIndex(name)).toBe(0);
    expect(() =>
      withNetns(netns, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(ffi.ifNameToIndex(name)).toBe(0);
    tap.close();
    expect(codeOf(() => withNetns('nf-no-such', () => 0))).toBe('E_NETNS_MISSING');
  });

  test('runs commands', async () => {
    const child = spawnInNetns(netns, 'ip', ['link', 'show', 'dev', 'lo'], { stdio: 'ignore' });
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  });
});

describe('a TAP', () => {
  test('is made inside its namespace as asked, silent, and goes when it is closed', () => {
    const mac = '02:00:00:00:0f:01';
    const tap = openTap({ name: 'eth0', netns, mac, mtu: 1400, alias: 'tapyard:a b' });
    expect(tap.created).toBe(true);
    expect(tap.offloads).toMatchObject({ csum: true, tso4: true, tso6: true });
    const link = links.findLink('eth0', netns);
    expect(link).toMatchObject({ address: mac, mtu: 1400, ifalias: 'tapyard:a b', txqlen: 1000, addr_info: [] });
    expect(link?.flags).toContain('LOWER_UP');
    const bytes = ffi.sharedBytes(2048);
    expect(ffi.orErrno(ffi.read(tap.fds[0], ffi.address(bytes), 2048n))).toBe(-Errno.EAGAIN);
    tap.close();
    tap.close();
    expect(links.findLink('eth0', netns)).toBeUndefined();
  });

  test('gives one fd a queue, and refuses a second holder', () => {
    const tap = openTap({ name: 'nfq', netns, queues: 2, offloads: false });
    expect(tap.fds).toHaveLength(2);
    expect(tap.offloads).toEqual({ csum: false, tso4: false, tso6: false, uso: false });
    expect(codeOf(() => openTap({ name: 'nfq', netns, queues: 2 }))).toBe('E_DEVICE_BUSY');
    tap.close();
    const single = openTap({ name: 'nfq', netns });
    expect(codeOf(() => openTap({ name: 'nfq', netns }))).toBe('E_DEVICE_BUSY');
    single.close();
  });

  test.each([1, 2])('that is persistent with %i queues outlives its fd and is attached to', (queues) => {
    openTap({ name: 'nfp', netns, queues, persistent: true }).close();
    const again = openTap({ name: 'nfp', netns });
    expect(again.created).toBe(false);
    again.close();
    openTap({ name: 'nfp', netns, persistent: false }).close();
    expect(links.findLink('nfp', netns)).toBeUndefined();
  });

  test('may have IPv6 on the host side', () => {
    const tap = openTap({ name: 'nf6', netns, ipv6: true });
    links.addAddresses('nf6', ['fd00::1/64', '10.9.0.1/24'], netns);
    expect(links.findLink('nf6', netns)?.addr_info.map(({ local }) => local)).toEqual(
      expect.arrayContaining(['fd00::1', '10.9.0.1']),
    );
    tap.close();
  });

  test('that cannot be had is a coded error with a cure, and leaves nothing', () => {
    expect(codeOf(() => openTap({ name: 'lo', netns }))).toBe('E_DEVICE_MODE');
    expect(codeOf(() => openTap({ name: 'sixteen-bytes-xx' }))).toBe('E_NAME');
    expect(codeOf(() => openTap({ name: 'nf%d' }))).toBe('E_NAME');
    expect(codeOf(() => openTap({ name: 'nfe', netns: 'nf-no-such' }))).toBe('E_NETNS_MISSING');
    expect(codeOf(() => openTap({ name: 'nfe', netns, mtu: 70_000 }))).toBe('E_VALUE');
    expect(codeOf(() => openTap({ name: 'nfe', netns, mac: 'zz' }))).toBe('E_VALUE');
    expect(links.findLink('nfe', netns)).toBeUndefined();
  });

  test('needs CAP_NET_ADMIN, and says so', () => {
    const script = `const { openTap } = await import('${new URL('../../native-free/tap.ts', import.meta.url)}');
      try { openTap({ name: 'nfcap' }); } catch (error) { console.log(error.code, error.message); }`;
    const words = ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', process.execPath, '--input-type=module'];
    const done = spawnSync('setpriv', [...words, '-e', script], { encoding: 'utf8' });
    expect(done.stdout).toMatch(/^E_TAP_PERMISSION .*EPERM.*CAP_NET_ADMIN/);
  });
});

describe('links', () => {
  test('are changed, moved, routed and deleted', () => {
    const tap = openTap({ name: 'nfl', up: false });
    expect(links.findLink('nfl')?.flags).not.toContain('UP');
    links.moveLink('nfl', undefined, netns);
    links.setLink('nfl', { up: true, mtu: 9000, promiscuous: true }, netns);
    expect(links.findLink('nfl', netns)).toMatchObject({ mtu: 9000, promiscuity: 1 });
    links.addAddresses('nfl', ['10.8.0.1/24'], netns);
    links.setRoute('default', '10.8.0.254', 'nfl', netns);
    expect(links.listRoutes(4, netns)[0]).toMatchObject({ dst: 'default', gateway: '10.8.0.254', dev: 'nfl' });
    links.setNeighbour('10.8.0.9', '02:00:00:00:00:09', 'nfl', netns);
    expect(links.listNeighbours(netns)[0]).toMatchObject({ dst: '10.8.0.9', lladdr: '02:00:00:00:00:09' });
    links.deleteRoute('default', '10.8.0.254', netns);
    links.deleteAddress('nfl', '10.8.0.1/24', netns);
    expect(links.listRoutes(4, netns)).toEqual([]);
    links.deleteLink('nfl', netns);
    expect(links.findLink('nfl', netns)).toBeUndefined();
    const bytes = ffi.sharedBytes(64);
    expect(ffi.orErrno(ffi.read(tap.fds[0], ffi.address(bytes), 64n))).toBe(-Errno.EBADFD);
    tap.close();
  });

  test('that are not there are named', () => {
    expect(codeOf(() => links.setLink('nfnone', { mtu: 1500 }, netns))).toBe('E_DEVICE_MISSING');
    expect(codeOf(() => links.setRoute('default', '1.2.3.4', 'lo', netns))).toBe('E_VALUE');
  });

  test('are watched in our namespace and in others', async () => {
    const seen: LinkEvent[] = [];
    const watch = new LinkWatch((event) => seen.push(event));
    watch.add(netns);
    await sleep(300);
    const told = (where: string | undefined, name: string, state: string) => () =>
      seen.some((event) => event.netns === where && event.name === name && event.state === state);
    const here = openTap({ name: 'nfw0', up: false });
    const there = openTap({ name: 'nfw1', netns });
    await until(told(netns, 'nfw1', 'up'));
    links.setLink('nfw1', { up: false }, netns);
    await until(() => seen.filter((event) => event.name === 'nfw1').at(-1)?.state === 'down');
    here.close();
    there.close();
    await until(told(netns, 'nfw1', 'gone'));
    await until(told(undefined, 'nfw0', 'gone'));
    watch.close();
    const states = (name: string) => new Set(seen.filter((event) => event.name === name).map(({ state }) => state));
    expect([...states('nfw0')]).toEqual(['down', 'gone']);
    expect(states('nfw1')).toEqual(new Set(['up', 'down', 'gone']));
  });

  test('are told of in lines that we can read', () => {
    const rest = 'qdisc noop state DOWN group default \\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff';
    expect(parseLinkLine(`[nsid 4]3: nf0@if7: <BROADCAST,UP,LOWER_UP> mtu 1400 ${rest}`)).toEqual({
      nsid: 4,
      name: 'nf0',
      state: 'up',
      mtu: 1400,
    });
    expect(parseLinkLine(`[nsid current]Deleted 8: v3: <BROADCAST> mtu 1500 ${rest}`)).toMatchObject({ state: 'gone' });
    expect(parseLinkLine(`8: v3: <NO-CARRIER,BROADCAST,UP> mtu 1500 ${rest}`)).toMatchObject({ state: 'down' });
    expect(parseLinkLine('nsid 3 (iproute2 netns name: x)')).toBeUndefined();
  });
});

describe('the I/O mode', () => {
  test('is io_uring where it works, poll where it is asked for', () => {
    expect(() => tryUring()).not.toThrow();
    expect(chooseIo(undefined)).toEqual({ mode: 'uring' });
    expect(chooseIo('poll')).toEqual({ mode: 'poll' });
    expect(codeOf(() => chooseIo('fast'))).toBe('E_VALUE');
  });
});
