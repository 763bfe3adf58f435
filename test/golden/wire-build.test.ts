import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as build from '../../src/wire/build.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmpv6 from '../../src/wire/icmpv6.ts';
import * as pcapfile from '../../src/wire/pcapfile.ts';
import * as tcp from '../../src/wire/tcp.ts';

const FIELDS = [
  'frame.number',
  '_ws.col.Info',
  '_ws.malformed',
  '_ws.expert.severity',
  '_ws.expert.message',
  'ip.checksum.status',
  'tcp.checksum.status',
  'udp.checksum.status',
  'icmp.checksum.status',
  'icmpv6.checksum.status',
  'sctp.checksum.status',
] as const;

/** Expert severities of Wireshark: warning and error; notes and chats are remarks. */
const WARNING = 0x600000;
const BAD = '0';

const PREFERENCES = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((name) => [
  '-o',
  `${name}:TRUE`,
]);

/** Writes the frames into a capture file and has tshark read it: a record of fields for each frame. */
function dissect(frames: readonly Uint8Array[], nanoseconds: boolean, little: boolean): Record<string, string>[] {
  const length = frames.reduce((sum, frame) => sum + pcapfile.RECORD_LENGTH + frame.length, pcapfile.HEADER_LENGTH);
  const octets = new Uint8Array(length);
  const bytes = new DataView(octets.buffer);
  let at = pcapfile.build(bytes, 0, nanoseconds, 65535, little);
  frames.forEach((frame, i) => {
    at = pcapfile.buildRecord(bytes, at, 1_700_000_000, i, frame.length, frame.length, little);
    octets.set(frame, at);
    at += frame.length;
  });
  const folder = mkdtempSync(join(tmpdir(), 'tapyard-wire-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, octets);
    const fields = FIELDS.flatMap((field) => ['-e', field]);
    const options = ['-n', '-r', file, ...PREFERENCES, '-o', 'sctp.checksum:CRC-32C', '-T', 'fields', ...fields];
    const text = execFileSync('tshark', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return text
      .trimEnd()
      .split('\n')
      .map((line) => Object.fromEntries(line.split('\t').map((value, i) => [FIELDS[i], value])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const mac = '02:00:00:00:0a:01';
const host = '02:00:00:00:0a:02';
const four = { source: '10.0.10.11', destination: '10.0.20.11' };
const six = { source: 'fd00:10::11', destination: 'fd00:20::11' };
const big4 = build.frame({ ipv4: four, udp: { source: 5000, destination: 5001 }, payload: 1400 }).subarray(14);
// UDP, since tshark 4.0 verifies the checksum of a quoted TCP segment over the part that is quoted.
const big6 = build.frame({ ipv6: six, udp: { source: 80, destination: 5001 }, payload: 1400 }).subarray(14);
const echo4 = build.frame({
  ipv4: { ...four, options: Uint8Array.of(148, 4, 0, 0) },
  icmp: { type: icmp.Type.EchoRequest, rest: 0x00070001 },
  payload: 57,
  pad: true,
});
const echo6 = build.frame({
  ipv6: { ...six, extensions: [{ type: 60, bytes: Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0) }] },
  icmp: { type: icmpv6.Type.EchoRequest, rest: 0x00070001 },
  payload: 57,
});
const reply = (frame: Uint8Array): Uint8Array => build.icmpEchoReply(frame) ?? new Uint8Array();

/** What each builder makes, and what tshark must call it. */
const FRAMES: readonly (readonly [name: string, frame: Uint8Array, info: string])[] = [
  [
    'ARP request',
    build.arpRequest({ senderMac: mac, senderAddress: '10.0.10.1', targetAddress: '10.0.10.11' }),
    'Who has 10.0.10.11? Tell 10.0.10.1',
  ],
  [
    'ARP probe',
    build.arpRequest({ senderMac: mac, senderAddress: '0.0.0.0', targetAddress: '10.0.10.11', destination: host }),
    'Who has 10.0.10.11? (ARP Probe)',
  ],
  [
    'ARP reply',
    build.arpReply({ senderMac: mac, senderAddress: '10.0.10.1', targetMac: host, targetAddress: '10.0.10.11' }),
    '10.0.10.1 is at 02:00:00:00:0a:01',
  ],
  [
    'neighbour solicitation',
    build.neighborSolicitation({ sourceMac: mac, source: 'fe80::ff:fe00:a01', target: 'fd00:10::11' }),
    'Neighbor Solicitation for fd00:10::11 from 02:00:00:00:0a:01',
  ],
  [
    'neighbour solicitation of one testing its own address',
    build.neighborSolicitation({ sourceMac: mac, source: '::', target: 'fd00:10::11' }),
    'Neighbor Solicitation for fd00:10::11',
  ],
  [
    'neighbour probe',
    build.neighborSolicitation({
      sourceMac: mac,
      source: 'fd00:10::1',
      target: 'fd00:10::11',
      destination: { mac: host, address: 'fd00:10::11' },
    }),
    'Neighbor Solicitation for fd00:10::11 from 02:00:00:00:0a:01',
  ],
  [
    'neighbour advertisement',
    build.neighborAdvertisement({
      sourceMac: mac,
      source: 'fd00:10::1',
      target: 'fd00:10::1',
      destination: { mac: host, address: 'fd00:10::11' },
      router: true,
      solicited: true,
      override: true,
    }),
    'Neighbor Advertisement fd00:10::1 (rtr, sol, ovr) is at 02:00:00:00:0a:01',
  ],
  [
    'unsolicited neighbour advertisement',
    build.neighborAdvertisement({
      sourceMac: mac,
      source: 'fd00:10::1',
      target: 'fd00:10::1',
      router: true,
      solicited: false,
      override: true,
    }),
    'Neighbor Advertisement fd00:10::1 (rtr, ovr) is at 02:00:00:00:0a:01',
  ],
  [
    'router solicitation',
    build.routerSolicitation({ sourceMac: host, source: 'fe80::ff:fe00:a02' }),
    'Router Solicitation from 02:00:00:00:0a:02',
  ],
  [
    'router advertisement',
    build.routerAdvertisement({
      sourceMac: mac,
      source: 'fe80::ff:fe00:a01',
      lifetime: 1800,
      other: true,
      mtu: 1400,
      prefixes: [
        { prefix: 'fd00:10::', length: 64 },
        { prefix: '2001:db8:10::', length: 64, autonomous: false, validLifetime: 0xffffffff },
      ],
    }),
    'Router Advertisement from 02:00:00:00:0a:01',
  ],
  ['echo request', echo4, 'Echo (ping) request  id=0x0007'],
  ['echo reply', reply(echo4), 'Echo (ping) reply    id=0x0007'],
  ['echo request, IPv6 with an extension header', echo6, 'Echo (ping) request id=0x0007'],
  ['echo reply, IPv6', reply(echo6), 'Echo (ping) reply id=0x0007'],
  [
    'time exceeded',
    build.icmpError({ packet: big4, type: icmp.Type.TimeExceeded, code: 0, source: '10.0.10.1' }),
    'Time-to-live exceeded',
  ],
  [
    'fragmentation needed',
    build.icmpError({ packet: big4, type: icmp.Type.Unreachable, code: 4, mtu: 1280, source: '10.0.10.1' }),
    'Fragmentation needed',
  ],
  [
    'packet too big',
    build.icmpError({ packet: big6, type: icmpv6.Type.PacketTooBig, code: 0, mtu: 1280, source: 'fd00:10::1' }),
    'Packet Too Big',
  ],
  [
    'unreachable, IPv6',
    build.icmpError({ packet: big6, type: icmpv6.Type.Unreachable, code: 1, source: 'fd00:10::1' }),
    'Destination Unreachable (Administratively prohibited)',
  ],
  [
    'UDP under two tags',
    build.frame({
      vlan: [
        { tpid: 0x88a8, vid: 100 },
        { vid: 10, pcp: 5 },
      ],
      ipv4: four,
      udp: { source: 5000, destination: 5001 },
      payload: 'tapyard',
    }),
    '5000',
  ],
  [
    'UDP over IPv6',
    build.frame({
      vlan: 20,
      ipv6: { ...six, flowLabel: 0x12345 },
      udp: { source: 5000, destination: 5001 },
      payload: 31,
    }),
    '5000',
  ],
  [
    'TCP with options',
    build.frame({
      ipv4: { ...four, identification: 7, fragment: 0x4000 },
      tcp: {
        source: 40000,
        destination: 80,
        flags: tcp.Flag.Syn,
        acknowledgment: 0,
        options: Uint8Array.of(2, 4, 5, 0xb4),
      },
    }),
    '[SYN]',
  ],
  ['TCP over IPv6', build.frame({ ipv6: six, tcp: { source: 40001, destination: 80 }, payload: 3 }), '40001'],
  [
    'SCTP',
    build.frame({
      ipv4: four,
      sctp: { source: 1000, destination: 2000, tag: 0x01020304 },
      payload: Uint8Array.of(11, 0, 0, 4),
    }),
    'COOKIE_ACK',
  ],
];

describe('what the builders make, as tshark reads it', () => {
  it.each([
    [false, true],
    [true, false],
  ])('no malformed frame and no bad checksum (nanoseconds %s, little endian %s)', (nanoseconds, little) => {
    const rows = dissect(
      FRAMES.map(([, frame]) => frame),
      nanoseconds,
      little,
    );
    expect(rows).toHaveLength(FRAMES.length);
    rows.forEach((row, i) => {
      const [name, , info] = FRAMES[i];
      const remarks = `${name}: ${row['_ws.expert.message']}`;
      expect(row['_ws.col.Info'], name).toContain(info);
      expect(row['_ws.malformed'], remarks).toBe('');
      const severities = row['_ws.expert.severity'].split(',').map(Number);
      expect(Math.max(...severities), remarks).toBeLessThan(WARNING);
      for (const field of FIELDS.filter((field) => field.endsWith('.status'))) {
        // An error quotes the beginning of a packet, whose checksum cannot be verified.
        expect((row[field] ?? '').split(','), `${field} of ${remarks}`).not.toContain(BAD);
      }
    });
    const verified = (field: string) => rows.filter((row) => (row[field] ?? '').split(',')[0] === '1').length;
    expect({
      ip: verified('ip.checksum.status'),
      tcp: verified('tcp.checksum.status'),
      udp: verified('udp.checksum.status'),
      icmp: verified('icmp.checksum.status'),
      icmpv6: verified('icmpv6.checksum.status'),
      sctp: verified('sctp.checksum.status'),
    }).toEqual({ ip: 7, tcp: 2, udp: 2, icmp: 4, icmpv6: 11, sctp: 1 });
  });

  it('tells a bad checksum from a good one', () => {
    const frame = build.frame({ ipv4: four, udp: { source: 5000, destination: 5001 }, payload: 'tapyard' });
    frame[frame.length - 1] ^= 1;
    const [row] = dissect([frame], false, true);
    expect(row['udp.checksum.status']).toBe(BAD);
  });
});
