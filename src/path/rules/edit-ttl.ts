import { Trait } from '../../frame/batch.ts';
import { patchChecksum } from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as mpls from '../../wire/mpls.ts';
import { Edit } from './edit-code.ts';
import type { Headers } from './headers.ts';

/**
 * TTLs. A header that has one is named here by its position and what it is, in one number: `position << 2 | Layer`; -1: none.
 * Source: 1.3.5, section 7.2.5, `ofp_action_mpls_ttl` and those that follow it.
 */
const Layer = { Label: 0, Ipv4: 1, Ipv6: 2 } as const;

/** The outermost header with a TTL: a label, or the IP header. */
function outermost(h: Headers): number {
  if (mpls.isMpls(h.type)) return mpls.check(h.bytes, h.l3, h.end) ? (h.l3 << 2) | Layer.Label : -1;
  if (h.isIpv4()) return (h.l3 << 2) | Layer.Ipv4;
  return h.isIpv6() ? (h.l3 << 2) | Layer.Ipv6 : -1;
}

/** The one behind it: the next label, the packet behind the last one, or a packet in a packet (RFC 2003, RFC 2473). */
function second(h: Headers, outer: number): number {
  if (outer < 0) return -1;
  if ((outer & 3) === Layer.Label) {
    const next = (outer >> 2) + mpls.ENTRY_LENGTH;
    if (mpls.isBottom(h.bytes, outer >> 2)) return packet(h, next);
    return mpls.check(h.bytes, next, h.end) ? (next << 2) | Layer.Label : -1;
  }
  const inside = h.protocol === IPV4_INSIDE || h.protocol === IPV6_INSIDE;
  return inside && h.l4 >= 0 && (h.traits & Trait.LaterFragment) === 0 ? packet(h, h.l4) : -1;
}

const IPV4_INSIDE = 4;
const IPV6_INSIDE = 41;

/** An IP header, known by its version alone: nothing before it says what it is. */
function packet(h: Headers, at: number): number {
  if (ipv4.check(h.bytes, at, h.end)) return (at << 2) | Layer.Ipv4;
  return ipv6.check(h.bytes, at, h.end) ? (at << 2) | Layer.Ipv6 : -1;
}

function read(bytes: DataView, header: number): number {
  const at = header >> 2;
  switch (header & 3) {
    case Layer.Label:
      return mpls.ttl(bytes, at);
    case Layer.Ipv4:
      return ipv4.ttl(bytes, at);
    default:
      return ipv6.hopLimit(bytes, at);
  }
}

function write(bytes: DataView, header: number, ttl: number): void {
  const at = header >> 2;
  if ((header & 3) === Layer.Label) {
    mpls.setTtl(bytes, at, ttl);
  } else if ((header & 3) === Layer.Ipv4) {
    const old = bytes.getUint16(at + ipv4.Offset.Ttl);
    const now = (ttl << 8) | (old & 0xff);
    bytes.setUint16(at + ipv4.Offset.Ttl, now);
    patchChecksum(bytes, at + ipv4.Offset.Checksum, old, now);
  } else {
    ipv6.setHopLimit(bytes, at, ttl);
  }
}

/** TTL that a label pushed in front takes over: that of the IP header, 0 without one. */
export function ttlOfPacket(h: Headers): number {
  const header = outermost(h);
  return header < 0 ? 0 : read(h.bytes, header);
}

/** @param label whether it is the TTL of a label that is meant, or that of the IP header */
export function setTtl(h: Headers, label: boolean, ttl: number): Edit {
  const header = outermost(h);
  if (header < 0 || label !== ((header & 3) === Layer.Label)) return Edit.Absent;
  write(h.bytes, header, ttl);
  return Edit.Done;
}

export function decrementTtl(h: Headers, label: boolean): Edit {
  const header = outermost(h);
  if (header < 0 || label !== ((header & 3) === Layer.Label)) return Edit.Absent;
  const ttl = read(h.bytes, header);
  if (ttl <= 1) return Edit.TtlExpired;
  write(h.bytes, header, ttl - 1);
  return Edit.Done;
}

/** @param inwards from the outermost header to the second, or the other way */
export function copyTtl(h: Headers, inwards: boolean): Edit {
  const outer = outermost(h);
  const inner = second(h, outer);
  if (inner < 0) return Edit.Absent;
  if (inwards) write(h.bytes, inner, read(h.bytes, outer));
  else write(h.bytes, outer, read(h.bytes, inner));
  return Edit.Done;
}
