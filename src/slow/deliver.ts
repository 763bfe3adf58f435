import { Inject } from '../path/punt.ts';
import * as ethernet from '../wire/ethernet.ts';
import { EtherType } from '../wire/ethernet.ts';
import { Protocol } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { FRAGMENT_LENGTH } from '../wire/ipv6-extension.ts';
import type { Context } from './context.ts';
import { viewOf } from './frames.ts';
import type { PuntedFrame } from './record.ts';
import { isLinkLocal6, wordsAt } from './words.ts';

/**
 * Sends an IP packet of the router's own that answers a punted one, through the worker that this came from. It is routed; only
 * to a link-local address, which has no route, it goes back to the station that the punted frame came from.
 * @param most longest IPv6 packet in bytes; a longer one is fragmented here, as its source must do (RFC 8200, section 4.5).
 * IPv4 packets are fragmented by the path.
 * @returns whether the worker will see all of it
 */
export function deliver(context: Context, to: PuntedFrame, frame: Uint8Array, most: number): boolean {
  const { outbox, links } = context;
  const bytes = viewOf(frame);
  if (ethernet.etherType(bytes, 0) !== EtherType.Ipv6) return outbox.send(to.worker, Inject.Route, 0, frame);
  let kind: Inject = Inject.Route;
  let vlan = 0;
  if (isLinkLocal6(wordsAt(bytes, ethernet.HEADER_LENGTH + ipv6.Offset.Destination))) {
    const link = links.at(to.interface);
    if (link === undefined) return false;
    const from = viewOf(to.frame);
    ethernet.setDestination(bytes, 0, ethernet.sourceHigh(from, 0), ethernet.sourceLow(from, 0));
    ethernet.setSource(bytes, 0, link.mac.high, link.mac.low);
    kind = Inject.Bridge;
    vlan = link.vlan;
  }
  if (frame.length - ethernet.HEADER_LENGTH <= most) return outbox.send(to.worker, kind, vlan, frame);
  const identification = Math.floor(context.random() * 2 ** 32);
  return fragments6(frame, most, identification).every((piece) => outbox.send(to.worker, kind, vlan, piece));
}

/** Cuts an IPv6 packet without extension headers into fragments of at most `most` bytes each. */
export function fragments6(frame: Uint8Array, most: number, identification: number): Uint8Array[] {
  const l3 = ethernet.HEADER_LENGTH;
  const start = l3 + ipv6.HEADER_LENGTH;
  const step = (most - ipv6.HEADER_LENGTH - FRAGMENT_LENGTH) & ~7;
  const pieces: Uint8Array[] = [];
  for (let at = start; at < frame.length; at += step) {
    const end = Math.min(at + step, frame.length);
    const piece = new Uint8Array(start + FRAGMENT_LENGTH + end - at);
    const bytes = viewOf(piece);
    piece.set(frame.subarray(0, start));
    bytes.setUint8(start, bytes.getUint8(l3 + ipv6.Offset.NextHeader));
    bytes.setUint16(start + 2, (at - start) | (end < frame.length ? 1 : 0));
    bytes.setUint32(start + 4, identification);
    ipv6.setNextHeader(bytes, l3, Protocol.Fragment);
    ipv6.setPayloadLength(bytes, l3, FRAGMENT_LENGTH + end - at);
    piece.set(frame.subarray(at, end), start + FRAGMENT_LENGTH);
    pieces.push(piece);
  }
  return pieces;
}
