import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fragments6 } from '../../src/slow/deliver.ts';
import {
  arpReply,
  arpRequest,
  type Frame,
  frame,
  neighborAdvertisement,
  neighborSolicitation,
  routerSolicitation,
} from '../../src/wire/build.ts';
import { pattern, slowPseudo, view } from '../support/packets.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { pcap, tshark, WRONG } from '../support/tshark.ts';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const R = '02:54:00:00:00:01';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

const CONFIG = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10, mtu: 9000}
        b: {memory: true, vlan: 20}
        t: {memory: true, trunk: [10, 20]}
        s: {memory: true, vlan: 30}
    router:
      mac: '${R}'
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64'], mtu: 9000, ra: {interval: 4s, managed: true}}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64'], mtu: 1280}
        slow: {vlan: 30, addresses: [10.0.30.1/24], mtu: 577}
      neighbors:
        - {address: 10.0.30.2, mac: '${B}', interface: slow}
      routes:
        - {to: 198.51.100.0/24, reject: true}
        - {to: '2001:db8:3::/48', reject: true}
        - {to: 203.0.113.0/24, via: [10.0.20.2, 10.0.30.2]}
    acls:
      one:
        rules: [{reject: {proto: udp, dport: 53}}, {allow: any}]
        ingress: [{interface: web}]
uplinks:
  lan: {memory: true, ethertype: 802.1ad, tenants: {red: {vlan: 100, port: {trunk: [10, 20]}}}}
`;

const ethernet = { source: A, destination: R };
const ports = { source: 1000, destination: 2000 };
const four = (destination: string, layers: Frame = { udp: ports, payload: 100 }, more: object = {}) =>
  frame({ ethernet, ...layers, ipv4: { source: '10.0.10.2', destination, ...more } });
const six = (destination: string, layers: Frame = { udp: ports, payload: 100 }, more: object = {}) =>
  frame({ ethernet, ...layers, ipv6: { source: 'fd00:10::2', destination, ...more } });
const OPTIONS = Uint8Array.from([148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0]);

/** A super-frame and the virtio-net header that goes with it. */
function superFrame(bytes: Uint8Array, gsoType: number, gsoSize: number): [Uint8Array, Uint8Array] {
  const l4 = gsoType === 4 || bytes[14] >> 4 === 6 ? 54 : 34;
  const protocol = gsoType === 5 ? 17 : 6;
  const offset = protocol === 6 ? 16 : 6;
  view(bytes).setUint16(l4 + offset, slowPseudo(bytes, 14, protocol, bytes.length - l4));
  const vnet = new Uint8Array(10);
  vnet.set([1, gsoType]);
  view(vnet).setUint16(4, gsoSize, true);
  view(vnet).setUint16(6, l4, true);
  view(vnet).setUint16(8, offset, true);
  return [bytes, vnet];
}

const folder = mkdtempSync(join(tmpdir(), 'tapyard-golden-'));
const file = join(folder, 'router.pcap');
afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that the router does, as it leaves by all ports. */
async function scenario(): Promise<Uint8Array[]> {
  const lab = await TestSwitch.of(CONFIG);
  const left: Uint8Array[] = [];
  const send = (port: string, ...frames: Uint8Array[]) => {
    lab.send(port, ...frames);
    left.push(...[...lab.everything().values()].flat());
  };
  const sendSuper = (port: string, [bytes, vnet]: [Uint8Array, Uint8Array]) => {
    lab.end(port).send(bytes, vnet);
    send(port);
  };
  const wait = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1000) {
      lab.advance(1000);
      left.push(...[...lab.everything().values()].flat());
    }
  };
  // ARP and neighbour discovery: asked, asking, answered, announced; tagged and not.
  send('red/a', arpRequest({ senderMac: A, senderAddress: '10.0.10.2', targetAddress: '10.0.10.1' }));
  send('red/a', neighborSolicitation({ sourceMac: A, source: 'fd00:10::2', target: 'fd00:10::1' }));
  send('red/a', routerSolicitation({ sourceMac: A, source: 'fd00:10::2' }));
  wait(4000);
  send('red/a', four('10.0.20.2'), six('fd00:20::2'));
  send('red/b', arpReply({ senderMac: B, senderAddress: '10.0.20.2', targetMac: R, targetAddress: '10.0.20.1' }));
  const destination = { mac: R, address: 'fd00:20::1' };
  const answer = {
    sourceMac: B,
    source: 'fd00:20::2',
    target: 'fd00:20::2',
    router: false,
    solicited: true,
    override: true,
  };
  send('red/b', neighborAdvertisement({ ...answer, destination }));
  // Routed, both families, all transports, options and extension headers.
  send(
    'red/a',
    four('10.0.20.2', { tcp: ports, payload: 100 }),
    four('10.0.20.2', { sctp: ports, payload: Uint8Array.of(11, 0, 0, 4) }),
    four('203.0.113.7'),
  );
  send('red/a', four('10.0.20.2', { udp: ports, payload: 33 }, { options: OPTIONS, ttl: 2 }));
  const padding = { type: 60, bytes: Uint8Array.from([0, 0, 1, 4, 0, 0, 0, 0]) };
  send(
    'red/a',
    six('fd00:20::2', { tcp: ports, payload: 77 }),
    six('fd00:20::2', { udp: ports, payload: 9 }, { extensions: [padding] }),
  );
  // Echo, to every address; long enough for fragments on the way back.
  const echo: Frame = { icmp: { type: 8, rest: 0x10001 }, payload: 56 };
  send('red/a', four('10.0.10.1', echo), four('10.0.20.1', echo), four('10.0.30.1', { ...echo, payload: 4001 }));
  const echo6: Frame = { icmp: { type: 128, rest: 0x10001 }, payload: 56 };
  send('red/a', six('fd00:10::1', echo6), ...fragments6(six('fd00:20::1', { ...echo6, payload: 3001 }), 1280, 7));
  send(
    'red/b',
    frame({
      ethernet: { source: B, destination: R },
      ipv6: { source: 'fd00:20::2', destination: 'fd00:10::1' },
      icmp: { type: 128, rest: 1 },
      payload: 1200,
    }),
  );
  // Errors.
  send(
    'red/a',
    four('10.0.20.2', undefined, { ttl: 1 }),
    four('8.8.8.8'),
    four('198.51.100.1', { tcp: ports, payload: 10 }),
    four('10.0.10.1'),
  );
  send(
    'red/a',
    four('10.0.20.2', { udp: ports, payload: 2000 }, { fragment: 0x4000 }),
    four('10.0.20.2', { udp: { source: 1, destination: 53 }, payload: 5 }),
  );
  send('red/a', four('10.0.10.1', { payload: 20 }, { protocol: 50, options: OPTIONS }));
  send(
    'red/a',
    six('fd00:20::2', undefined, { hopLimit: 1 }),
    six('2001:db8:9::1'),
    six('2001:db8:3::1'),
    six('fd00:10::1', { tcp: ports, payload: 3 }),
  );
  send(
    'red/a',
    six('fd00:20::2', { udp: ports, payload: 2000 }),
    six('fd00:10::1', { payload: 8 }, { nextHeader: 50 }),
  );
  send('red/a', four('10.0.20.99'), six('fd00:20::99'));
  wait(6000);
  // Fragments: of a packet, of a fragment, with options.
  send(
    'red/a',
    four('10.0.30.2', { udp: ports, payload: 3000 }),
    four('10.0.30.2', { udp: ports, payload: 2000 }, { options: OPTIONS }),
  );
  send('red/a', four('10.0.30.2', { payload: 1600 }, { fragment: 0x2010, protocol: 253 }));
  // Super-frames: bridged and routed, segmented, segmented and fragmented, tagged.
  const tcp = { ...ports, flags: 0x18, sequence: 0xfffffff0 };
  sendSuper('red/a', superFrame(four('10.0.20.2', { tcp, payload: pattern(20_001) }), 1, 1200));
  sendSuper('red/a', superFrame(six('fd00:20::2', { tcp, payload: pattern(20_001) }), 4, 1200));
  sendSuper('red/a', superFrame(four('10.0.30.2', { udp: ports, payload: pattern(9001) }), 5, 1400));
  sendSuper(
    'red/a',
    superFrame(
      frame({
        ethernet: { source: A, destination: BROADCAST },
        ipv4: { source: '10.0.10.2', destination: '10.0.10.9' },
        tcp,
        payload: pattern(5000),
      }),
      1,
      1448,
    ),
  );
  lab.expectBooksToBalance();
  return left;
}

describe('what router, slow path, segmenter and fragmenter emit, as tshark sees it', () => {
  beforeAll(async () => {
    writeFileSync(file, pcap(await scenario()));
  });

  it('has no malformed frame and no bad checksum', () => {
    expect(tshark(file, '-Y', WRONG)).toBe('');
  });

  it.each([
    ['ARP requests', 'arp.opcode == 1', 4],
    ['ARP replies', 'arp.opcode == 2', 1],
    ['neighbour solicitations', 'icmpv6.type == 135', 4],
    ['neighbour advertisements', 'icmpv6.type == 136', 1],
    ['router advertisements', 'icmpv6.type == 134', 2],
    ['echo replies', 'icmp.type == 0', 3],
    ['ICMPv6 echo replies', 'icmpv6.type == 129', 3],
    ['time exceeded', 'icmp.type == 11 || icmpv6.type == 3', 2],
    ['no route, no host, no port, no protocol, prohibited', 'icmp.type == 3 && icmp.code in {0, 1, 2, 3, 13}', 5],
    ['fragmentation needed', 'icmp.type == 3 && icmp.code == 4 && icmp.mtu == 1280', 1],
    ['ICMPv6 unreachable', 'icmpv6.type == 1', 4],
    ['ICMPv6 too big', 'icmpv6.type == 2 && icmpv6.mtu == 1280', 1],
    ['ICMPv6 parameter problem', 'icmpv6.type == 4', 1],
    ['IPv4 fragments', 'ip.flags.mf == 1 || ip.frag_offset > 0', 20],
    ['IPv6 fragments', 'ipv6.fraghdr', 3],
    ['segments', 'tcp.len > 0', 36],
    ['single tags', 'vlan && !(ieee8021ad)', 5],
    ['tags of the uplink', 'ieee8021ad', 5],
  ])('has %s among it', (_name, filter, least) => {
    expect(tshark(file, '-Y', filter).trim().split('\n').length).toBeGreaterThanOrEqual(least);
  });

  it('would be found wrong if a byte were', async () => {
    const spoilt = (await scenario()).map((bytes) => bytes.with(bytes.length - 1, bytes[bytes.length - 1] ^ 1));
    const other = join(folder, 'spoilt.pcap');
    writeFileSync(other, pcap(spoilt));
    expect(tshark(other, '-Y', WRONG).split('\n').length).toBeGreaterThan(spoilt.length / 3);
  });
});
