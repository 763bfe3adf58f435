import { Type } from '../../wire/icmpv6.ts';
import { Offset } from '../../wire/ndp.ts';

/**
 * Fields of neighbour discovery that OpenFlow knows, in messages that need not be valid: lengths are minded, the rest is the
 * hosts' business. Source: 1.3.5, table 12, ND target, SLL and TLL; RFC 4861, sections 4.3 and 4.4.
 */

/** Whether a neighbour solicitation or advertisement with its target lies at `at`. */
export function isNeighbor(bytes: DataView, at: number, end: number): boolean {
  if (end - at < Offset.NeighborOptions) return false;
  const type = bytes.getUint8(at);
  return (type === Type.NeighborSolicitation || type === Type.NeighborAdvertisement) && bytes.getUint8(at + 1) === 0;
}

/** @returns offset of the MAC in the first link-layer option of that type in a message for which `isNeighbor` holds, or -1 */
export function linkLayer(bytes: DataView, at: number, end: number, option: number): number {
  for (let position = at + Offset.NeighborOptions; end - position >= 8; ) {
    const length = bytes.getUint8(position + 1) << 3;
    if (length === 0 || length > end - position) return -1;
    if (length === 8 && bytes.getUint8(position) === option) return position + 2;
    position += length;
  }
  return -1;
}
