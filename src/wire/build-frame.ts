/**
 * Whole frames for the control side and for tests, every length and checksum right. Each function returns a fresh array; none is
 * for the hot path.
 */
import { type Address, addressOf, multicastMacOf, parseAddress } from './address.ts';
import * as arp from './arp.ts';
import { add, pseudo4, pseudo6, sum } from './checksum.ts';
import * as ethernet from './ethernet.ts';
import * as icmp from './icmp.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import * as sctp from './sctp.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';
import * as vlan from './vlan.ts';

/** A MAC as text or as integers; an address as text or as words (signed or unsigned). */
export type MacLike = string | ethernet.Mac;
export type AddressLike = string | Address | readonly number[];

export interface Frame {
  /** Absent MACs: 02:00:00:00:00:02 to 02:00:00:00:00:01, or the group's MAC where the IP destination is multicast. */
  readonly ethernet?: { readonly destination?: MacLike; readonly source?: MacLike; readonly type?: number };
  /** A VID, or tags from the outermost inwards. */
  readonly vlan?: number | readonly Tag[];
  readonly ipv4?: Ipv4;
  readonly ipv6?: Ipv6;
  readonly arp?: Arp;
  readonly udp?: { readonly source: number; readonly destination: number; readonly checksum?: false };
  readonly tcp?: Tcp;
  readonly sctp?: { readonly source: number; readonly destination: number; readonly tag?: number };
  /** ICMP or ICMPv6, as the IP header says; `rest`: the word behind the checksum. */
  readonly icmp?: { readonly type: number; readonly code?: number; readonly rest?: number };
  /** Bytes, text, or a number of bytes that count up. */
  readonly payload?: Uint8Array | string | number;
  /** Pads to the 60 bytes of the shortest frame. */
  readonly pad?: boolean;
}

export interface Tag {
  readonly tpid?: number;
  readonly vid: number;
  readonly pcp?: number;
  readonly dei?: number;
}

export interface Ipv4 {
  readonly source: AddressLike;
  readonly destination: AddressLike;
  readonly ttl?: number;
  readonly protocol?: number;
  readonly typeOfService?: number;
  readonly identification?: number;
  /** Flags and offset in units of 8 bytes, see `Fragment` of ipv4.ts. */
  readonly fragment?: number;
  /** Padded to four bytes. */
  readonly options?: Uint8Array;
}

export interface Ipv6 {
  readonly source: AddressLike;
  readonly destination: AddressLike;
  readonly hopLimit?: number;
  readonly nextHeader?: number;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  /** Whole extension headers; their next-header fields are filled in. */
  readonly extensions?: readonly { readonly type: number; readonly bytes: Uint8Array }[];
}

export interface Arp {
  readonly operation: number;
  readonly senderMac: MacLike;
  readonly senderAddress: AddressLike;
  readonly targetMac?: MacLike;
  readonly targetAddress: AddressLike;
}

export interface Tcp {
  readonly source: number;
  readonly destination: number;
  /** See `Flag` of tcp.ts; ACK if absent. */
  readonly flags?: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly window?: number;
  /** Padded to four bytes. */
  readonly options?: Uint8Array;
}

/** Builds one Ethernet frame of whichever layers are given. */
export function frame(layers: Frame): Uint8Array<ArrayBuffer> {
  const payload = bytesOf(layers.payload ?? 0);
  const segment = transport(layers, payload);
  const packet = network(layers, segment);
  const tags = typeof layers.vlan === 'number' ? [{ vid: layers.vlan }] : (layers.vlan ?? []);
  const header = ethernet.HEADER_LENGTH + tags.length * vlan.TAG_LENGTH;
  const length = header + packet.length;
  const out = new Uint8Array(layers.pad === true ? Math.max(length, ethernet.SHORTEST_FRAME) : length);
  const bytes = new DataView(out.buffer);
  const { destination = macOf(layers), source = '02:00:00:00:00:02' } = layers.ethernet ?? {};
  let at = tags.length * vlan.TAG_LENGTH;
  ethernet.build(bytes, at, toMac(destination), toMac(source), layers.ethernet?.type ?? typeOf(layers));
  for (const tag of [...tags].reverse()) {
    const { tpid = vlan.Tpid.Customer, pcp = 0, dei = 0, vid } = tag;
    at = vlan.pushTag(bytes, at, tpid, vlan.makeTci(pcp, dei, vid));
  }
  out.set(packet, header);
  return out;
}

export function toMac(mac: MacLike): ethernet.Mac {
  return typeof mac === 'string' ? ethernet.parseMac(mac) : mac;
}

/** @returns unsigned words, one or four */
export function toWords(address: AddressLike): readonly number[] {
  if (typeof address === 'string') return parseAddress(address).words;
  return 'words' in address ? address.words : addressOf(address).words;
}

function toWord(address: AddressLike): number {
  const words = toWords(address);
  if (words.length !== 1) throw new Error('An IPv6 address stands where an IPv4 address is needed.');
  return words[0];
}

function toFourWords(address: AddressLike): readonly number[] {
  const words = toWords(address);
  if (words.length !== 4) throw new Error('An IPv4 address stands where an IPv6 address is needed.');
  return words;
}

function bytesOf(payload: Uint8Array | string | number): Uint8Array {
  if (typeof payload === 'number') return Uint8Array.from({ length: payload }, (_, i) => i & 0xff);
  return typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
}

function macOf({ ipv4: four, ipv6: six }: Frame): ethernet.Mac {
  const words = toWords(four?.destination ?? six?.destination ?? [0]);
  if (six !== undefined && words[0] >>> 24 === 0xff) return multicastMacOf(words);
  if (four !== undefined && ipv4.isMulticast(words[0])) return multicastMacOf(words);
  return { high: 0x0200, low: 1 };
}

function typeOf({ ipv4: four, ipv6: six, arp: request }: Frame): number {
  if (four !== undefined) return ethernet.EtherType.Ipv4;
  if (six !== undefined) return ethernet.EtherType.Ipv6;
  return request === undefined ? 0x88b5 : ethernet.EtherType.Arp;
}

function protocolOf({ udp: datagram, tcp: segment, sctp: packet, icmp: message, ipv6: six }: Frame): number {
  if (datagram !== undefined) return ipv4.Protocol.Udp;
  if (segment !== undefined) return ipv4.Protocol.Tcp;
  if (packet !== undefined) return ipv4.Protocol.Sctp;
  if (message === undefined) return ipv4.Protocol.NoNext;
  return six === undefined ? ipv4.Protocol.Icmp : ipv4.Protocol.Icmpv6;
}

/** Transport header and payload; the checksum is written with the network header, whose addresses it covers. */
function transport(layers: Frame, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const { udp: datagram, tcp: segment, sctp: packet, icmp: message } = layers;
  const options = padded(segment?.options);
  let header = 0;
  if (segment !== undefined) header = tcp.HEADER_LENGTH + options.length;
  else if (packet !== undefined) header = sctp.HEADER_LENGTH;
  else if (datagram !== undefined || message !== undefined) header = udp.HEADER_LENGTH;
  const out = new Uint8Array(header + payload.length);
  const bytes = new DataView(out.buffer);
  out.set(payload, header);
  if (datagram !== undefined) {
    udp.build(bytes, 0, datagram.source, datagram.destination, out.length);
  } else if (segment !== undefined) {
    const {
      source,
      destination,
      flags = tcp.Flag.Acknowledge,
      sequence = 1,
      acknowledgment = 1,
      window = 64240,
    } = segment;
    tcp.build(bytes, 0, source, destination, sequence, acknowledgment, flags, window);
    bytes.setUint8(tcp.Offset.LengthFlags, (bytes.getUint8(tcp.Offset.LengthFlags) & 0xf) | ((header >>> 2) << 4));
    out.set(options, tcp.HEADER_LENGTH);
  } else if (packet !== undefined) {
    sctp.build(bytes, 0, packet.source, packet.destination, packet.tag ?? 0);
    sctp.writeChecksum(bytes, 0, out.length);
  } else if (message !== undefined) {
    icmp.build(bytes, 0, message.type, message.code ?? 0, message.rest ?? 0);
  }
  return out;
}

function network(layers: Frame, segment: Uint8Array): Uint8Array<ArrayBuffer> {
  if (layers.ipv4 !== undefined) return packet4(layers, layers.ipv4, segment);
  if (layers.ipv6 !== undefined) return packet6(layers, layers.ipv6, segment);
  if (layers.arp === undefined) return Uint8Array.from(segment);
  const { operation, senderMac, senderAddress, targetMac = { high: 0, low: 0 }, targetAddress } = layers.arp;
  const out = new Uint8Array(arp.PACKET_LENGTH);
  const bytes = new DataView(out.buffer);
  arp.build(bytes, 0, operation, toMac(senderMac), toWord(senderAddress), toMac(targetMac), toWord(targetAddress));
  return out;
}

function packet4(layers: Frame, header: Ipv4, segment: Uint8Array): Uint8Array<ArrayBuffer> {
  const options = padded(header.options);
  const l4 = ipv4.HEADER_LENGTH + options.length;
  const out = new Uint8Array(l4 + segment.length);
  const bytes = new DataView(out.buffer);
  const { ttl = 64, protocol = protocolOf(layers), typeOfService = 0, identification = 0, fragment = 0 } = header;
  ipv4.build(bytes, 0, toWord(header.source), toWord(header.destination), protocol, out.length, ttl);
  bytes.setUint8(0, 0x40 | (l4 >>> 2));
  ipv4.setTypeOfService(bytes, 0, typeOfService);
  ipv4.setIdentification(bytes, 0, identification);
  ipv4.setFragmentField(bytes, 0, fragment);
  out.set(options, ipv4.HEADER_LENGTH);
  ipv4.writeChecksum(bytes, 0);
  out.set(segment, l4);
  writeChecksum(layers, bytes, l4, pseudo4(bytes, 0, protocolOf(layers), segment.length));
  return out;
}

function packet6(layers: Frame, header: Ipv6, segment: Uint8Array): Uint8Array<ArrayBuffer> {
  const { extensions = [], hopLimit = 64, nextHeader = protocolOf(layers), trafficClass = 0, flowLabel = 0 } = header;
  const l4 = extensions.reduce((length, extension) => length + extension.bytes.length, ipv6.HEADER_LENGTH);
  const out = new Uint8Array(l4 + segment.length);
  const bytes = new DataView(out.buffer);
  ipv6.build(bytes, 0, extensions[0]?.type ?? nextHeader, out.length - ipv6.HEADER_LENGTH, hopLimit);
  ipv6.setTrafficClass(bytes, 0, trafficClass);
  ipv6.setFlowLabel(bytes, 0, flowLabel);
  const [a, b, c, d] = toFourWords(header.source);
  ipv6.setSource(bytes, 0, a, b, c, d);
  const [e, f, g, h] = toFourWords(header.destination);
  ipv6.setDestination(bytes, 0, e, f, g, h);
  let at: number = ipv6.HEADER_LENGTH;
  extensions.forEach((extension, i) => {
    out.set(extension.bytes, at);
    bytes.setUint8(at, extensions[i + 1]?.type ?? nextHeader);
    at += extension.bytes.length;
  });
  out.set(segment, l4);
  writeChecksum(layers, bytes, l4, pseudo6(bytes, 0, protocolOf(layers), segment.length));
  return out;
}

/** Completes the transport checksum of a packet that `bytes` holds exactly. */
function writeChecksum(layers: Frame, bytes: DataView, l4: number, pseudo: number): void {
  const whole = sum(bytes, l4, bytes.byteLength);
  if (layers.udp !== undefined) {
    if (layers.udp.checksum !== false) udp.setChecksumOfSum(bytes, l4, add(pseudo, whole));
  } else if (layers.tcp !== undefined) {
    tcp.setChecksum(bytes, l4, ~add(pseudo, whole));
  } else if (layers.icmp !== undefined) {
    icmp.setChecksum(bytes, l4, ~(layers.ipv6 === undefined ? whole : add(pseudo, whole)));
  }
}

function padded(options: Uint8Array = new Uint8Array(0)): Uint8Array {
  const out = new Uint8Array((options.length + 3) & ~3);
  out.set(options);
  return out;
}
