import { describe, expect, it } from 'vitest';
import * as build from '../../src/wire/build.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as ndp from '../../src/wire/ndp.ts';

const viewOf = (frame: Uint8Array): DataView => new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
const four = { source: '10.0.10.11', destination: '10.0.20.11' };
const six = { source: 'fd00:10::11', destination: 'fd00:20::11' };

const mayAnswer = (layers: build.Frame, groupMac = false, evenToGroup = false): boolean => {
  const frame = build.frame(layers);
  return build.mayAnswerWithError(viewOf(frame), 14, frame.length, groupMac, evenToGroup);
};

describe('an ICMP error may answer', () => {
  const udp = { source: 1, destination: 2 };

  it('an ordinary packet and an echo request', () => {
    expect(mayAnswer({ ipv4: four, udp })).toBe(true);
    expect(mayAnswer({ ipv6: six, udp })).toBe(true);
    expect(mayAnswer({ ipv4: four, icmp: { type: icmp.Type.EchoRequest } })).toBe(true);
    expect(mayAnswer({ ipv6: six, icmp: { type: icmpv6.Type.EchoRequest } })).toBe(true);
    expect(mayAnswer({ ipv4: { ...four, fragment: ipv4.Fragment.More }, udp })).toBe(true);
  });

  it('no error, and no redirect', () => {
    for (const type of [3, 4, 5, 11, 12]) expect(mayAnswer({ ipv4: four, icmp: { type } })).toBe(false);
    for (const type of [1, 2, 3, 4, 100, 137]) expect(mayAnswer({ ipv6: six, icmp: { type } })).toBe(false);
    const extensions = [{ type: 60, bytes: new Uint8Array(8) }];
    expect(mayAnswer({ ipv6: { ...six, extensions }, icmp: { type: 1 } })).toBe(false);
  });

  it('nothing that was sent to a group', () => {
    expect(mayAnswer({ ipv4: four, udp }, true)).toBe(false);
    expect(mayAnswer({ ipv4: { ...four, destination: '239.1.1.1' }, udp })).toBe(false);
    expect(mayAnswer({ ipv4: { ...four, destination: '255.255.255.255' }, udp })).toBe(false);
    expect(mayAnswer({ ipv6: { ...six, destination: 'ff0e::1' }, udp })).toBe(false);
  });

  it('but packet too big answers IPv6 multicast', () => {
    expect(mayAnswer({ ipv6: { ...six, destination: 'ff0e::1' }, udp }, true, true)).toBe(true);
    expect(mayAnswer({ ipv6: { ...six, destination: 'ff0e::1' }, icmp: { type: 1 } }, true, true)).toBe(false);
    expect(mayAnswer({ ipv4: { ...four, destination: '239.1.1.1' }, udp }, false, true)).toBe(false);
  });

  it('no later fragment of IPv4, nor one of ICMPv6', () => {
    const fragment = { type: 44, bytes: Uint8Array.of(0, 0, 0, 0xb8, 0, 0, 0, 1) };
    expect(mayAnswer({ ipv4: { ...four, fragment: 185 }, udp })).toBe(false);
    expect(mayAnswer({ ipv6: { ...six, extensions: [fragment] }, icmp: { type: 128 } })).toBe(false);
    expect(mayAnswer({ ipv6: { ...six, extensions: [fragment] }, udp })).toBe(true);
  });

  it('no packet from what is not one host', () => {
    for (const source of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255']) {
      expect(mayAnswer({ ipv4: { ...four, source }, udp })).toBe(false);
    }
    for (const source of ['::', '::1', 'ff02::1']) expect(mayAnswer({ ipv6: { ...six, source }, udp })).toBe(false);
  });
});

describe('ICMP errors', () => {
  it('quote as much as fits, and no padding', () => {
    const long4 = build.frame({ ipv4: four, udp: { source: 1, destination: 2 }, payload: 1400 }).subarray(14);
    const long6 = build.frame({ ipv6: six, udp: { source: 1, destination: 2 }, payload: 1400 }).subarray(14);
    const error4 = build.icmpError({ packet: long4, type: 3, code: 4, mtu: 1280, source: '10.0.10.1' });
    const error6 = build.icmpError({ packet: long6, type: 2, code: 0, mtu: 1400, source: 'fd00:10::1' });
    expect([error4.length, error6.length]).toEqual([14 + 576, 14 + 1280]);
    expect(icmp.nextHopMtu(viewOf(error4), 34)).toBe(1280);
    expect(icmpv6.mtu(viewOf(error6), 54)).toBe(1400);
    expect(error4.subarray(42)).toEqual(long4.subarray(0, 548));
    expect(error6.subarray(62)).toEqual(long6.subarray(0, 1232));
    const short = build.frame({ ipv4: four, udp: { source: 1, destination: 2 }, pad: true });
    expect(short.length).toBe(60);
    expect(build.icmpError({ packet: short.subarray(14), type: 3, code: 1, source: '10.0.10.1' }).length).toBe(
      14 + 28 + 28,
    );
  });

  it('go to the source of the packet', () => {
    const packet = build.frame({ ipv6: six, udp: { source: 1, destination: 2 } }).subarray(14);
    const bytes = viewOf(build.icmpError({ packet, type: 3, code: 0, source: 'fd00:10::1' }));
    expect([0, 1, 2, 3].map((word) => ipv6.destination(bytes, 14, word))).toEqual([0xfd000010 | 0, 0, 0, 0x11]);
  });
});

describe('echo replies', () => {
  const request = (checksum: number) => {
    const frame = build.frame({ ipv4: four, icmp: { type: 8, rest: 0x00010002 }, payload: 'hello' });
    frame[36] ^= checksum;
    return frame;
  };

  it('exchange addresses and return the payload', () => {
    const reply = build.icmpEchoReply(request(0));
    const expected = build.frame({
      ethernet: { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' },
      ipv4: { source: four.destination, destination: four.source },
      icmp: { type: 0, rest: 0x00010002 },
      payload: 'hello',
    });
    expect(reply).toEqual(expected);
  });

  it('come from an address of ours if a group was asked', () => {
    const frame = build.frame({ ipv6: { ...six, destination: 'ff02::1' }, icmp: { type: 128 }, payload: 8 });
    const reply = build.icmpEchoReply(frame, { source: 'fe80::1', mac: '02:00:00:00:0a:01' });
    expect(ipv6.source(viewOf(reply ?? new Uint8Array()), 14, 0)).toBe(0xfe800000 | 0);
    expect((reply ?? new Uint8Array()).subarray(6, 12).toHex()).toBe('020000000a01');
  });

  it('do not answer wrong checksums, fragments or anything else', () => {
    expect(build.icmpEchoReply(request(1))).toBeNull();
    expect(build.icmpEchoReply(build.frame({ ipv4: { ...four, fragment: 0x2000 }, icmp: { type: 8 } }))).toBeNull();
    expect(build.icmpEchoReply(build.frame({ ipv4: four, icmp: { type: 0 } }))).toBeNull();
    expect(build.icmpEchoReply(build.frame({ ipv6: six, icmp: { type: 129 } }))).toBeNull();
    expect(build.icmpEchoReply(build.frame({ ipv6: six, udp: { source: 1, destination: 2 } }))).toBeNull();
    expect(build.icmpEchoReply(new Uint8Array(13))).toBeNull();
  });
});

describe('neighbour discovery', () => {
  it('is read as it was written', () => {
    const frame = build.routerAdvertisement({
      sourceMac: '02:00:00:00:0a:01',
      source: 'fe80::1',
      lifetime: 1800,
      managed: true,
      mtu: 1400,
      prefixes: [{ prefix: 'fd00:10::', length: 64 }],
    });
    const bytes = viewOf(frame);
    const at = 54;
    expect(ndp.check(bytes, at, frame.length)).toBe(true);
    expect([ndp.routerLifetime(bytes, at), ndp.routerHopLimit(bytes, at)]).toEqual([1800, 64]);
    expect(ndp.routerFlags(bytes, at)).toBe(ndp.RouterFlag.Managed);
    const link = ndp.findOption(bytes, at, frame.length, ndp.Option.SourceLinkLayer);
    expect([ndp.linkLayerHigh(bytes, link), ndp.linkLayerLow(bytes, link)]).toEqual([0x0200, 0x0a01]);
    expect(ndp.mtu(bytes, ndp.findOption(bytes, at, frame.length, ndp.Option.Mtu))).toBe(1400);
    const prefix = ndp.findOption(bytes, at, frame.length, ndp.Option.Prefix);
    expect([ndp.prefixLength(bytes, prefix), ndp.prefix(bytes, prefix, 0)]).toEqual([64, 0xfd000010 | 0]);
    expect(ndp.findOption(bytes, at, frame.length, ndp.Option.Redirected)).toBe(-1);
    bytes.setUint8(link + 1, 0);
    expect(ndp.check(bytes, at, frame.length)).toBe(false);
    expect(ndp.check(bytes, at, at + 20)).toBe(false);
  });
});

describe('frames', () => {
  it('go to the MAC of a multicast group', () => {
    const of = (layers: build.Frame) => build.frame(layers).subarray(0, 6).toHex();
    expect(of({ ipv4: { ...four, destination: '239.129.2.3' } })).toBe('01005e010203');
    expect(of({ ipv6: { ...six, destination: 'ff02::fb' } })).toBe('3333000000fb');
    expect(of({ ipv4: four })).toBe('020000000001');
  });

  it('refuse addresses of the wrong family', () => {
    expect(() => build.frame({ ipv4: { source: 'fd00::1', destination: '10.0.0.1' } })).toThrow(
      'IPv4 address is needed',
    );
    expect(() => build.frame({ ipv6: { source: '10.0.0.1', destination: 'fd00::1' } })).toThrow(
      'IPv6 address is needed',
    );
  });

  it('leave out the UDP checksum when asked', () => {
    const frame = build.frame({ ipv4: four, udp: { source: 1, destination: 2, checksum: false } });
    expect(viewOf(frame).getUint16(40)).toBe(0);
  });
});
