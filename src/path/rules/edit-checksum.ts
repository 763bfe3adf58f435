import { Kind, Trait } from '../../frame/batch.ts';
import { patchChecksum, patchChecksum32, patchPartial, patchPartial32 } from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import { Protocol } from '../../wire/ipv4.ts';
import * as sctp from '../../wire/sctp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Headers } from './headers.ts';

/**
 * Transport checksums of a frame that is edited, patched by the difference alone (RFC 1624), so that a wrong one stays wrong and no
 * payload is read. A partial one (NEEDS_CSUM) holds the sum of the pseudo-header: that changes with addresses and protocol, and
 * not with what is behind them. Later fragments have none; a first fragment's is right when its own bytes are patched.
 */

/** @returns position of the checksum of the transport header, or -1: none, not there whole, or of a protocol that has another kind */
function position(h: Headers): number {
  if (h.l4 < 0) return -1;
  let at = h.l4;
  switch (h.protocol) {
    case Protocol.Tcp:
      at += tcp.Offset.Checksum;
      break;
    case Protocol.Udp:
    case Protocol.UdpLite:
      at += udp.Offset.Checksum;
      break;
    case Protocol.Icmp:
    case Protocol.Icmpv6:
      at += icmp.Offset.Checksum;
      break;
    default:
      return -1;
  }
  return at + 2 <= h.stop ? at : -1;
}

/** Position of the checksum if the pseudo-header counts in it, which ICMP's does not (RFC 792; RFC 4443, section 2.3), or -1. */
function overPseudo(h: Headers): number {
  if (h.protocol === Protocol.Icmp || (h.protocol === Protocol.Icmpv6 && h.kind !== Kind.Ipv6)) return -1;
  return position(h);
}

/** A 32-bit word of the pseudo-header has changed: a quarter of an IPv6 address, an IPv4 address. */
export function patchPseudo32(h: Headers, old: number, now: number): void {
  const at = overPseudo(h);
  if (at < 0) return;
  if (at === h.partial) patchPartial32(h.bytes, at, old, now);
  else if (h.protocol === Protocol.Udp) udp.patchChecksum32(h.bytes, h.l4, old, now);
  else patchChecksum32(h.bytes, at, old, now);
}

/** The protocol in the pseudo-header has changed. What the transport header was before says where the checksum is. */
export function patchPseudoProtocol(h: Headers, old: number, now: number): void {
  const at = overPseudo(h);
  if (at < 0) return;
  if (at === h.partial) patchPartial(h.bytes, at, old, now);
  else if (h.protocol === Protocol.Udp) udp.patchChecksum(h.bytes, h.l4, old, now);
  else patchChecksum(h.bytes, at, old, now);
}

/** A 16-bit word at an even distance from the transport header has changed. */
export function patchTransport(h: Headers, old: number, now: number): void {
  const at = position(h);
  if (at < 0 || at === h.partial) return;
  if (h.protocol === Protocol.Udp) udp.patchChecksum(h.bytes, h.l4, old, now);
  else patchChecksum(h.bytes, at, old, now);
}

export function patchTransport32(h: Headers, old: number, now: number): void {
  const at = position(h);
  if (at < 0 || at === h.partial) return;
  if (h.protocol === Protocol.Udp) udp.patchChecksum32(h.bytes, h.l4, old, now);
  else patchChecksum32(h.bytes, at, old, now);
}

/**
 * The first word of an SCTP packet has changed, its ports. Of a first fragment nobody can say how far the packet reaches, and
 * the CRC depends on that: it is left as it is.
 */
export function patchSctp(h: Headers, old: number, now: number): void {
  const length = h.l3 + h.ipLength - h.l4;
  if ((h.traits & Trait.Fragment) !== 0 || h.l4 + sctp.HEADER_LENGTH > h.stop) return;
  sctp.patchChecksum32(h.bytes, h.l4, 0, length, old, now);
}
