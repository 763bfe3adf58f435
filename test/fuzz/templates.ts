import {
  arpReply,
  arpRequest,
  type Frame,
  frame,
  neighborAdvertisement,
  neighborSolicitation,
  routerSolicitation,
} from '../../src/wire/build.ts';
import { slowPseudo, view } from '../support/packets.ts';
import { cleanMark, dirtyMark, macOf, PREFIX4, PREFIX6, ROUTER_MAC, TENANTS } from './config.ts';
import type { Random } from './random.ts';

/** What a virtio-net header says of a template; positions count from the Ethernet header of the untagged frame. */
export interface Vnet {
  readonly gsoType: number;
  readonly gsoSize: number;
  readonly csumStart: number;
  readonly csumOffset: number;
}

/** An untagged frame that a station could send, as it should be, in both marks. */
export interface Template {
  readonly tenant: number;
  readonly vlan: number;
  /** The station that sends it: the last byte of its MAC. */
  readonly host: number;
  readonly clean: Buffer;
  readonly dirty: Buffer;
  readonly vnet: Vnet | null;
}

const VLANS = [10, 20, 30, 40];
/** Payloads: mostly small, some around the MTUs of the network, a few longer than any. */
const SMALL = [0, 0, 8, 18, 30, 30, 30, 46, 64, 64, 100, 200].flatMap((size) => [size, size, size, size, size]);
const SIZES = [...SMALL, 562, 563, 1232, 1372, 1400, 1452, 1472, 4000, 8900];
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** Makes so many templates for one tenant, one in `big` of them a super-frame. */
export function templatesOf(tenant: number, count: number, big: number, random: Random): Template[] {
  return Array.from({ length: count }, (_, i) => templateOf(tenant, i % big === big - 1, random));
}

function templateOf(tenant: number, isSuper: boolean, random: Random): Template {
  const vlan = random.pick(VLANS);
  const host = 2 + random.below(8);
  const seed = random.next();
  const make = (mark: number) => Buffer.from(build(tenant, vlan, host, isSuper, mark, seed));
  const clean = make(cleanMark(tenant));
  const dirty = make(dirtyMark(tenant));
  const vnet = offload(clean, isSuper, seed);
  if (vnet !== null) offload(dirty, isSuper, seed);
  return { tenant, vlan, host, clean, dirty, vnet };
}

/** The same random choices for both marks: they come from the seed. */
function build(tenant: number, vlan: number, host: number, isSuper: boolean, mark: number, seed: number): Uint8Array {
  let state = seed;
  const below = (n: number) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return (state >>> 8) % n;
  };
  const pick = <Item>(items: readonly Item[]) => items[below(items.length)];
  const name = TENANTS[tenant - 1];
  const [ten, six] = [PREFIX4[name], PREFIX6[name]];
  const own4 = `${ten}.${vlan}.${host}`;
  const own6 = vlan === 10 || vlan === 30 ? `${six}:${vlan}::${host}` : `fe80::${host}`;
  const mac = macOf(vlan, host);
  const filled = (length: number) => new Uint8Array(length).fill(mark);
  const payload = filled(isSuper ? 2000 + below(58_000) : pick(SIZES));
  const other = pick(VLANS);
  const peer = 2 + below(10);
  const bridged = below(3) === 0;
  const destination = bridged
    ? pick([macOf(vlan, peer), macOf(vlan, peer), BROADCAST, '01:00:5e:00:00:05', '33:33:00:00:00:01'])
    : ROUTER_MAC;
  const to4 = bridged
    ? `${ten}.${vlan}.${peer}`
    : pick([
        ...Array.from({ length: 8 }, () => `${ten}.${other}.${peer}`),
        `${ten}.20.2`,
        `${ten}.30.2`,
        `${ten}.${other}.1`,
        `203.0.113.${below(256)}`,
        `203.0.113.${below(256)}`,
        '100.64.0.9',
        '192.0.2.1',
        '198.51.100.1',
        '8.8.8.8',
        '10.9.10.7',
        `10.9.20.${peer}`,
        '10.0.20.2',
        '127.0.0.1',
        '224.0.0.251',
        '255.255.255.255',
        `${ten}.${other}.255`,
      ]);
  const to6 = bridged
    ? `${six}:${vlan}::${peer}`
    : pick([
        `${six}:10::7`,
        `${six}:10::${peer}`,
        `${six}:30::2`,
        `${six}:30::${peer}`,
        `${six}:30::1`,
        `2001:db8:1::${peer}`,
        `2001:db8:1::${peer}`,
        '2001:db8:2::1',
        '2001:db8:3::1',
        '2001:db8:9::1',
        'fd09:10::7',
        'fd00:30::2',
        'ff02::1',
        'fe80::7',
        '::1',
      ]);
  const ethernet = { source: mac, destination };
  const ttl = pick([64, 64, 64, 255, 2, 1]);
  const fragment = pick([0, 0, 0, 0x4000, 0x4000, 0x2000, 0x2010, 0x0064]);
  const options = below(8) === 0 ? Uint8Array.from([148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0]) : undefined;
  const four = (more: object = {}): Pick<Frame, 'ipv4'> => ({
    ipv4: {
      source: own4,
      destination: to4,
      ttl,
      identification: below(65536),
      ...(isSuper ? {} : { fragment }),
      ...(options ? { options } : {}),
      ...more,
    },
  });
  const padding = { type: 60, bytes: Uint8Array.from([0, 0, 1, 4, 0, 0, 0, 0]) };
  const extensions = below(6) === 0 ? [padding] : [];
  const sixes = (more: object = {}): Pick<Frame, 'ipv6'> => ({
    ipv6: { source: own6, destination: to6, hopLimit: ttl, extensions, ...more },
  });
  const ports = { source: 1024 + below(60_000), destination: pick([53, 123, 161, 22, 23, 80, 6003, 2000, 33434]) };
  const tcp = {
    ...ports,
    flags: pick([0x10, 0x18, 0x02, 0x03, 0x11, 0x99]),
    sequence: seed,
    ...(below(2) ? { options: new Uint8Array(12).fill(1) } : {}),
  };
  const ip = below(2) === 0 ? four() : sixes();
  const transport = isSuper ? below(5) : below(14);
  if (isSuper) return frame({ ethernet, ...ip, payload, ...(transport < 4 ? { tcp } : { udp: ports }) });
  switch (transport) {
    case 0:
    case 1:
    case 2:
      return frame({ ethernet, ...ip, udp: ports, payload, pad: true });
    case 3:
    case 4:
      return frame({ ethernet, ...ip, tcp, payload });
    case 5:
      return frame({ ethernet, ...four(), icmp: { type: pick([8, 8, 0, 13, 3]), rest: 0x10001 }, payload });
    case 6:
      return frame({ ethernet, ...sixes(), icmp: { type: pick([128, 128, 129, 1]), rest: 0x10001 }, payload });
    case 7:
      return frame({ ethernet, ...ip, sctp: ports, payload });
    case 8:
      return frame({ ethernet, ...four({ protocol: 47 }), payload });
    case 9: {
      const target = pick([
        `${ten}.${vlan}.1`,
        `${ten}.${vlan}.1`,
        own4,
        `${ten}.${vlan}.${peer}`,
        `${ten}.${other}.1`,
      ]);
      const request = {
        senderMac: mac,
        senderAddress: pick([own4, own4, own4, '0.0.0.0', `${ten}.${vlan}.1`]),
        targetAddress: target,
      };
      const bytes = below(4) === 0 ? arpReply({ ...request, targetMac: ROUTER_MAC }) : arpRequest(request);
      return padded(bytes, mark);
    }
    case 10: {
      const target = pick([`${six}:${vlan}::1`, own6, `${six}:${vlan}::${peer}`, 'fe80::54:ff:fe00:1']);
      return below(2) === 0
        ? neighborSolicitation({ sourceMac: mac, source: own6, target })
        : neighborAdvertisement({
            sourceMac: mac,
            source: own6,
            target: own6,
            router: false,
            solicited: false,
            override: below(2) === 0,
          });
    }
    case 11:
      return routerSolicitation({ sourceMac: mac, source: own6 });
    case 12: {
      const [type, to] = pick([
        [0x88cc, '01:80:c2:00:00:0e'] as const,
        [0x8809, '01:80:c2:00:00:02'] as const,
        [38, '01:80:c2:00:00:00'] as const,
        [0x88b6, BROADCAST] as const,
        [0x88b5, destination] as const,
      ]);
      return frame({ ethernet: { source: mac, destination: to, type }, payload: filled(46) });
    }
    default: {
      const tags = pick([
        [{ vid: 41 }],
        [{ vid: 7, tpid: 0x88a8 }, { vid: 9 }],
        [{ vid: 0, pcp: 5 }],
        [{ vid: 41 }, { vid: 42 }, { vid: 43 }],
      ]);
      return frame({ ethernet, vlan: tags, ...ip, udp: ports, payload });
    }
  }
}

function padded(bytes: Uint8Array, mark: number): Uint8Array {
  const whole = new Uint8Array(60).fill(mark, bytes.length);
  whole.set(bytes);
  return whole;
}

/**
 * Turns a super-frame, and every third other TCP or UDP frame, into what a kernel with offloads sends: the checksum field holds the
 * sum of the pseudo-header.
 */
function offload(bytes: Buffer, isSuper: boolean, seed: number): Vnet | null {
  let l3 = 14;
  while (bytes.readUInt16BE(l3 - 2) === 0x8100 || bytes.readUInt16BE(l3 - 2) === 0x88a8) l3 += 4;
  const type = bytes.readUInt16BE(l3 - 2);
  const isV4 = type === 0x0800;
  if ((!isV4 && type !== 0x86dd) || (!isSuper && (seed & 0x300) !== 0)) return null;
  let l4 = isV4 ? l3 + (bytes[l3] & 15) * 4 : l3 + 40;
  let protocol = isV4 ? bytes[l3 + 9] : bytes[l3 + 6];
  if (!isV4 && protocol === 60) {
    protocol = bytes[l4];
    l4 += 8;
  }
  const length = isV4 ? bytes.readUInt16BE(l3 + 2) + l3 - l4 : bytes.readUInt16BE(l3 + 4) + l3 + 40 - l4;
  if ((protocol !== 6 && protocol !== 17) || (isV4 && (bytes.readUInt16BE(l3 + 6) & 0x3fff) !== 0)) return null;
  if (l4 + length !== bytes.length) return null;
  const csumOffset = protocol === 6 ? 16 : 6;
  view(bytes).setUint16(l4 + csumOffset, slowPseudo(bytes, l3, protocol, length));
  if (!isSuper) return { gsoType: 0, gsoSize: 0, csumStart: l4, csumOffset };
  const gsoType = protocol === 17 ? 5 : isV4 ? 1 : 4;
  const gsoSize = [1448, 1448, 1200, 536, 100][(seed >>> 12) % 5];
  return { gsoType, gsoSize, csumStart: l4, csumOffset };
}
