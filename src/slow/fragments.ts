import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { Protocol } from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';
import { Walk } from '../wire/ipv6-extension.ts';
import { viewOf } from './frames.ts';
import type { Fragment, Whole } from './reassembly.ts';
import type { PuntedFrame } from './record.ts';

const L3 = ethernet.HEADER_LENGTH;
const LONGEST_PACKET = 65535;

/**
 * The fragment in a frame whose IP header has been checked, and which holds no byte behind the packet.
 * @returns null when the packet is none, or is cut short
 */
export function readFragment(from: PuntedFrame, family: 4 | 6): Fragment | null {
  const { frame } = from;
  const bytes = viewOf(frame);
  const end = frame.length;
  if (family === 4) {
    if (!ipv4.isFragment(bytes, L3) || end - L3 < ipv4.totalLength(bytes, L3)) return null;
    const ends = `${ipv4.source(bytes, L3)},${ipv4.destination(bytes, L3)}`;
    return {
      key: `4,${ends},${ipv4.protocol(bytes, L3)},${ipv4.identification(bytes, L3)}`,
      offset: ipv4.fragmentOffset(bytes, L3),
      more: ipv4.moreFragments(bytes, L3),
      from,
      start: L3 + ipv4.headerLength(bytes, L3),
      end,
    };
  }
  // A fragment header that says «all of it is here» is none (RFC 6946): the walk sees no fragment then.
  if ((extension.walk(bytes, L3, end) & Walk.Fragment) === 0 || end - L3 < ipv6.totalLength(bytes, L3)) return null;
  const header = extension.find(bytes, L3, end, Protocol.Fragment);
  if (header < 0) return null;
  const ends = frame.subarray(L3 + ipv6.Offset.Source, L3 + ipv6.HEADER_LENGTH).join();
  return {
    key: `6,${ends},${extension.identification(bytes, header)}`,
    offset: extension.fragmentOffset(bytes, header),
    more: extension.moreFragments(bytes, header),
    from,
    start: header + extension.FRAGMENT_LENGTH,
    end,
  };
}

/** @returns the datagram as one packet in one frame, as if it had come so; null when it is longer than a packet can be */
export function rebuild({ first, start, payload }: Whole, family: 4 | 6): PuntedFrame | null {
  const header = family === 4 ? start : start - extension.FRAGMENT_LENGTH;
  const frame = new Uint8Array(header + payload.length);
  frame.set(first.frame.subarray(0, header));
  frame.set(payload, header);
  const bytes = viewOf(frame);
  const length = frame.length - L3;
  if (family === 4) {
    if (length > LONGEST_PACKET) return null;
    ipv4.setTotalLength(bytes, L3, length);
    ipv4.setFragmentField(bytes, L3, 0);
    ipv4.writeChecksum(bytes, L3);
  } else {
    if (length - ipv6.HEADER_LENGTH > LONGEST_PACKET) return null;
    ipv6.setPayloadLength(bytes, L3, length - ipv6.HEADER_LENGTH);
    // What named the fragment header names now what stood behind it.
    bytes.setUint8(fieldNaming(bytes, header), first.frame[header]);
  }
  return { ...first, frame, frameLength: frame.length };
}

/**
 * Offset in the frame of the next-header field that names the IPv6 header at `position`; `walk` or `find` has shown that the chain
 * leads there.
 */
export function fieldNaming(bytes: DataView, position: number): number {
  let field = L3 + ipv6.Offset.NextHeader;
  let at = L3 + ipv6.HEADER_LENGTH;
  while (at < position && at + 2 <= bytes.byteLength) {
    const protocol = bytes.getUint8(field);
    field = at;
    if (protocol === Protocol.Fragment) at += extension.FRAGMENT_LENGTH;
    else if (protocol === Protocol.Authentication) at += (bytes.getUint8(at + 1) + 2) << 2;
    else at += (bytes.getUint8(at + 1) + 1) << 3;
  }
  return field;
}
