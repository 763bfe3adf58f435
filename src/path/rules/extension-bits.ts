import { Protocol } from '../../wire/ipv4.ts';
import { HEADER_LENGTH, Offset } from '../../wire/ipv6.ts';
import { FRAGMENT_LENGTH, fragmentOffset, isExtension, MOST_HEADERS } from '../../wire/ipv6-extension.ts';

/** OFPIEH_*. Source: 1.3.5, section 7.2.3.8. */
export const ExtensionBit = {
  NoNext: 1,
  Esp: 2,
  Authentication: 4,
  Destination: 8,
  Fragment: 16,
  Routing: 32,
  /** Only when it is the first. */
  HopByHop: 64,
  /** One came more often than it should: destination options may come twice, the others once. */
  Repeated: 128,
  /** Not in the order that RFC 8200, section 4.1, recommends. */
  Unordered: 256,
} as const;

/** Place of destination options at the end, in the recommended order; places of the others are those of `placeOf`. */
const LAST = 6;

/**
 * The pseudo-field IPv6 extension headers of OpenFlow: which there are, and whether they come twice or out of order. The chain ends
 * where `walk` of ipv6-extension.ts ends it: at the upper protocol, a later fragment's header, the end, or after eight headers.
 * @param at of an IPv6 header that is there whole @param end of the readable bytes of the packet
 */
export function extensionBits(bytes: DataView, at: number, end: number): number {
  let protocol = bytes.getUint8(at + Offset.NextHeader);
  let position = at + HEADER_LENGTH;
  let bits = 0;
  let destinations = 0;
  let furthest = -1;
  for (let count = 0; count <= MOST_HEADERS; count++) {
    if (protocol === Protocol.NoNext) return bits | ExtensionBit.NoNext;
    const isEsp = protocol === Protocol.Esp;
    if (!isEsp && (!isExtension(protocol) || count === MOST_HEADERS)) return bits;
    let length = 8;
    if (!isEsp) {
      if (end - position < 8) return bits;
      if (protocol === Protocol.Authentication) length = (bytes.getUint8(position + 1) + 2) << 2;
      else if (protocol !== Protocol.Fragment) length = (bytes.getUint8(position + 1) + 1) << 3;
      else length = FRAGMENT_LENGTH;
      if (end - position < length) return bits;
    }
    const bit = bitOf(protocol);
    let place = placeOf(protocol);
    if (bit === ExtensionBit.Destination) {
      destinations++;
      // Before anything but hop-by-hop they are the first of two; behind, the last.
      if (furthest > 0) place = LAST;
    }
    if (bit === ExtensionBit.Destination ? destinations > 2 : (bits & bit) !== 0) bits |= ExtensionBit.Repeated;
    if (place < furthest || (bit === ExtensionBit.HopByHop && count > 0)) bits |= ExtensionBit.Unordered;
    else furthest = place;
    if (bit !== ExtensionBit.HopByHop || count === 0) bits |= bit;
    // What follows is encrypted, or payload.
    if (isEsp || (protocol === Protocol.Fragment && fragmentOffset(bytes, position) !== 0)) return bits;
    protocol = bytes.getUint8(position);
    position += length;
  }
  return bits;
}

function bitOf(protocol: number): number {
  switch (protocol) {
    case Protocol.HopByHop:
      return ExtensionBit.HopByHop;
    case Protocol.DestinationOptions:
      return ExtensionBit.Destination;
    case Protocol.Routing:
      return ExtensionBit.Routing;
    case Protocol.Fragment:
      return ExtensionBit.Fragment;
    case Protocol.Authentication:
      return ExtensionBit.Authentication;
    default:
      return ExtensionBit.Esp;
  }
}

function placeOf(protocol: number): number {
  switch (protocol) {
    case Protocol.HopByHop:
      return 0;
    case Protocol.DestinationOptions:
      return 1;
    case Protocol.Routing:
      return 2;
    case Protocol.Fragment:
      return 3;
    case Protocol.Authentication:
      return 4;
    default:
      return 5;
  }
}
