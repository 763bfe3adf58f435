import { describe, expect, it } from 'vitest';
import { Inject, Punt } from '../../src/path/punt.ts';
import { type Frame, frame } from '../../src/wire/build.ts';
import { addressesOf, HOST_LINK_LOCAL, HOST_MAC, ROUTER_LINK_LOCAL, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const ethernet = { destination: ROUTER_MAC, source: HOST_MAC };

function udp4(
  settings: { from?: string; to?: string; size?: number; fragment?: number; mac?: string } & Partial<Frame> = {},
): Uint8Array {
  const { from = '10.0.10.2', to = '192.0.2.1', size = 20, fragment = 0, mac, ...layers } = settings;
  return frame({
    ethernet: mac === undefined ? ethernet : { ...ethernet, destination: mac },
    ipv4: { source: from, destination: to, fragment },
    udp: { source: 1000, destination: 2000 },
    payload: size,
    ...layers,
  });
}

function icmp4(type: number): Uint8Array {
  const ipv4 = { source: '10.0.10.2', destination: '10.0.10.1' };
  return frame({ ethernet, ipv4, icmp: { type }, payload: 40 });
}

function udp6(settings: { from?: string; to?: string; size?: number; mac?: string } = {}): Uint8Array {
  const { from = 'fd00:10::2', to = '2001:db8::1', size = 20, mac = ROUTER_MAC } = settings;
  return frame({
    ethernet: { destination: mac, source: HOST_MAC },
    ipv6: { source: from, destination: to },
    udp: { source: 1000, destination: 2000 },
    payload: size,
  });
}

describe('ICMP errors', () => {
  it.each([
    ['the TTL ran out', Punt.TtlExceeded, 0, '11/0', '3/0'],
    ['no route leads there', Punt.NoRoute, 0, '3/0', '1/0'],
    ['a rule rejects', Punt.Reject, 0, '3/13', '1/1'],
    ['the next hop does not answer', Punt.HostUnreachable, 0, '3/1', '1/3'],
  ])('say in both families that %s', (_, kind, argument, four, six) => {
    const rig = SlowRig.started();
    expect(rig.ask(kind, udp4(), { argument })).toEqual([`icmp ${four} 10.0.10.1 to 10.0.10.2, quotes 48`]);
    expect(rig.ask(kind, udp6(), { argument })).toEqual([`icmp ${six} fd00:10::1 to fd00:10::2, quotes 68`]);
  });

  it('say how long a packet may be', () => {
    const rig = SlowRig.started();
    const settings = { argument: 1400 };
    expect(rig.ask(Punt.TooBig, udp4(), settings)).toEqual(['icmp 3/4 10.0.10.1 to 10.0.10.2, value 1400, quotes 48']);
    expect(rig.ask(Punt.TooBig, udp6(), settings)).toEqual([
      'icmp 2/0 fd00:10::1 to fd00:10::2, value 1400, quotes 68',
    ]);
  });

  it('quote no more than fits into 576 bytes, or 1,280', () => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.NoRoute, udp4({ size: 1400 }))).toEqual(['icmp 3/0 10.0.10.1 to 10.0.10.2, quotes 548']);
    expect(rig.ask(Punt.NoRoute, udp6({ size: 1400 }).subarray(0, 1294))).toEqual([
      'icmp 1/0 fd00:10::1 to fd00:10::2, quotes 1232',
    ]);
  });

  it('are routed, since the way back may be another', () => {
    const rig = SlowRig.started({ workers: 2 });
    const [error] = rig.answer(Punt.NoRoute, udp4(), { worker: 1 });
    expect(error).toMatchObject({ kind: Inject.Route, worker: 1 });
  });

  it('come from the address of the interface that the packet came in by, nearest to the sender', () => {
    const db = { name: 'db', vlan: 20, addresses: addressesOf('10.0.20.1/24', '10.0.21.1/24') };
    const rig = SlowRig.started({ interfaces: [{}, db] });
    const from = (address: string, index: number) =>
      rig.ask(Punt.NoRoute, udp4({ from: address }), { interface: index })[0];
    expect(from('10.0.21.7', 1)).toContain('3/0 10.0.21.1 to 10.0.21.7');
    expect(from('198.51.100.9', 1)).toContain('3/0 10.0.20.1 to 198.51.100.9');
    expect(from('198.51.100.9', 0)).toContain('3/0 10.0.10.1 to 198.51.100.9');
  });

  it('come from another interface if that one has no address of the family, or there is none', () => {
    const bare = { name: 'bare', vlan: 30, addresses: [] };
    const rig = SlowRig.started({ interfaces: [bare, {}] });
    for (const index of [0, -1, 99]) {
      expect(rig.ask(Punt.NoRoute, udp4(), { interface: index })).toEqual([
        'icmp 3/0 10.0.10.1 to 10.0.10.2, quotes 48',
      ]);
    }
  });

  it('are not sent by a router without an address of the family', () => {
    const rig = SlowRig.started({ interfaces: [{ addresses: addressesOf('10.0.10.1/24') }] });
    expect(rig.ask(Punt.NoRoute, udp6())).toEqual([]);
    expect(rig.counters.icmpForbidden).toBe(1);
  });

  it('to a link-local address go back to the station', () => {
    const rig = SlowRig.started();
    const [error] = rig.answer(Punt.NoRoute, udp6({ from: HOST_LINK_LOCAL }));
    expect(error.kind).toBe(Inject.Bridge);
    expect(error.text).toContain(`${ROUTER_LINK_LOCAL} to ${HOST_LINK_LOCAL}`);
  });
});

describe('no ICMP error answers (RFC 1122, section 3.2.2; RFC 1812, section 4.3.2.7; RFC 4443, section 2.4)', () => {
  it.each([
    ['an ICMP error', icmp4(3)],
    ['a fragment that is not the first', udp4({ fragment: 10 })],
    ['a packet to a multicast address', udp4({ to: '239.1.1.1' })],
    ['a packet to the broadcast address of a link', udp4({ to: '10.0.10.255' })],
    ['a packet in a frame to a group', udp4({ mac: 'ff:ff:ff:ff:ff:ff' })],
    ['a packet from a multicast address', udp4({ from: '224.0.0.1' })],
    ['a packet from 0.0.0.0', udp4({ from: '0.0.0.0' })],
    ['a packet from the loopback network', udp4({ from: '127.0.0.1' })],
    ['a packet from the broadcast address of a link', udp4({ from: '10.0.10.255' })],
    ['a packet from the router itself', udp4({ from: '10.0.10.1' })],
    ['an IPv6 packet from ::', udp6({ from: '::' })],
    ['an IPv6 packet to a group', udp6({ to: 'ff05::1', mac: '33:33:00:00:00:01' })],
  ])('%s', (_, bytes) => {
    const rig = SlowRig.started();
    expect(rig.ask(Punt.NoRoute, bytes)).toEqual([]);
    expect(rig.counters.icmpForbidden).toBe(1);
  });

  it('but «packet too big» answers IPv6 multicast', () => {
    const rig = SlowRig.started();
    const bytes = udp6({ to: 'ff05::1', mac: '33:33:00:00:00:01' });
    expect(rig.ask(Punt.TooBig, bytes, { argument: 1280 })).toHaveLength(1);
  });

  it('what has no whole IP header', () => {
    const rig = SlowRig.started();
    for (const length of [0, 13, 14, 33]) expect(rig.ask(Punt.NoRoute, udp4().subarray(0, length))).toEqual([]);
    expect(rig.counters.malformed).toBe(4);
  });
});

describe('the rate of ICMP errors', () => {
  it('is limited a tenant: a burst of 50, then 100 a second', () => {
    const rig = SlowRig.started();
    const storm = (count: number) => {
      let sent = 0;
      for (let i = 0; i < count; i++) sent += rig.ask(Punt.NoRoute, udp4()).length;
      return sent;
    };
    expect(storm(200)).toBe(50);
    rig.pass(100);
    expect(storm(200)).toBe(10);
    rig.pass(60_000);
    expect(storm(200)).toBe(50);
    expect(rig.counters).toMatchObject({ icmpErrors: 110, icmpRateLimited: 490 });
    expect(rig.events[0]).toEqual({ kind: 'icmp-rate-limited', tenant: 'red', suppressed: 0 });
  });

  it('can be set, to nothing as well', () => {
    const rig = SlowRig.started({ limits: { icmpPerSecond: 0 } });
    expect(rig.ask(Punt.NoRoute, udp4())).toEqual([]);
  });

  it('does not limit answers to echo requests', () => {
    const rig = SlowRig.started({ limits: { icmpPerSecond: 0 } });
    expect(rig.ask(Punt.Local, icmp4(8))).toHaveLength(1);
  });
});
