/**
 * What a router answers: echo replies and errors, as whole frames, and the rules of when it must not. Source: RFC 1122, section
 * 3.2.2; RFC 1812, section 4.3; RFC 4443.
 */
import { type AddressLike, frame, type MacLike } from './build-frame.ts';
import { add, checksum, pseudo6, sum } from './checksum.ts';
import { EtherType, etherType, HEADER_LENGTH } from './ethernet.ts';
import * as icmp from './icmp.ts';
import * as icmpv6 from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { offset, protocol, Walk, walk } from './ipv6-extension.ts';

/** Longest ICMP error, IP header included (RFC 1812, section 4.3.2.3); for IPv6 it is the smallest MTU (RFC 4443, section 2.4, c). */
export const LONGEST_ERROR4 = 576;
export const LONGEST_ERROR6 = ipv6.SMALLEST_MTU;

/** Internetwork control, the precedence of errors (RFC 1812, section 4.3.2.5). */
const PRECEDENCE = 0xc0;

export interface ReplyOptions {
  /** Address to answer from, if the request was sent to a group. */
  readonly source?: AddressLike;
  readonly mac?: MacLike;
  readonly ttl?: number;
}

/**
 * The answer to an echo request, MACs and addresses exchanged; IPv4 options and IPv6 extension headers are not returned.
 * @param request an untagged frame, not a fragment
 * @returns null if it is no echo request, cut short or its ICMP checksum is wrong
 */
export function icmpEchoReply(request: Uint8Array, options: ReplyOptions = {}): Uint8Array<ArrayBuffer> | null {
  const bytes = new DataView(request.buffer, request.byteOffset, request.byteLength);
  if (bytes.byteLength < HEADER_LENGTH) return null;
  const type = etherType(bytes, 0);
  if (type === EtherType.Ipv4) return echoReply4(request, bytes, options);
  return type === EtherType.Ipv6 ? echoReply6(request, bytes, options) : null;
}

function echoReply4(request: Uint8Array, bytes: DataView, options: ReplyOptions): Uint8Array<ArrayBuffer> | null {
  const l3 = HEADER_LENGTH;
  if (!ipv4.check(bytes, l3, bytes.byteLength)) return null;
  const l4 = l3 + ipv4.headerLength(bytes, l3);
  const end = l3 + ipv4.totalLength(bytes, l3);
  if (end > bytes.byteLength || ipv4.protocol(bytes, l3) !== ipv4.Protocol.Icmp || ipv4.isFragment(bytes, l3))
    return null;
  if (!icmp.check(bytes, l4, end) || icmp.type(bytes, l4) !== icmp.Type.EchoRequest) return null;
  if (checksum(bytes, l4, end) !== 0) return null;
  return frame({
    ethernet: macsOf(bytes, options),
    ipv4: {
      source: options.source ?? [ipv4.destination(bytes, l3)],
      destination: [ipv4.source(bytes, l3)],
      ttl: options.ttl ?? 64,
      typeOfService: ipv4.typeOfService(bytes, l3),
      identification: ipv4.identification(bytes, l3),
    },
    icmp: { type: icmp.Type.EchoReply, rest: bytes.getInt32(l4 + icmp.Offset.Rest) },
    payload: request.subarray(l4 + icmp.HEADER_LENGTH, end),
  });
}

function echoReply6(request: Uint8Array, bytes: DataView, options: ReplyOptions): Uint8Array<ArrayBuffer> | null {
  const l3 = HEADER_LENGTH;
  if (!ipv6.check(bytes, l3, bytes.byteLength)) return null;
  const end = l3 + ipv6.totalLength(bytes, l3);
  if (end > bytes.byteLength) return null;
  const chain = walk(bytes, l3, end);
  const l4 = l3 + offset(chain);
  if ((chain & (Walk.Fragment | Walk.Incomplete)) !== 0 || protocol(chain) !== ipv4.Protocol.Icmpv6) return null;
  if (!icmpv6.check(bytes, l4, end) || icmpv6.type(bytes, l4) !== icmpv6.Type.EchoRequest) return null;
  const pseudo = pseudo6(bytes, l3, ipv4.Protocol.Icmpv6, end - l4);
  if (add(pseudo, sum(bytes, l4, end)) !== 0xffff) return null;
  return frame({
    ethernet: macsOf(bytes, options),
    ipv6: {
      source: options.source ?? addressAt(bytes, l3 + ipv6.Offset.Destination),
      destination: addressAt(bytes, l3 + ipv6.Offset.Source),
      hopLimit: options.ttl ?? 64,
      trafficClass: ipv6.trafficClass(bytes, l3),
    },
    icmp: { type: icmpv6.Type.EchoReply, rest: bytes.getInt32(l4 + icmpv6.Offset.Rest) },
    payload: request.subarray(l4 + icmpv6.HEADER_LENGTH, end),
  });
}

/** The source MAC becomes the destination, the destination (or `mac`) the source. */
function macsOf(bytes: DataView, { mac }: ReplyOptions): { destination: MacLike; source: MacLike } {
  return {
    destination: { high: bytes.getUint16(6), low: bytes.getInt32(8) },
    source: mac ?? { high: bytes.getUint16(0), low: bytes.getInt32(2) },
  };
}

function addressAt(bytes: DataView, at: number): number[] {
  return [0, 4, 8, 12].map((i) => bytes.getUint32(at + i));
}

export interface IcmpError {
  /** The packet that could not go on, from its IP header; it may be cut after what the error quotes. */
  readonly packet: Uint8Array;
  readonly type: number;
  readonly code: number;
  /** Of the next link: with fragmentation needed and packet too big. */
  readonly mtu?: number;
  /** Offset of the wrong byte in the packet: with parameter problem. */
  readonly pointer?: number;
  /** The router's address, of the packet's family. */
  readonly source: AddressLike;
  /** MACs; zero if absent, as for a packet that is still to be routed. */
  readonly ethernet?: { readonly destination: MacLike; readonly source: MacLike };
  readonly ttl?: number;
  readonly identification?: number;
}

const NO_MAC = { high: 0, low: 0 };

/**
 * An ICMP or ICMPv6 error to the packet's source, that quotes as much of the packet as fits into 576 bytes (RFC 1812, section
 * 4.3.2.3) or 1,280 (RFC 4443). Whether it may be sent is for `mayAnswerWithError`. The packet has a whole IP header.
 */
export function icmpError(error: IcmpError): Uint8Array<ArrayBuffer> {
  const {
    packet,
    type,
    code,
    mtu = 0,
    pointer,
    source,
    ttl = 64,
    ethernet = { destination: NO_MAC, source: NO_MAC },
  } = error;
  const bytes = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  if (ipv4.version(bytes, 0) === 4) {
    const room = LONGEST_ERROR4 - ipv4.HEADER_LENGTH - icmp.HEADER_LENGTH;
    const quoted = Math.min(packet.length, ipv4.totalLength(bytes, 0), room);
    return frame({
      ethernet,
      ipv4: {
        source,
        destination: [ipv4.source(bytes, 0)],
        ttl,
        typeOfService: PRECEDENCE,
        identification: error.identification ?? 0,
      },
      icmp: { type, code, rest: pointer === undefined ? Math.min(mtu, 0xffff) : pointer << 24 },
      payload: packet.subarray(0, quoted),
    });
  }
  const room = LONGEST_ERROR6 - ipv6.HEADER_LENGTH - icmpv6.HEADER_LENGTH;
  const quoted = Math.min(packet.length, ipv6.totalLength(bytes, 0), room);
  return frame({
    ethernet,
    ipv6: { source, destination: addressAt(bytes, ipv6.Offset.Source), hopLimit: ttl, trafficClass: PRECEDENCE },
    icmp: { type, code, rest: pointer ?? mtu },
    payload: packet.subarray(0, quoted),
  });
}

/**
 * Whether an ICMP error may answer a packet. Not to an error or redirect, to a packet sent to a group (by its MAC or its
 * address), to a fragment other than the first, nor to one whose source is not one host's address: floods and loops would
 * come of it. Source: RFC 1122, section 3.2.2; RFC 1812, section 4.3.2.7; RFC 4443, section 2.4, e.
 *
 * IPv6 names no rule for later fragments, and path-MTU discovery may need the answer; only if one is of an ICMPv6 message,
 * which could be an error, it goes unanswered.
 * @param groupMac whether the frame's destination MAC was a group address
 * @param evenToGroup IPv6 alone: for packet too big, and parameter problem code 2, which answer multicast too
 */
export function mayAnswerWithError(
  bytes: DataView,
  l3: number,
  end: number,
  groupMac: boolean,
  evenToGroup = false,
): boolean {
  if (ipv6.check(bytes, l3, end)) return mayAnswer6(bytes, l3, end, groupMac && !evenToGroup, evenToGroup);
  if (!ipv4.check(bytes, l3, end) || groupMac || ipv4.isLaterFragment(bytes, l3)) return false;
  const source = ipv4.source(bytes, l3);
  const destination = ipv4.destination(bytes, l3);
  if (ipv4.isThisNetwork(source) || ipv4.isLoopback(source) || source >>> 29 === 7) return false;
  // 224.0.0.0/4 and 240.0.0.0/4, limited broadcast included.
  if (destination >>> 29 === 7) return false;
  if (ipv4.protocol(bytes, l3) !== ipv4.Protocol.Icmp) return true;
  const l4 = l3 + ipv4.headerLength(bytes, l3);
  return l4 < end && !icmp.isError(icmp.type(bytes, l4));
}

function mayAnswer6(bytes: DataView, l3: number, end: number, groupMac: boolean, evenToGroup: boolean): boolean {
  const source = l3 + ipv6.Offset.Source;
  if (groupMac || (!evenToGroup && ipv6.isMulticastAt(bytes, l3 + ipv6.Offset.Destination))) return false;
  if (ipv6.isUnspecifiedAt(bytes, source) || ipv6.isMulticastAt(bytes, source) || ipv6.isLoopbackAt(bytes, source)) {
    return false;
  }
  const chain = walk(bytes, l3, end);
  if ((chain & Walk.Incomplete) !== 0) return false;
  if (protocol(chain) !== ipv4.Protocol.Icmpv6) return true;
  const l4 = l3 + offset(chain);
  return (chain & Walk.LaterFragment) === 0 && l4 < end && !icmpv6.isError(icmpv6.type(bytes, l4));
}
