/**
 * A frame as layers, and the bytes that they make, every length and checksum computed anew: what edits in place are compared with.
 * Nothing here uses `src`. Numbers are unsigned; MACs are 16 and 32 bits, IPv6 addresses four words.
 */
import { concat, slowSum } from './packets.ts';

export interface Tag {
  tpid: number;
  pcp: number;
  dei: number;
  vid: number;
}

export interface Label {
  label: number;
  tc: number;
  bottom: number;
  ttl: number;
}

/** An IPv6 extension header; `bytes` behind next header and length, a multiple of 8 less 2 (4 less 2 for authentication). */
export interface Extension {
  type: number;
  bytes: Uint8Array;
}

export interface Ip {
  version: 4 | 6;
  tos: number;
  ttl: number;
  protocol: number;
  source: number[];
  destination: number[];
  /** IPv4: identification, flags and offset, options. */
  identification: number;
  fragment: number;
  options: Uint8Array;
  flowLabel: number;
  extensions: Extension[];
}

/** What lies behind the IP header: it keeps its form when the IP header calls it something else. */
export interface Transport {
  form: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | 'raw';
  /** Ports, or type and code. */
  first: number;
  second: number;
  /** Of UDP in IPv4: no checksum. */
  unsummed: boolean;
  /** Of ICMPv6: neighbour discovery's target and link-layer options. */
  target: number[] | null;
  links: { type: number; mac: number[] }[];
  payload: Uint8Array;
}

export interface Arp {
  operation: number;
  senderMac: number[];
  sender: number;
  targetMac: number[];
  target: number;
}

export interface Layers {
  destination: number[];
  source: number[];
  tags: Tag[];
  /** I-TAG: this frame carries another one. */
  carried: { priority: number; isid: number; frame: Layers } | null;
  labels: Label[];
  labelType: number;
  /** EtherType of what follows tags and labels; it says something else than what follows when an action said so. */
  type: number;
  ip: Ip | null;
  transport: Transport | null;
  arp: Arp | null;
  /** Bytes behind all that. */
  rest: Uint8Array;
}

const word = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const long = (value: number): number[] => [...word(value >>> 16), ...word(value)];
const macOf = ([high, low]: readonly number[]): number[] => [...word(high), ...long(low)];

/** EtherType behind the VLAN tags. */
export function typeOf(frame: Layers): number {
  if (frame.carried !== null) return 0x88e7;
  return frame.labels.length > 0 ? frame.labelType : frame.type;
}

/** The IP header, if a switch can see it. */
export function visibleIp(frame: Layers): Ip | null {
  const { ip } = frame;
  return ip !== null && typeOf(frame) === (ip.version === 4 ? 0x0800 : 0x86dd) ? ip : null;
}

/** The transport header in a form that its protocol number tells of. */
export function visibleTransport(frame: Layers): Transport | null {
  const ip = visibleIp(frame);
  const { transport } = frame;
  return ip !== null && transport !== null && transport.form === formOf(ip) ? transport : null;
}

function formOf(ip: Ip): Transport['form'] {
  switch (ip.protocol) {
    case 6:
      return 'tcp';
    case 17:
      return 'udp';
    case 132:
      return 'sctp';
    case 1:
      return ip.version === 4 ? 'icmp' : 'raw';
    case 58:
      return ip.version === 6 ? 'icmpv6' : 'raw';
    default:
      return 'raw';
  }
}

const isLater = (ip: Ip): boolean =>
  (ip.fragment & 0x1fff) !== 0 ||
  ip.extensions.some(({ type, bytes }) => type === 44 && ((bytes[0] << 8) | bytes[1]) >> 3 !== 0);

/** The destination that the pseudo-header has: the last address of a routing header with segments left. */
function finalDestination(ip: Ip): number[] {
  const routing = ip.extensions.find(({ type, bytes }) => type === 43 && bytes[1] > 0);
  if (routing === undefined) return ip.destination;
  const view = new DataView(routing.bytes.buffer, routing.bytes.byteOffset + routing.bytes.length - 16);
  return [0, 4, 8, 12].map((at) => view.getUint32(at));
}

/** CRC32c bit by bit (RFC 9260, appendix A). */
export function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const CHECKSUM_AT = { tcp: 16, udp: 6, sctp: 8, icmp: 2, icmpv6: 2, raw: -1 };

/** From the transport header to its checksum. */
export const checksumOffset = (transport: Transport): number => CHECKSUM_AT[transport.form];

function transportBytes(ip: Ip, transport: Transport, partial: boolean): Uint8Array {
  const { form, first, second, payload } = transport;
  const ports = [...word(first), ...word(second)];
  const options = transport.links.flatMap(({ type, mac }) => [type, 1, ...macOf(mac)]);
  const body = {
    tcp: () => concat(ports, long(7), long(8), [0x50, 0x18], word(512), [0, 0, 0, 0], payload),
    udp: () => concat(ports, word(8 + payload.length), [0, 0], payload),
    sctp: () => concat(ports, long(9), long(0), payload),
    icmp: () => concat([first, second, 0, 0], long(0x10002), payload),
    icmpv6: () =>
      transport.target === null
        ? concat([first, second, 0, 0], long(0x10002), payload)
        : concat([first, second, 0, 0], long(0x60000000), transport.target.flatMap(long), options),
    raw: () => concat(payload),
  }[form]();
  if (form === 'raw' || transport.unsummed) return body;
  const at = CHECKSUM_AT[form];
  const view = new DataView(body.buffer);
  if (form === 'sctp') {
    view.setUint32(at, slowCrc(body), true);
    return body;
  }
  const addresses = [...ip.source.flatMap(long), ...finalDestination(ip).flatMap(long)];
  const pseudo = form === 'icmp' ? 0 : slowSum(Uint8Array.from([...addresses, ...long(body.length), 0, ip.protocol]));
  const sum = partial ? ~pseudo : slowSum(body, pseudo);
  view.setUint16(at, !partial && form === 'udp' && sum === 0xffff ? 0xffff : ~sum);
  return body;
}

function ipBytes(ip: Ip, transport: Transport, partial: boolean): Uint8Array {
  const upper = transportBytes(ip, transport, partial);
  if (ip.version === 4) {
    const header = concat(
      [0x45 + ip.options.length / 4, ip.tos],
      word(20 + ip.options.length + upper.length),
      word(ip.identification),
      word(ip.fragment),
      [ip.ttl, ip.protocol, 0, 0],
      long(ip.source[0]),
      long(ip.destination[0]),
      ip.options,
    );
    new DataView(header.buffer).setUint16(10, ~slowSum(header));
    return concat(header, upper);
  }
  const types = [...ip.extensions.map(({ type }) => type), ip.protocol];
  const chain = ip.extensions.map(({ type, bytes }, k) => {
    const length = type === 44 ? 0 : type === 51 ? (bytes.length + 2) / 4 - 2 : (bytes.length + 2) / 8 - 1;
    return concat([types[k + 1], length], bytes);
  });
  const inside = concat(...chain, upper);
  return concat(
    long(((6 << 28) | (ip.tos << 20) | ip.flowLabel) >>> 0),
    word(inside.length),
    [types[0], ip.ttl],
    ip.source.flatMap(long),
    ip.destination.flatMap(long),
    inside,
  );
}

/** @param partial the transport checksum is but the pseudo-header's sum, as under NEEDS_CSUM */
export function bytesOfLayers(frame: Layers, partial = false): Uint8Array {
  const macs = [...macOf(frame.destination), ...macOf(frame.source)];
  const tags = frame.tags.flatMap(({ tpid, pcp, dei, vid }) => [
    ...word(tpid),
    ...word((pcp << 13) | (dei << 12) | vid),
  ]);
  const front = concat(macs, tags, word(typeOf(frame)));
  if (frame.carried !== null) {
    const { priority, isid, frame: inner } = frame.carried;
    return concat(front, long(((priority << 29) | isid) >>> 0), bytesOfLayers(inner, partial));
  }
  const labels = frame.labels.flatMap(({ label, tc, bottom, ttl }) =>
    long(((label << 12) | (tc << 9) | (bottom << 8) | ttl) >>> 0),
  );
  const { ip, transport, arp } = frame;
  let content = new Uint8Array(0);
  if (ip !== null && transport !== null) content = Uint8Array.from(ipBytes(ip, transport, partial));
  if (arp !== null) {
    const { operation, senderMac, sender, targetMac, target } = arp;
    const ends = [...macOf(senderMac), ...long(sender), ...macOf(targetMac), ...long(target)];
    content = Uint8Array.from([...word(1), ...word(0x0800), 6, 4, ...word(operation), ...ends]);
  }
  return concat(front, labels, content, frame.rest);
}

/** Words of the flow key from `EthDstHigh` on, before them 0; `bits`: the pseudo-field of IPv6 extension headers, as the test knows it. */
export function keyOfLayers(frame: Layers, bits: number): number[] {
  const key = new Array<number>(35).fill(0);
  key.splice(6, 4, ...frame.destination, ...frame.source);
  key[10] = typeOf(frame);
  if (frame.tags.length > 0) key[11] = frame.tags[0].vid | 0x1000 | (frame.tags[0].pcp << 16);
  const ip = visibleIp(frame);
  if (ip !== null) {
    key[12] = ip.protocol | ((ip.tos & 3) << 8) | ((ip.tos >> 2) << 10);
    key.splice(ip.version === 4 ? 13 : 16, ip.source.length, ...ip.source);
    key.splice(ip.version === 4 ? 14 : 20, ip.source.length, ...ip.destination);
    if (ip.version === 6) key[24] = ip.flowLabel | (bits << 20);
    const transport = visibleTransport(frame);
    if (transport !== null && transport.form !== 'raw' && !isLater(ip)) {
      key[15] = (transport.first << 16) | transport.second;
      if (transport.target !== null && transport.second === 0 && (transport.first === 135 || transport.first === 136)) {
        key.splice(29, 4, ...transport.target);
        for (const { type, mac } of transport.links.toReversed()) key.splice(type === 1 ? 25 : 27, 2, ...mac);
      }
    }
  }
  const { arp } = frame;
  if (arp !== null && typeOf(frame) === 0x0806) {
    key[13] = arp.sender;
    key[14] = arp.target;
    key[15] = arp.operation << 16;
    key.splice(25, 4, ...arp.senderMac, ...arp.targetMac);
  }
  if (frame.carried !== null) key[34] = frame.carried.isid;
  else if (frame.labels.length > 0) {
    const { label, tc, bottom } = frame.labels[0];
    key[33] = (label << 12) | (tc << 9) | (bottom << 8);
  }
  return key.map((value) => value | 0);
}
