import type { Kind } from '../../frame/batch.ts';
import { Type } from '../../wire/icmpv6.ts';
import { Protocol } from '../../wire/ipv4.ts';
import * as ndp from '../../wire/ndp.ts';
import { patchSctp, patchTransport, patchTransport32 } from './edit-checksum.ts';
import { Edit } from './edit-code.ts';
import type { Headers } from './headers.ts';
import { isNeighbor, linkLayer } from './neighbor.ts';

/** Fields behind the IP header. */

/** @param offset 0 for the source port, 2 for the destination port */
export function setPort(h: Headers, protocol: number, offset: number, port: number): Edit {
  if (h.protocol !== protocol || h.l4 < 0) return Edit.Absent;
  const { bytes, l4 } = h;
  if (protocol === Protocol.Sctp) {
    const ports = bytes.getInt32(l4);
    bytes.setUint16(l4 + offset, port);
    patchSctp(h, ports, bytes.getInt32(l4));
    return Edit.Done;
  }
  const old = bytes.getUint16(l4 + offset);
  bytes.setUint16(l4 + offset, port);
  patchTransport(h, old, port);
  return Edit.Done;
}

/** Type (offset 0) or code (1) of ICMP in IPv4 or ICMPv6 in IPv6. */
export function setIcmp(h: Headers, kind: Kind, protocol: number, offset: number, value: number): Edit {
  if (h.kind !== kind || h.protocol !== protocol || h.l4 < 0) return Edit.Absent;
  const { bytes, l4 } = h;
  const old = bytes.getUint16(l4);
  bytes.setUint8(l4 + offset, value);
  patchTransport(h, old, bytes.getUint16(l4));
  return Edit.Done;
}

export function setNeighborTarget(h: Headers, words: Int32Array, at: number): Edit {
  if (!hasNeighbor(h)) return Edit.Absent;
  const { bytes } = h;
  for (let w = 0; w < 4; w++) {
    const position = h.l4 + ndp.Offset.Target + (w << 2);
    const old = bytes.getInt32(position);
    bytes.setInt32(position, words[at + w]);
    patchTransport32(h, old, words[at + w]);
  }
  return Edit.Done;
}

/** MAC in the option of a message of that type: the source's in solicitations, the target's in advertisements (1.3.5, table 12). */
function setLinkLayer(h: Headers, type: number, option: number, high: number, low: number): Edit {
  if (!hasNeighbor(h)) return Edit.Absent;
  const { bytes, l4 } = h;
  if (bytes.getUint8(l4) !== type) return Edit.Absent;
  const at = linkLayer(bytes, l4, h.stop, option);
  if (at < 0) return Edit.Absent;
  const oldHigh = bytes.getUint16(at);
  const oldLow = bytes.getInt32(at + 2);
  bytes.setUint16(at, high);
  bytes.setInt32(at + 2, low);
  patchTransport(h, oldHigh, high);
  patchTransport32(h, oldLow, low);
  return Edit.Done;
}

export function setSourceLinkLayer(h: Headers, words: Int32Array, at: number): Edit {
  return setLinkLayer(h, Type.NeighborSolicitation, ndp.Option.SourceLinkLayer, words[at], words[at + 1]);
}

export function setTargetLinkLayer(h: Headers, words: Int32Array, at: number): Edit {
  return setLinkLayer(h, Type.NeighborAdvertisement, ndp.Option.TargetLinkLayer, words[at], words[at + 1]);
}

function hasNeighbor(h: Headers): boolean {
  return h.isIpv6() && h.protocol === Protocol.Icmpv6 && h.l4 >= 0 && isNeighbor(h.bytes, h.l4, h.stop);
}
