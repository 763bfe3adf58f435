/**
 * The chain of IPv6 extension headers, walked once and in bounds. Source: RFC 8200, section 4; RFC 4302 (authentication
 * header). Followed are those that Linux follows (net/ipv6/exthdrs_core.c, ipv6_ext_hdr), so that ACLs and hosts see the same
 * upper protocol: hop-by-hop, routing, fragment, authentication, destination options. At most eight: a longer chain is an
 * attack or an accident (RFC 8883, section 3).
 *
 * The answer is one small integer: protocol (8 bits), its offset from the IPv6 header (15 bits), flags.
 */

import { Protocol } from './ipv4.ts';
import { HEADER_LENGTH, Offset } from './ipv6.ts';

export const MOST_HEADERS = 8;

/** Flags of a walk. */
export const Walk = {
  /** A fragment of several (a fragment header with M set or an offset). */
  Fragment: 1 << 23,
  /** A fragment that is not the first: what lies at the offset is payload, and the protocol may be an extension header's. */
  LaterFragment: 1 << 24,
  /** There are extension headers. */
  Extended: 1 << 25,
  /** The chain runs over the end or over eight headers: the protocol is that of the header which could not be followed. */
  Incomplete: 1 << 26,
} as const;

/** Fields of a fragment header (RFC 8200, section 4.5), from its own offset. */
export const FragmentOffset = { NextHeader: 0, Field: 2, Identification: 4 } as const;
export const FRAGMENT_LENGTH = 8;

/**
 * Follows the chain of the header at `at`, which has passed `check` of ipv6.ts.
 * @param end where the readable bytes of the packet end; nothing behind it is read
 */
export function walk(bytes: DataView, at: number, end: number): number {
  let protocol = bytes.getUint8(at + Offset.NextHeader);
  if (protocol === Protocol.Tcp || protocol === Protocol.Udp) return protocol | (HEADER_LENGTH << 8);
  let position = at + HEADER_LENGTH;
  let flags = 0;
  for (let count = 0; isExtension(protocol); count++) {
    if (count === MOST_HEADERS || end - position < 8) {
      flags |= Walk.Incomplete;
      break;
    }
    let length = 8;
    if (protocol === Protocol.Fragment) {
      const field = bytes.getUint16(position + FragmentOffset.Field);
      if ((field & 0xfff9) !== 0) flags |= Walk.Fragment;
      if ((field & 0xfff8) !== 0) flags |= Walk.LaterFragment;
    } else if (protocol === Protocol.Authentication) {
      length = (bytes.getUint8(position + 1) + 2) << 2;
    } else {
      length = (bytes.getUint8(position + 1) + 1) << 3;
    }
    if (end - position < length) {
      flags |= Walk.Incomplete;
      break;
    }
    protocol = bytes.getUint8(position);
    position += length;
    flags |= Walk.Extended;
    if ((flags & Walk.LaterFragment) !== 0) break;
  }
  return protocol | ((position - at) << 8) | flags;
}

/** Upper protocol. */
export function protocol(walk: number): number {
  return walk & 0xff;
}

/** Bytes from the IPv6 header to the upper protocol's header. */
export function offset(walk: number): number {
  return (walk >>> 8) & 0x7fff;
}

export function isExtension(protocol: number): boolean {
  return (
    protocol === Protocol.HopByHop ||
    protocol === Protocol.DestinationOptions ||
    protocol === Protocol.Fragment ||
    protocol === Protocol.Routing ||
    protocol === Protocol.Authentication
  );
}

/** @returns offset of the first extension header of that kind, or -1; for what `walk` does not tell, such as a fragment's identification */
export function find(bytes: DataView, at: number, end: number, wanted: number): number {
  let protocol = bytes.getUint8(at + Offset.NextHeader);
  let position = at + HEADER_LENGTH;
  for (let count = 0; count < MOST_HEADERS && isExtension(protocol) && end - position >= 8; count++) {
    let length = (bytes.getUint8(position + 1) + 1) << 3;
    if (protocol === Protocol.Fragment) length = FRAGMENT_LENGTH;
    else if (protocol === Protocol.Authentication) length = (bytes.getUint8(position + 1) + 2) << 2;
    if (end - position < length) return -1;
    if (protocol === wanted) return position;
    if (protocol === Protocol.Fragment && fragmentOffset(bytes, position) !== 0) return -1;
    protocol = bytes.getUint8(position);
    position += length;
  }
  return -1;
}

/** Of a fragment header: offset of its payload in the packet, bytes. */
export function fragmentOffset(bytes: DataView, at: number): number {
  return bytes.getUint16(at + FragmentOffset.Field) & 0xfff8;
}

export function moreFragments(bytes: DataView, at: number): boolean {
  return (bytes.getUint16(at + FragmentOffset.Field) & 1) !== 0;
}

/** Signed. */
export function identification(bytes: DataView, at: number): number {
  return bytes.getInt32(at + FragmentOffset.Identification);
}
