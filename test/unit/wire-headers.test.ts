import { describe, expect, it } from 'vitest';
import * as arp from '../../src/wire/arp.ts';
import * as checksum from '../../src/wire/checksum.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as options from '../../src/wire/ipv4-options.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as pcapfile from '../../src/wire/pcapfile.ts';
import * as sctp from '../../src/wire/sctp.ts';
import * as tcp from '../../src/wire/tcp.ts';
import * as udp from '../../src/wire/udp.ts';
import * as vlan from '../../src/wire/vlan.ts';
import * as vnet from '../../src/wire/vnet.ts';

const hex = (text: string): DataView<ArrayBuffer> => new DataView(Uint8Array.fromHex(text.replace(/\s/g, '')).buffer);
const dump = (bytes: DataView<ArrayBuffer>): string => new Uint8Array(bytes.buffer).toHex();

describe('Ethernet', () => {
  const bytes = hex('0180c2000003 feffffff0a01 0800');

  it('reads MACs as 16 and 32 bits', () => {
    expect(ethernet.check(bytes, 0, 14)).toBe(true);
    expect(ethernet.check(bytes, 1, 14)).toBe(false);
    expect(ethernet.destinationHigh(bytes, 0)).toBe(0x0180);
    expect(ethernet.destinationLow(bytes, 0)).toBe(0xc2000003 | 0);
    expect(ethernet.formatMac(ethernet.sourceHigh(bytes, 0), ethernet.sourceLow(bytes, 0))).toBe('fe:ff:ff:ff:0a:01');
    expect(ethernet.etherType(bytes, 0)).toBe(ethernet.EtherType.Ipv4);
  });

  it('tells groups, broadcast, reserved addresses and impossible sources', () => {
    expect([ethernet.isGroup(bytes, 0), ethernet.isBroadcast(bytes, 0), ethernet.isReserved(bytes, 0)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(ethernet.isReserved(hex('0180c2000010 020000000001 0800'), 0)).toBe(false);
    expect(ethernet.isBroadcast(hex('ffffffffffff 020000000001 0800'), 0)).toBe(true);
    expect(ethernet.isSourceValid(bytes, 0)).toBe(true);
    expect(ethernet.isSourceValid(hex('020000000001 000000000000 0800'), 0)).toBe(false);
    expect(ethernet.isSourceValid(hex('020000000001 010000000000 0800'), 0)).toBe(false);
    expect(ethernet.isGroupHigh(0x3333)).toBe(true);
    expect(ethernet.isGroupHigh(0x0233)).toBe(false);
  });
});

describe('VLAN tags', () => {
  it('are pushed into the head-room and popped, the payload unmoved', () => {
    const bytes = hex('00000000 00000000 020000000001 020000000002 0800 abcd');
    const once = vlan.pushTag(bytes, 8, vlan.Tpid.Customer, vlan.makeTci(5, 1, 10));
    const twice = vlan.pushTag(bytes, once, vlan.Tpid.Service, 200);
    expect(dump(bytes)).toBe('020000000001020000000002 88a800c8 8100b00a 0800abcd'.replace(/ /g, ''));
    expect(vlan.check(bytes, twice, 24)).toBe(true);
    expect([vlan.tpid(bytes, once), vlan.vid(vlan.tci(bytes, once)), vlan.etherType(bytes, once)]).toEqual([
      0x8100, 10, 0x0800,
    ]);
    expect([vlan.pcp(vlan.tci(bytes, once)), vlan.dei(vlan.tci(bytes, once))]).toEqual([5, 1]);
    vlan.setVid(bytes, once, 20);
    expect(vlan.tci(bytes, once)).toBe(0xb014);
    expect(vlan.popTag(bytes, vlan.popTag(bytes, twice))).toBe(8);
    expect(dump(bytes).slice(16)).toBe('020000000001020000000002 0800abcd'.replace(/ /g, ''));
  });
});

describe('IPv4', () => {
  // The worked example of RFC 1071's Wikipedia page is everybody's: 45 00 00 73 ... checksum b861.
  const header = '4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7';

  it('verifies, computes and patches the header checksum', () => {
    const bytes = hex(header);
    expect(ipv4.check(bytes, 0, 20)).toBe(true);
    expect(ipv4.isChecksumRight(bytes, 0)).toBe(true);
    bytes.setUint16(10, 0xffff);
    ipv4.writeChecksum(bytes, 0);
    expect(dump(bytes)).toBe(header.replace(/ /g, ''));
    ipv4.decrementTtl(bytes, 0);
    expect([ipv4.ttl(bytes, 0), ipv4.isChecksumRight(bytes, 0)]).toEqual([63, true]);
  });

  it('checks version and lengths', () => {
    for (const wrong of ['55', '44', '46']) expect(ipv4.check(hex(wrong + header.slice(2)), 0, 20)).toBe(false);
    expect(ipv4.check(hex(header.replace('0073', '0013')), 0, 20)).toBe(false);
    expect(ipv4.check(hex(header), 0, 19)).toBe(false);
  });

  it('tells fragments', () => {
    const first = hex(header.replace('4000', '2000'));
    const later = hex(header.replace('4000', '00b9'));
    expect([ipv4.isFragment(first, 0), ipv4.isLaterFragment(first, 0), ipv4.moreFragments(first, 0)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([ipv4.isFragment(later, 0), ipv4.isLaterFragment(later, 0), ipv4.fragmentOffset(later, 0)]).toEqual([
      true,
      true,
      1480,
    ]);
    expect([ipv4.isFragment(hex(header), 0), ipv4.dontFragment(hex(header), 0)]).toEqual([false, true]);
  });

  it('gives later fragments the options that are marked so', () => {
    // Record route (not copied), no operation, router alert (copied), end.
    const bytes = hex(
      `49 000024 0000 0000 4001 0000 0a000001 0a000002 070704 00000000 01 94040000 00000000 ${'00'.repeat(60)}`,
    );
    expect(options.check(bytes, 0)).toBe(true);
    expect(options.find(bytes, 0, options.Option.RouterAlert)).toBe(28);
    expect(options.find(bytes, 0, options.Option.LooseSourceRoute)).toBe(-1);
    expect(options.copyForFragment(bytes, 0, 36)).toBe(24);
    expect(bytes.getUint32(36 + 20)).toBe(0x94040000);
    bytes.setUint8(21, 60);
    expect(options.check(bytes, 0)).toBe(false);
    expect(options.find(bytes, 0, options.Option.RouterAlert)).toBe(-1);
    expect(options.copyForFragment(bytes, 0, 36)).toBe(20);
  });
});

describe('IPv6 extension headers', () => {
  const ip = (next: string, length: string): string =>
    `60000000 ${length} ${next} 40 fd000000000000000000000000000001 fd000000000000000000000000000002`;

  it('leads to the upper protocol', () => {
    const bytes = hex(`${ip('00', '0020')} 3c00000000000000 2c00010400000000 06000000deadbeef ${'00'.repeat(20)}`);
    const found = extension.walk(bytes, 0, bytes.byteLength);
    expect([extension.protocol(found), extension.offset(found), found & extension.Walk.Extended]).toEqual([
      6,
      64,
      extension.Walk.Extended,
    ]);
    // An atomic fragment is a whole packet (RFC 6946).
    expect(found & extension.Walk.Fragment).toBe(0);
    const at = extension.find(bytes, 0, bytes.byteLength, ipv4.Protocol.Fragment);
    expect([at, extension.identification(bytes, at)]).toEqual([56, 0xdeadbeef | 0]);
  });

  it('stops at a later fragment', () => {
    const bytes = hex(`${ip('2c', '0018')} 3c0005b900000001 ffffffffffffffff ffffffffffffffff`);
    const found = extension.walk(bytes, 0, bytes.byteLength);
    expect(found & extension.Walk.LaterFragment).not.toBe(0);
    expect([extension.protocol(found), extension.offset(found)]).toEqual([60, 48]);
    expect([extension.fragmentOffset(bytes, 40), extension.moreFragments(bytes, 40)]).toEqual([1464, true]);
  });

  it('counts the length of an authentication header in words of four bytes', () => {
    const bytes = hex(`${ip('33', '0020')} 1104 0000 ${'00'.repeat(20)} ${'00'.repeat(8)}`);
    const found = extension.walk(bytes, 0, bytes.byteLength);
    expect([extension.protocol(found), extension.offset(found)]).toEqual([17, 64]);
  });

  it('goes no further than the end or eight headers', () => {
    const cut = hex(`${ip('00', '0008')} 3c01000000000000`);
    expect(extension.walk(cut, 0, 48)).toBe(0 | (40 << 8) | extension.Walk.Incomplete);
    const long = hex(`${ip('3c', '0048')} ${'3c00000000000000'.repeat(8)} 0600000000000000`);
    expect(extension.walk(long, 0, long.byteLength) & extension.Walk.Incomplete).not.toBe(0);
    const eight = hex(`${ip('3c', '0048')} ${'3c00000000000000'.repeat(7)} 0600000000000000 0000000000000000`);
    const found = extension.walk(eight, 0, eight.byteLength);
    expect([extension.protocol(found), extension.offset(found), found & extension.Walk.Incomplete]).toEqual([
      6, 104, 0,
    ]);
  });

  it('classifies addresses', () => {
    const bytes = hex(
      `fe800000000000000000000000000001 ff0e0000000000000000000000000001 ${'00'.repeat(16)} ${'00'.repeat(15)}01`,
    );
    expect([0, 16, 32, 48].map((at) => ipv6.isLinkLocalAt(bytes, at))).toEqual([true, false, false, false]);
    expect([0, 16, 32, 48].map((at) => ipv6.isMulticastAt(bytes, at))).toEqual([false, true, false, false]);
    expect([0, 16, 32, 48].map((at) => ipv6.isUnspecifiedAt(bytes, at))).toEqual([false, false, true, false]);
    expect([0, 16, 32, 48].map((at) => ipv6.isLoopbackAt(bytes, at))).toEqual([false, false, false, true]);
    expect(ipv6.multicastScopeAt(bytes, 16)).toBe(14);
  });
});

describe('transport headers', () => {
  it('keeps an absent UDP checksum absent, and never sends 0 for a present one', () => {
    const bytes = hex('1234 0035 0008 0000');
    udp.patchChecksum(bytes, 0, 0x1234, 0x4321);
    expect(udp.checksum(bytes, 0)).toBe(0);
    udp.setChecksumOfSum(bytes, 0, 0xffff);
    expect(udp.checksum(bytes, 0)).toBe(0xffff);
    expect(udp.check(hex('1234 0035 0007 0000'), 0, 8)).toBe(false);
  });

  it('reads TCP lengths and flags', () => {
    const bytes = hex('0050 1234 00000001 80000000 6112 ffff 0000 0000 02040582');
    expect(tcp.check(bytes, 0, 24)).toBe(true);
    expect(tcp.check(bytes, 0, 23)).toBe(false);
    expect([tcp.headerLength(bytes, 0), tcp.flags(bytes, 0)]).toEqual([24, 0x112]);
    tcp.setFlags(bytes, 0, tcp.Flag.Reset);
    expect(bytes.getUint16(12)).toBe(0x6004);
    expect(tcp.check(hex(`${'00'.repeat(12)}4000${'00'.repeat(6)}`), 0, 20)).toBe(false);
  });

  it("computes CRC32c as RFC 3720's examples have it", () => {
    const ones = new DataView(new Uint8Array(32).fill(0xff).buffer);
    expect(sctp.crc32c(new DataView(new ArrayBuffer(32)), 0, 32) >>> 0).toBe(0x8a9136aa);
    expect(sctp.crc32c(ones, 0, 32) >>> 0).toBe(0x62a8ab43);
    expect(sctp.crc32c(ones, 5, 32, sctp.crc32c(ones, 0, 5)) >>> 0).toBe(0x62a8ab43);
    const digits = new DataView(new TextEncoder().encode('123456789').buffer);
    expect(sctp.crc32c(digits, 0, 9) >>> 0).toBe(0xe3069283);
  });

  it("sums as RFC 1071's example does", () => {
    const bytes = hex('0001 f203 f4f5 f6f7');
    expect(checksum.sum(bytes, 0, 8)).toBe(0xddf2);
    expect(checksum.checksum(bytes, 0, 8)).toBe(0x220d);
    expect(checksum.sum(bytes, 0, 0)).toBe(0);
  });
});

describe('the rest', () => {
  it('reads and writes the virtio-net header little endian', () => {
    const bytes = hex('00'.repeat(10));
    vnet.set(bytes, 0, vnet.Flag.NeedsChecksum, vnet.Gso.Tcp6 | vnet.GSO_ECN, 74, 1428, 54, 16);
    expect(dump(bytes)).toBe('01844a0094053600' + '1000');
    expect(vnet.check(bytes, 0, 10)).toBe(true);
    expect(vnet.check(bytes, 0, 9)).toBe(false);
    expect([vnet.flags(bytes, 0), vnet.gsoType(bytes, 0), vnet.gsoEcn(bytes, 0)]).toEqual([1, 4, 0x80]);
    expect([vnet.headerLength(bytes, 0), vnet.gsoSize(bytes, 0)]).toEqual([74, 1428]);
    expect([vnet.checksumStart(bytes, 0), vnet.checksumOffset(bytes, 0)]).toEqual([54, 16]);
    for (const type of [2, 6, 0x7f]) {
      bytes.setUint8(1, type);
      expect(vnet.check(bytes, 0, 10)).toBe(false);
    }
    vnet.setNone(bytes, 0);
    expect(dump(bytes)).toBe('00'.repeat(10));
  });

  it('takes ARP of IPv4 over Ethernet alone', () => {
    const packet = '0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002';
    expect(arp.check(hex(packet), 0, 28)).toBe(true);
    expect(arp.check(hex(packet), 0, 27)).toBe(false);
    expect(arp.check(hex(packet.replace('0800', '86dd')), 0, 28)).toBe(false);
    expect([
      arp.operation(hex(packet), 0),
      arp.senderAddress(hex(packet), 0),
      arp.targetAddress(hex(packet), 0),
    ]).toEqual([1, 0x0a000001, 0x0a000002]);
  });

  it.each([
    [false, true],
    [true, true],
    [false, false],
    [true, false],
  ])('reads the capture files it writes: nanoseconds %s, little endian %s', (nanoseconds, little) => {
    const bytes = new DataView(new ArrayBuffer(64));
    const record = pcapfile.build(bytes, 0, nanoseconds, 65535, little);
    const frame = pcapfile.buildRecord(bytes, record, 1_700_000_000, 123_000, 20, 1500, little);
    expect([record, frame]).toEqual([24, 40]);
    expect(pcapfile.check(bytes, 0, 64)).toBe(true);
    expect(pcapfile.isLittleEndian(bytes, 0)).toBe(little);
    expect(pcapfile.isNanoseconds(bytes, 0)).toBe(nanoseconds);
    expect([pcapfile.linkType(bytes, 0), pcapfile.snapLength(bytes, 0)]).toEqual([1, 65535]);
    expect(pcapfile.checkRecord(bytes, 24, 64, little)).toBe(true);
    expect([pcapfile.capturedLength(bytes, 24, little), pcapfile.frameLength(bytes, 24, little)]).toEqual([20, 1500]);
    expect(pcapfile.microseconds(bytes, 24, little, nanoseconds)).toBe(nanoseconds ? 1.7e15 + 123 : 1.7e15 + 123_000);
    bytes.setUint32(32, 0xffffffff);
    expect(pcapfile.checkRecord(bytes, 24, 64, little)).toBe(false);
    bytes.setUint8(0, 0);
    expect(pcapfile.check(bytes, 0, 64)).toBe(false);
  });
});
