import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ffi from '../../native-free/ffi.ts';
import { netnsExists } from '../../native-free/netns.ts';
import { runTool } from '../../native-free/tool.ts';
import { Program, stream } from '../../src/lab/program.ts';
import { Listener, ping, tell, tryTcp } from '../../src/lab/reach.ts';
import { Socket, SocketOption } from '../../src/lab/traffic/sockets.ts';
import { expectBooksToBalance } from '../support/books.ts';
import { allowEcho, greet } from '../support/hosts.ts';
import { cpuSeconds, eventually, own, SwitchProcess, sweep } from '../support/switch-process.ts';

const host = (what: string) => `tap: ${own(what)}, netns: ${own(what)}`;

const lab = (more = '') => `
version: 1
tenants:
  red:
    bridge:
      ports:
        w1: {${host('w1')}, vlan: 10, address: 10.0.10.11/24, gateway: 10.0.10.1}
        w2: {${host('w2')}, vlan: 10, address: 10.0.10.12/24, gateway: 10.0.10.1}
        d1: {${host('d1')}, vlan: 20, address: 10.0.20.11/24, gateway: 10.0.20.1}
        s1: {${host('s1')}, vlan: 30, address: 10.0.30.11/24, gateway: 10.0.30.1}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64']}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64']}
        small: {vlan: 30, addresses: [10.0.30.1/24], mtu: 1400}
    acls:
      web-in:
        rules:
          - {deny: {proto: tcp, to: 10.0.20.0/24, dport: 22}, log: true}
          - {allow: any}
        ingress: [w1]
  blue:
    bridge:
      ports:
        w1: {${host('b1')}, vlan: 10, address: 10.0.10.11/24}
        w2: {${host('b2')}, vlan: 10, addresses: [10.0.10.12/24, 10.0.10.99/24]}
${more}`;

/** The address that a host made for itself in a prefix it heard of, once it knows that nobody else has it (RFC 4862, 5.4). */
function advertised(netns: string): string | undefined {
  const text = runTool('ip', ['-n', netns, '-6', '-j', 'addr', 'show', 'scope', 'global', '-tentative', 'dynamic']);
  return (JSON.parse(text) as { addr_info?: { local: string }[] }[]).find(({ addr_info }) => addr_info)?.addr_info?.[0]
    .local;
}

beforeAll(sweep);

describe.each(['uring', 'poll'])('a switch of two tenants over %s', (io) => {
  let running: SwitchProcess;
  const servers: { close(): void }[] = [];
  const never = new AbortController().signal;
  const [w1, w2, d1, s1, b1, b2] = ['w1', 'w2', 'd1', 's1', 'b1', 'b2'].map(own);

  beforeAll(async () => {
    running = await SwitchProcess.started(lab(), { TAPYARD_IO: io });
    for (const netns of [w1, w2, d1, s1, b1, b2]) allowEcho(netns);
    servers.push(greet(w2, 80, 'red w2'), greet(d1, 80, 'red d1'), greet(d1, 22, 'red ssh'), greet(b2, 80, 'blue w2'));
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    await running?.stop();
  });

  it('says ready and nothing else on stdout, and uses the way that was asked for', async () => {
    expect(running.stdout).toBe('ready\n');
    expect(await running.show('workers')).toMatchObject([{ io }]);
  });

  it('carries pings within a VLAN and through the router', async () => {
    expect(await ping(w1, '10.0.10.12', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    expect(await ping(w1, '10.0.20.11', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    expect(await ping(d1, '10.0.10.1', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
  });

  it('configures IPv6 hosts by advertisements alone, and routes between them', async () => {
    const address = await eventually('an address in fd00:20::/64', () => advertised(d1));
    const source = await eventually('an address in fd00:10::/64', () => advertised(w1));
    expect(address).toMatch(/^fd00:20::/);
    expect(await ping(w1, address, { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    expect(await stream(w1, d1, source, 0.5, never)).toMatchObject({ wrong: 0 });
  });

  it('answers a hop limit of 1 for both families', async () => {
    const once = { echo: true, count: 1, hopLimit: 1, signal: never };
    expect(await ping(w1, '10.0.20.11', once)).toMatchObject({ received: 0, errors: ['EHOSTUNREACH'] });
    expect(await ping(w1, advertised(d1)!, once)).toMatchObject({ received: 0, errors: ['EHOSTUNREACH'] });
  });

  it('keeps tenants with the same addresses apart', async () => {
    expect(await tryTcp(w1, '10.0.10.12', 80, 2000, never)).toEqual({ outcome: 'open', said: 'red w2' });
    expect(await tryTcp(b1, '10.0.10.12', 80, 2000, never)).toEqual({ outcome: 'open', said: 'blue w2' });
    expect(await ping(b1, '10.0.10.99', { echo: true, count: 1, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 1,
    });
    const short = { echo: true, count: 2, timeoutMs: 300, signal: never };
    expect(await ping(w1, '10.0.10.99', short)).toMatchObject({ received: 0 });
    const listeners = [w2, b2].map((netns) => new Listener(netns, 4242));
    await tell(w1, '10.0.10.12', 4242, 'red', 50, never);
    await tell(w1, '10.0.10.255', 4242, 'all of red', 5, never);
    await eventually('the last broadcast', () => listeners[0].count('all of red') === 5);
    expect(listeners[0].count('red')).toBe(50);
    expect(listeners[1].count('red') + listeners[1].count('all of red')).toBe(0);
    for (const listener of listeners) listener.close();
  });

  it('blocks what an ACL denies, counts it and says so', async () => {
    expect(await tryTcp(w1, '10.0.20.11', 80, 2000, never)).toMatchObject({ outcome: 'open' });
    expect(await tryTcp(w2, '10.0.20.11', 22, 2000, never)).toMatchObject({ outcome: 'open' });
    expect(await tryTcp(w1, '10.0.20.11', 22, 500, never)).toMatchObject({ outcome: 'silent' });
    const [denied] = await running.show('acls');
    expect(Number(denied['hits'])).toBeGreaterThan(0);
    await eventually('a log entry', () => running.stderr.includes('acl-log tenant=red'));
  });

  it('carries TCP with super-frames within a VLAN and through the router', async () => {
    for (const [to, address] of [
      [w2, '10.0.10.11'],
      [d1, '10.0.10.11'],
    ] as const) {
      const { bytes, compared, wrong } = await stream(w1, to, address, 0.5, never);
      expect(bytes).toBeGreaterThan(1 << 20);
      expect(compared).toBeGreaterThan(0);
      expect(wrong).toBe(0);
    }
  });

  it('tells hosts the MTU of the way, so that TCP through a smaller interface completes', async () => {
    const { bytes, wrong } = await stream(w1, s1, '10.0.10.11', 1, never);
    expect(wrong).toBe(0);
    expect(bytes).toBeGreaterThan(1 << 20);
    expect(runTool('ip', ['-n', w1, 'route', 'get', '10.0.30.11'])).toMatch(/ mtu 1400/);
  });

  it('fragments what may be fragmented, and hosts put it together', async () => {
    const [from, to] = [new Socket('udp', 4, w2), new Socket('udp', 4, s1)];
    const [sent, got] = [ffi.sharedBytes(8000), ffi.sharedBytes(9000)];
    for (let i = 0; i < sent.length; i++) sent[i] = i * 7;
    from.set([0, 10], 0); // IP_MTU_DISCOVER, IP_PMTUDISC_DONT: without DF; source: linux/in.h
    to.set(SocketOption.ReceiveBufferForce, 1 << 20);
    to.bind('0.0.0.0', 4243);
    from.connect('10.0.30.11', 4243);
    for (const length of [8000, 1472]) {
      expect(ffi.write(from.fd, ffi.address(sent), BigInt(length))).toBe(length);
      const received = await eventually(
        'the datagram',
        () => Math.max(0, ffi.read(to.fd, ffi.address(got), 9000n)) || null,
      );
      expect(received).toBe(length);
      expect(Buffer.compare(got.subarray(0, length), sent.subarray(0, length))).toBe(0);
    }
    from.close();
    to.close();
  });

  it('delivers UDP in order in both directions at once', async () => {
    const sinks = [w2, w1].map(
      (netns) => new Program(netns, 'udp-sink', { port: 7100, flows: 8, idle: 1, seconds: 15 }),
    );
    await Promise.all(sinks.map((sink) => sink.next()));
    const floods = [
      new Program(w1, 'udp-flood', { to: '10.0.10.12', port: 7100, flows: 8, pps: 5_000, frames: 10_000, super: 0 }),
      new Program(w2, 'udp-flood', { to: '10.0.10.11', port: 7100, flows: 8, pps: 5_000, frames: 10_000, super: 0 }),
    ];
    await Promise.all(floods.map((flood) => flood.report()));
    for (const sink of sinks) {
      const report = await sink.report();
      expect(report).toMatchObject({ outOfOrder: 0, duplicated: 0, corrupt: 0 });
      expect(Number(report['received'])).toBeGreaterThan(9000);
    }
  });

  it('sees a link go down and come up, and drops meanwhile as link-down', async () => {
    const link = async () =>
      (await running.show('ports')).find(({ tenant, port }) => tenant === 'red' && port === 'w2')?.['link'];
    runTool('ip', ['-n', w2, 'link', 'set', 'dev', w2, 'down']);
    await eventually('down', async () => (await link()) === 'down');
    const before = (await running.drops('red'))['link-down'] ?? 0;
    await ping(w1, '10.0.10.12', { echo: true, count: 2, timeoutMs: 100, signal: never });
    await eventually('drops', async () => ((await running.drops('red'))['link-down'] ?? 0) > before);
    runTool('ip', ['-n', w2, 'link', 'set', 'dev', w2, 'up']);
    await eventually('up', async () => (await link()) === 'up');
    expect(running.stderr).toContain(`link ${w2} in namespace ${w2} is down`);
    await eventually('it says so', () => running.stderr.includes(`link ${w2} in namespace ${w2} is up`));
    expect(await ping(w1, '10.0.10.12', { echo: true, count: 3, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 3,
    });
  });

  it('accounts for every frame and has every buffer back', async () => {
    await expectBooksToBalance(running);
    for (const worker of await running.show('workers')) {
      expect(worker).toMatchObject({ heads_free: worker['heads'], bodies_free: worker['bodies'] });
    }
  });

  it('sleeps when nothing moves', async () => {
    const pid = running.child.pid!;
    const turns = async () => Number((await running.show('workers'))[0]['turns']);
    // Hosts chatter after their links came up; the quietest of some spans is what an idle switch does.
    let least = Number.POSITIVE_INFINITY;
    let cpu = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 30 && (least > 25 || cpu >= 0.03); i++) {
      const [before, used, start] = [await turns(), cpuSeconds(pid), performance.now()];
      await sleep(2000);
      const seconds = (performance.now() - start) / 1000;
      least = Math.min(least, ((await turns()) - before) / seconds);
      cpu = Math.min(cpu, (cpuSeconds(pid) - used) / seconds);
    }
    expect(least).toBeLessThanOrEqual(25);
    expect(cpu).toBeLessThan(0.03);
  });

  it('polls under load', async () => {
    const workers = async () => (await running.show('workers'))[0];
    const before = await workers();
    await stream(w1, w2, '10.0.10.11', 0.5, never);
    const after = await workers();
    const grown = (column: string) => Number(after[column]) - Number(before[column]);
    // Asleep between frames it would turn some 25 times a second.
    expect(grown('turns')).toBeGreaterThan(200);
  });

  it('ends at SIGTERM with 0, and takes its devices and namespaces with it', async () => {
    expect(await running.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
    expect([w1, w2, d1, s1, b1, b2].filter(netnsExists)).toEqual([]);
  });
});
