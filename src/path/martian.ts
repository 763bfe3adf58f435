/**
 * Addresses that a router must not forward. Source: RFC 1812, 5.3.7; RFC 6890; RFC 4291, 2.5.6.
 * IPv4 addresses are 32-bit integers as read from the packet.
 */
export function isMartian4(source: number, destination: number): boolean {
  const from = source >>> 24;
  const to = destination >>> 24;
  return from === 127 || from === 0 || from >= 224 || to === 127 || to === 0 || to >= 240;
}

export function isMulticast4(address: number): boolean {
  return address >>> 28 === 14;
}

/** The packet's source is multicast, unspecified, loopback or link-local, or its destination loopback or link-local. */
export function isMartian6(bytes: DataView, at: number): boolean {
  return isNotRoutable(bytes, at + 8) || bytes.getUint8(at + 8) === 0xff || isNotRoutable(bytes, at + 24);
}

function isNotRoutable(bytes: DataView, at: number): boolean {
  if ((bytes.getUint16(at) & 0xffc0) === 0xfe80) return true;
  return (
    bytes.getInt32(at) === 0 &&
    bytes.getInt32(at + 4) === 0 &&
    bytes.getInt32(at + 8) === 0 &&
    bytes.getUint32(at + 12) <= 1
  );
}
