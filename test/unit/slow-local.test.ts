import { describe, expect, it } from 'vitest';
import { Inject, Punt } from '../../src/path/punt.ts';
import { type Frame, frame } from '../../src/wire/build.ts';
import { addressesOf, HOST_LINK_LOCAL, HOST_MAC, ROUTER_LINK_LOCAL, ROUTER_MAC, SlowRig } from '../support/slow-rig.ts';

const ethernet = { destination: ROUTER_MAC, source: HOST_MAC };
const FRAGMENT = 44;

function ping4(settings: Partial<Frame> & { to?: string; from?: string; size?: number } = {}): Uint8Array {
  const { to = '10.0.10.1', from = '10.0.10.2', size = 56, ...layers } = settings;
  const ipv4 = { source: from, destination: to, identification: 77 };
  return frame({ ethernet, ipv4, icmp: { type: 8, rest: 0x12340001 }, payload: size, ...layers });
}

function ping6(
  settings: { to?: string; from?: string; size?: number; mac?: string; extensions?: boolean } = {},
): Uint8Array {
  const { to = 'fd00:10::1', from = 'fd00:10::2', size = 56, mac = ROUTER_MAC, extensions = false } = settings;
  const options = { type: 60, bytes: new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]) };
  return frame({
    ethernet: { destination: mac, source: HOST_MAC },
    ipv6: { source: from, destination: to, extensions: extensions ? [options] : [] },
    icmp: { type: 128, rest: 0x12340001 },
    payload: size,
  });
}

/** The fragments of an IPv4 packet, each with `step` bytes of its payload. */
function fragments4(whole: Uint8Array, step: number): Uint8Array[] {
  const payload = whole.subarray(34);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += step) {
    const more = at + step < payload.length ? 0x2000 : 0;
    const ipv4 = { source: '10.0.10.2', destination: '10.0.10.1', identification: 77, protocol: 1 };
    const fragment = more | (at >> 3);
    pieces.push(frame({ ethernet, ipv4: { ...ipv4, fragment }, payload: payload.subarray(at, at + step) }));
  }
  return pieces;
}

function fragments6(whole: Uint8Array, step: number): Uint8Array[] {
  const payload = whole.subarray(54);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += step) {
    const header = new Uint8Array(8);
    new DataView(header.buffer).setUint16(2, at | (at + step < payload.length ? 1 : 0));
    header[7] = 99;
    const ipv6 = { source: 'fd00:10::2', destination: 'fd00:10::1', nextHeader: 58 };
    const extensions = [{ type: FRAGMENT, bytes: header }];
    pieces.push(frame({ ethernet, ipv6: { ...ipv6, extensions }, payload: payload.subarray(at, at + step) }));
  }
  return pieces;
}

function send(rig: SlowRig, ...frames: Uint8Array[]): string[] {
  for (const bytes of frames) rig.punt(Punt.Local, bytes);
  rig.turn();
  return rig.sentences();
}

describe('echo requests', () => {
  it('are answered from the address that was asked, by a packet that is routed', () => {
    const rig = SlowRig.started();
    const [reply] = rig.answer(Punt.Local, ping4());
    expect(reply.text).toBe('echo reply 10.0.10.1 to 10.0.10.2, 56 bytes');
    expect(reply.kind).toBe(Inject.Route);
    expect([...reply.frame.subarray(38)]).toEqual([...ping4().subarray(38)]);
  });

  it('are answered in IPv6 too, also behind extension headers', () => {
    const rig = SlowRig.started();
    expect(send(rig, ping6(), ping6({ extensions: true }))).toEqual([
      'echo reply fd00:10::1 to fd00:10::2, 56 bytes',
      'echo reply fd00:10::1 to fd00:10::2, 56 bytes',
    ]);
  });

  it('from a link-local address are answered to the station that asked, since no route leads there', () => {
    const rig = SlowRig.started();
    const [reply] = rig.answer(Punt.Local, ping6({ from: HOST_LINK_LOCAL, to: ROUTER_LINK_LOCAL }));
    expect(reply).toMatchObject({
      kind: Inject.Bridge,
      vlan: 10,
      text: `echo reply ${ROUTER_LINK_LOCAL} to ${HOST_LINK_LOCAL}, 56 bytes`,
    });
    expect([...reply.frame.subarray(0, 12)]).toEqual([2, 0, 0, 0, 0x0a, 2, 2, 0, 0, 0, 0xff, 1]);
  });

  it('to an address of another interface are answered, but not to its link-local address', () => {
    const db = { name: 'db', vlan: 20, linkLocal: [0xfe800000, 0, 0, 0x20], addresses: addressesOf('10.0.20.1/24') };
    const rig = SlowRig.started({ interfaces: [{}, db] });
    expect(send(rig, ping4({ to: '10.0.20.1' }))).toEqual(['echo reply 10.0.20.1 to 10.0.10.2, 56 bytes']);
    expect(send(rig, ping6({ from: HOST_LINK_LOCAL, to: 'fe80::20' }))).toEqual([]);
  });

  it.each([
    ['all nodes', ping6({ to: 'ff02::1', mac: '33:33:00:00:00:01' })],
    ['the broadcast address', ping4({ to: '10.0.10.255' })],
    ['255.255.255.255', ping4({ to: '255.255.255.255' })],
    ['an address of nobody', ping4({ to: '10.0.10.77' })],
    ['our address in a broadcast frame', ping4({ ethernet: { destination: 'ff:ff:ff:ff:ff:ff', source: HOST_MAC } })],
  ])('to %s are not answered', (_, bytes) => {
    const rig = SlowRig.started();
    expect(send(rig, bytes)).toEqual([]);
    expect(rig.counters.ignored).toBe(1);
  });

  it('with a wrong checksum of IP or ICMP are not answered', () => {
    const rig = SlowRig.started();
    const [header, message, message6] = [ping4(), ping4(), ping6()];
    header[25] ^= 1;
    message[60] ^= 1;
    message6[60] ^= 1;
    expect(send(rig, header, message, message6)).toEqual([]);
    expect(rig.counters).toMatchObject({ malformed: 1, ignored: 2 });
  });

  it('padded to the shortest frame are answered without the padding', () => {
    const rig = SlowRig.started();
    expect(send(rig, ping4({ size: 0, pad: true }))).toEqual(['echo reply 10.0.10.1 to 10.0.10.2, 0 bytes']);
  });

  it('and errors and replies of others get no answer', () => {
    const rig = SlowRig.started();
    expect(send(rig, ping4({ icmp: { type: 0 } }), ping4({ icmp: { type: 3, code: 1 } }))).toEqual([]);
  });
});

describe('other services of the router', () => {
  it('are said not to be there: ports of UDP and TCP, and other protocols', () => {
    const rig = SlowRig.started();
    const ends = { source: '10.0.10.2', destination: '10.0.10.1' };
    const udp = frame({ ethernet, ipv4: ends, udp: { source: 1, destination: 53 }, payload: 20 });
    const tcp = frame({ ethernet, ipv4: ends, tcp: { source: 1, destination: 22 } });
    const gre = frame({ ethernet, ipv4: { ...ends, protocol: 47 }, payload: 20 });
    expect(send(rig, udp, tcp, gre)).toEqual([
      'icmp 3/3 10.0.10.1 to 10.0.10.2, quotes 48',
      'icmp 3/3 10.0.10.1 to 10.0.10.2, quotes 40',
      'icmp 3/2 10.0.10.1 to 10.0.10.2, quotes 40',
    ]);
  });

  it('are said not to be there in IPv6: ports, and next headers by their place in the packet', () => {
    const rig = SlowRig.started();
    const ends = { source: 'fd00:10::2', destination: 'fd00:10::1' };
    const options = { type: 60, bytes: new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]) };
    const udp = frame({ ethernet, ipv6: ends, udp: { source: 1, destination: 53 }, payload: 20 });
    const gre = frame({ ethernet, ipv6: { ...ends, nextHeader: 47 }, payload: 20 });
    const behind = frame({ ethernet, ipv6: { ...ends, nextHeader: 47, extensions: [options] }, payload: 20 });
    const nothing = frame({ ethernet, ipv6: { ...ends, nextHeader: 59 }, payload: 20 });
    expect(send(rig, udp, gre, behind, nothing)).toEqual([
      'icmp 1/4 fd00:10::1 to fd00:10::2, quotes 68',
      'icmp 4/1 fd00:10::1 to fd00:10::2, value 6, quotes 60',
      'icmp 4/1 fd00:10::1 to fd00:10::2, value 40, quotes 68',
    ]);
  });

  it('are said not to be there when only the beginning of a long packet came', () => {
    const rig = SlowRig.started();
    const ipv4 = { source: '10.0.10.2', destination: '10.0.10.1' };
    const long = frame({ ethernet, ipv4, tcp: { source: 1, destination: 22 }, payload: 30_000 });
    rig.punt(Punt.Local, long.subarray(0, 9234), { frameLength: long.length });
    rig.turn();
    expect(rig.sentences()).toEqual(['icmp 3/3 10.0.10.1 to 10.0.10.2, quotes 548']);
  });
});

describe('fragments of an echo request', () => {
  it('are put together in whatever order they come, and the answer of IPv4 goes to the path as one packet', () => {
    const rig = SlowRig.started();
    const pieces = fragments4(ping4({ size: 4000 }), 1480);
    expect(pieces).toHaveLength(3);
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      expect(send(rig, ...order.map((i) => pieces[i]))).toEqual(['echo reply 10.0.10.1 to 10.0.10.2, 4000 bytes']);
    }
    expect(rig.counters.reassembled).toBe(3);
  });

  it('that make the longest packet of all are answered, if the ring to the worker is large enough', () => {
    const rig = SlowRig.started();
    expect(send(rig, ...fragments4(ping4({ size: 65_507 }), 9000))).toEqual([
      'echo reply 10.0.10.1 to 10.0.10.2, 65507 bytes',
    ]);
    const small = SlowRig.started({ injectBytes: 1 << 16 });
    expect(send(small, ...fragments4(ping4({ size: 65_507 }), 9000))).toEqual([]);
    expect(small.counters).toMatchObject({ injectFull: 1, echoReplies: 0 });
  });

  it('of IPv6 are answered by fragments, of the size that came', () => {
    const rig = SlowRig.started();
    expect(send(rig, ...fragments6(ping6({ size: 4000 }), 1448))).toEqual([
      'fragment 0 of fd00:10::1 to fd00:10::2',
      'fragment 1448 of fd00:10::1 to fd00:10::2',
      'fragment 2896 of fd00:10::1 to fd00:10::2',
    ]);
    expect(rig.counters).toMatchObject({ reassembled: 1, echoReplies: 1 });
  });

  it('that went through a narrow link are answered by as small ones, but not below 1,280 bytes', () => {
    const rig = SlowRig.started();
    for (const [step, count] of [
      [1400, 3],
      [600, 4],
    ]) {
      rig.punt(Punt.Local, ping4());
      rig.turn();
      rig.sent();
      for (const piece of fragments6(ping6({ size: 4000 }), step)) rig.punt(Punt.Local, piece);
      rig.turn();
      const sent = rig.sent();
      expect(sent).toHaveLength(count);
      for (const { frame: bytes } of sent) expect(bytes.length - 14).toBeLessThanOrEqual(Math.max(1280, step + 48));
    }
  });

  it('make again, put together, what the answer was', () => {
    const one = SlowRig.started();
    for (const piece of fragments6(ping6({ size: 4000 }), 1448)) one.punt(Punt.Local, piece);
    one.turn();
    // What we sent, asked of the router itself: replies are not answered, so only its reassembly speaks.
    const there = SlowRig.started({ interfaces: [{ addresses: addressesOf('fd00:10::2/64') }] });
    for (const { frame: bytes } of one.sent()) there.punt(Punt.Local, bytes);
    there.turn();
    expect(there.counters).toMatchObject({ reassembled: 1, malformed: 0 });
  });

  it('that is all there is (RFC 6946) are answered at once', () => {
    const rig = SlowRig.started();
    expect(send(rig, ...fragments6(ping6({ size: 100 }), 1448))).toEqual([
      'echo reply fd00:10::1 to fd00:10::2, 100 bytes',
    ]);
    expect(rig.counters.reassembled).toBe(0);
  });

  it('that overlap spoil their datagram (RFC 5722)', () => {
    const rig = SlowRig.started();
    const pieces = fragments4(ping4({ size: 4000 }), 1480);
    const overlap = fragments4(ping4({ size: 4000 }), 1472)[1];
    expect(send(rig, pieces[0], overlap, pieces[1], pieces[2])).toEqual([]);
    expect(send(rig, ...pieces)).toEqual([]);
    rig.pass(30_000);
    expect(send(rig, ...pieces)).toHaveLength(1);
  });

  it('that do not all come are given up after 30 seconds, and the sender of the first hears of it', () => {
    const rig = SlowRig.started();
    const [first, second] = fragments4(ping4({ size: 4000 }), 1480);
    expect(send(rig, first)).toEqual([]);
    expect(rig.pass(29_999)).toEqual([]);
    expect(rig.pass(1)).toEqual(['icmp 11/1 10.0.10.1 to 10.0.10.2, quotes 548']);
    send(rig, second);
    expect(rig.pass(30_000)).toEqual([]);
    expect(rig.counters.reassemblyTimeouts).toBe(2);
  });

  it('that were cut short on their way to us are of no use', () => {
    const rig = SlowRig.started();
    const [first] = fragments4(ping4({ size: 12_000 }), 9600);
    rig.punt(Punt.Local, first.subarray(0, 9234), { frameLength: first.length });
    rig.turn();
    expect(rig.counters.ignored).toBe(1);
  });
});
