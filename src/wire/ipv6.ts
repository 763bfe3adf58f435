/**
 * IPv6 header. Source: RFC 8200, section 3. An address is four signed 32-bit words here, as `getInt32` gives them; extension
 * headers are in ipv6-extension.ts.
 */

export const Offset = {
  VersionClassFlow: 0,
  PayloadLength: 4,
  NextHeader: 6,
  HopLimit: 7,
  Source: 8,
  Destination: 24,
  Payload: 40,
} as const;

export const HEADER_LENGTH = 40;
/** Every link carries packets of that many bytes (RFC 8200, section 5). */
export const SMALLEST_MTU = 1280;

/** Whether a whole header lies at `at`. As with IPv4, the packet may be longer than `end - at`: compare `totalLength`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH && bytes.getUint8(at) >>> 4 === 6;
}

export function version(bytes: DataView, at: number): number {
  return bytes.getUint8(at) >>> 4;
}

/** DSCP and ECN. */
export function trafficClass(bytes: DataView, at: number): number {
  return (bytes.getUint16(at) >>> 4) & 0xff;
}

export function flowLabel(bytes: DataView, at: number): number {
  return bytes.getInt32(at) & 0xf_ffff;
}

/** Bytes behind the header, extension headers included. */
export function payloadLength(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.PayloadLength);
}

/** Bytes of header and payload, as the header says. */
export function totalLength(bytes: DataView, at: number): number {
  return HEADER_LENGTH + bytes.getUint16(at + Offset.PayloadLength);
}

export function nextHeader(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.NextHeader);
}

export function hopLimit(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.HopLimit);
}

/** @param word 0..3, most significant first */
export function source(bytes: DataView, at: number, word: number): number {
  return bytes.getInt32(at + Offset.Source + (word << 2));
}

export function destination(bytes: DataView, at: number, word: number): number {
  return bytes.getInt32(at + Offset.Destination + (word << 2));
}

export function setTrafficClass(bytes: DataView, at: number, value: number): void {
  bytes.setUint16(at, (bytes.getUint16(at) & 0xf00f) | (value << 4));
}

export function setFlowLabel(bytes: DataView, at: number, label: number): void {
  bytes.setInt32(at, (bytes.getInt32(at) & ~0xf_ffff) | label);
}

export function setPayloadLength(bytes: DataView, at: number, length: number): void {
  bytes.setUint16(at + Offset.PayloadLength, length);
}

export function setNextHeader(bytes: DataView, at: number, protocol: number): void {
  bytes.setUint8(at + Offset.NextHeader, protocol);
}

export function setHopLimit(bytes: DataView, at: number, limit: number): void {
  bytes.setUint8(at + Offset.HopLimit, limit);
}

export function setSource(bytes: DataView, at: number, a: number, b: number, c: number, d: number): void {
  setAddress(bytes, at + Offset.Source, a, b, c, d);
}

export function setDestination(bytes: DataView, at: number, a: number, b: number, c: number, d: number): void {
  setAddress(bytes, at + Offset.Destination, a, b, c, d);
}

/** Writes an address at any offset. */
export function setAddress(bytes: DataView, at: number, a: number, b: number, c: number, d: number): void {
  bytes.setInt32(at, a);
  bytes.setInt32(at + 4, b);
  bytes.setInt32(at + 8, c);
  bytes.setInt32(at + 12, d);
}

/** Writes all of the header but the addresses. @returns offset behind it */
export function build(
  bytes: DataView,
  at: number,
  nextHeader: number,
  payloadLength: number,
  hopLimit: number,
): number {
  bytes.setInt32(at, 0x6000_0000);
  bytes.setUint16(at + Offset.PayloadLength, payloadLength);
  bytes.setUint8(at + Offset.NextHeader, nextHeader);
  bytes.setUint8(at + Offset.HopLimit, hopLimit);
  return at + HEADER_LENGTH;
}

/** Whether the address at that offset (not the header) is of ff00::/8. Source of these classes: RFC 4291, section 2.4. */
export function isMulticastAt(bytes: DataView, address: number): boolean {
  return bytes.getUint8(address) === 0xff;
}

/** fe80::/10. */
export function isLinkLocalAt(bytes: DataView, address: number): boolean {
  return (bytes.getUint16(address) & 0xffc0) === 0xfe80;
}

/** :: */
export function isUnspecifiedAt(bytes: DataView, address: number): boolean {
  return (
    (bytes.getInt32(address) |
      bytes.getInt32(address + 4) |
      bytes.getInt32(address + 8) |
      bytes.getInt32(address + 12)) ===
    0
  );
}

/** ::1 */
export function isLoopbackAt(bytes: DataView, address: number): boolean {
  return (
    (bytes.getInt32(address) | bytes.getInt32(address + 4) | bytes.getInt32(address + 8)) === 0 &&
    bytes.getInt32(address + 12) === 1
  );
}

/** Scope of a multicast address: 1 interface, 2 link, 5 site, 14 global (RFC 7346). */
export function multicastScopeAt(bytes: DataView, address: number): number {
  return bytes.getUint8(address + 1) & 0xf;
}
