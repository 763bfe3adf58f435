import { patchChecksum, patchChecksum32 } from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as extension from '../../wire/ipv6-extension.ts';
import { patchPseudo32, patchPseudoProtocol } from './edit-checksum.ts';
import { Edit } from './edit-code.ts';
import type { Headers } from './headers.ts';

/** Fields of the IP headers. The IPv4 header's checksum is patched, and that of the transport header where its pseudo-header changes. */

/** @param mask bits of the type of service or traffic class to write @param value those bits, in their places */
export function setTypeOfService(h: Headers, mask: number, value: number): Edit {
  const { bytes, l3 } = h;
  if (h.isIpv4()) {
    const old = bytes.getUint16(l3);
    const now = (old & ~mask) | value;
    bytes.setUint16(l3, now);
    patchChecksum(bytes, l3 + ipv4.Offset.Checksum, old, now);
    return Edit.Done;
  }
  if (!h.isIpv6()) return Edit.Absent;
  ipv6.setTrafficClass(bytes, l3, (ipv6.trafficClass(bytes, l3) & ~mask) | value);
  return Edit.Done;
}

/**
 * The transport header stays as it is and is called something else from now on; its checksum, which lies where it lay, goes along
 * with the pseudo-header. The Ryu switch tests want it so.
 */
export function setProtocol(h: Headers, protocol: number): Edit {
  const { bytes, l3 } = h;
  if (h.isIpv4()) {
    const at = l3 + ipv4.Offset.Ttl;
    const old = bytes.getUint16(at);
    const now = (old & 0xff00) | protocol;
    bytes.setUint16(at, now);
    patchChecksum(bytes, l3 + ipv4.Offset.Checksum, old, now);
  } else if (h.isIpv6()) {
    bytes.setUint8(upperProtocolAt(h), protocol);
  } else {
    return Edit.Absent;
  }
  patchPseudoProtocol(h, h.protocol, protocol);
  return Edit.Done;
}

/** Position of the byte that names the upper protocol, as `walk` finds it: in the IPv6 header, or in its last extension header. */
function upperProtocolAt(h: Headers): number {
  const { bytes, l3, stop } = h;
  let at = l3 + ipv6.Offset.NextHeader;
  let position = l3 + ipv6.HEADER_LENGTH;
  for (let count = 0; count < extension.MOST_HEADERS && stop - position >= 8; count++) {
    const protocol = bytes.getUint8(at);
    if (!extension.isExtension(protocol)) break;
    let length = (bytes.getUint8(position + 1) + 1) << 3;
    if (protocol === ipv4.Protocol.Fragment) length = extension.FRAGMENT_LENGTH;
    else if (protocol === ipv4.Protocol.Authentication) length = (bytes.getUint8(position + 1) + 2) << 2;
    if (stop - position < length) break;
    at = position;
    if (protocol === ipv4.Protocol.Fragment && extension.fragmentOffset(bytes, position) !== 0) break;
    position += length;
  }
  return at;
}

/** @param offset of the address in the IPv4 header */
export function setIpv4Address(h: Headers, offset: number, address: number): Edit {
  if (!h.isIpv4()) return Edit.Absent;
  const { bytes, l3 } = h;
  const old = bytes.getInt32(l3 + offset);
  bytes.setInt32(l3 + offset, address);
  patchChecksum32(bytes, l3 + ipv4.Offset.Checksum, old, address);
  patchPseudo32(h, old, address);
  return Edit.Done;
}

/**
 * While a routing header names segments to come, the destination is but the next stop: the pseudo-header has the last one (RFC 8200,
 * section 8.1), and the checksum stays.
 * @param offset of the address in the IPv6 header @param words with the address from `at` on
 */
export function setIpv6Address(h: Headers, offset: number, words: Int32Array, at: number): Edit {
  if (!h.isIpv6()) return Edit.Absent;
  const { bytes, l3 } = h;
  const counts = offset !== ipv6.Offset.Destination || !isOnItsWay(h);
  for (let w = 0; w < 4; w++) {
    const position = l3 + offset + (w << 2);
    const old = bytes.getInt32(position);
    const now = words[at + w];
    bytes.setInt32(position, now);
    if (counts) patchPseudo32(h, old, now);
  }
  return Edit.Done;
}

/** Whether there is a routing header with segments left. */
function isOnItsWay(h: Headers): boolean {
  if (!extension.isExtension(ipv6.nextHeader(h.bytes, h.l3))) return false;
  const routing = extension.find(h.bytes, h.l3, h.stop, ipv4.Protocol.Routing);
  return routing >= 0 && h.bytes.getUint8(routing + 3) > 0;
}

export function setFlowLabel(h: Headers, label: number): Edit {
  if (!h.isIpv6()) return Edit.Absent;
  ipv6.setFlowLabel(h.bytes, h.l3, label);
  return Edit.Done;
}
