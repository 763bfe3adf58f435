/**
 * IPv4 header. Source: RFC 791, section 3.1; forwarding rules RFC 1812. Addresses are signed 32-bit words, as `getInt32` gives
 * them.
 */
import { fold, patchChecksum } from './checksum.ts';

export const Offset = {
  VersionLength: 0,
  TypeOfService: 1,
  TotalLength: 2,
  Identification: 4,
  Fragment: 6,
  Ttl: 8,
  Protocol: 9,
  Checksum: 10,
  Source: 12,
  Destination: 16,
  Options: 20,
} as const;

/** Header without options. */
export const HEADER_LENGTH = 20;
export const LONGEST_HEADER = 60;

/** Source: IANA, protocol numbers; shared by IPv6. */
export const Protocol = {
  HopByHop: 0,
  Icmp: 1,
  Igmp: 2,
  Tcp: 6,
  Udp: 17,
  Routing: 43,
  Fragment: 44,
  Gre: 47,
  Esp: 50,
  Authentication: 51,
  Icmpv6: 58,
  NoNext: 59,
  DestinationOptions: 60,
  Sctp: 132,
  UdpLite: 136,
} as const;
export type Protocol = (typeof Protocol)[keyof typeof Protocol];

/** Bits of the fragment field. */
export const Fragment = { Reserved: 0x8000, Dont: 0x4000, More: 0x2000, Offset: 0x1fff } as const;

/**
 * Whether a whole header lies at `at` whose version and lengths agree. The packet may be longer than `end - at` (the rest of
 * a super-frame lies elsewhere): compare `totalLength` with the frame.
 */
export function check(bytes: DataView, at: number, end: number): boolean {
  if (end - at < HEADER_LENGTH) return false;
  const first = bytes.getUint8(at);
  const length = (first & 0xf) << 2;
  return (
    first >>> 4 === 4 &&
    length >= HEADER_LENGTH &&
    end - at >= length &&
    bytes.getUint16(at + Offset.TotalLength) >= length
  );
}

export function version(bytes: DataView, at: number): number {
  return bytes.getUint8(at) >>> 4;
}

/** Bytes of the header, options included. */
export function headerLength(bytes: DataView, at: number): number {
  return (bytes.getUint8(at) & 0xf) << 2;
}

/** DSCP (6 bits) and ECN (2 bits), RFC 2474 and RFC 3168. */
export function typeOfService(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.TypeOfService);
}

/** Bytes of header and payload. */
export function totalLength(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.TotalLength);
}

export function identification(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Identification);
}

/** Flags and offset together, see `Fragment`. */
export function fragmentField(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Fragment);
}

/** Offset of this fragment's payload in the datagram, bytes. */
export function fragmentOffset(bytes: DataView, at: number): number {
  return (bytes.getUint16(at + Offset.Fragment) & Fragment.Offset) << 3;
}

export function dontFragment(bytes: DataView, at: number): boolean {
  return (bytes.getUint16(at + Offset.Fragment) & Fragment.Dont) !== 0;
}

export function moreFragments(bytes: DataView, at: number): boolean {
  return (bytes.getUint16(at + Offset.Fragment) & Fragment.More) !== 0;
}

export function isFragment(bytes: DataView, at: number): boolean {
  return (bytes.getUint16(at + Offset.Fragment) & (Fragment.More | Fragment.Offset)) !== 0;
}

/** A fragment that does not hold the transport header. */
export function isLaterFragment(bytes: DataView, at: number): boolean {
  return (bytes.getUint16(at + Offset.Fragment) & Fragment.Offset) !== 0;
}

export function ttl(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.Ttl);
}

export function protocol(bytes: DataView, at: number): number {
  return bytes.getUint8(at + Offset.Protocol);
}

export function source(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Source);
}

export function destination(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Destination);
}

/** Whether the header checksum is right; the sum of a right header is 0xffff. */
export function isChecksumRight(bytes: DataView, at: number): boolean {
  return headerSum(bytes, at) === 0xffff;
}

/** Sum of the header: five words in a row, since nearly no packet has options. */
function headerSum(bytes: DataView, at: number): number {
  const a = bytes.getInt32(at);
  const b = bytes.getInt32(at + 4);
  const c = bytes.getInt32(at + 8);
  const d = bytes.getInt32(at + 12);
  const e = bytes.getInt32(at + 16);
  let halves = (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff) + (e & 0xffff);
  halves += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16) + (e >>> 16);
  const stop = at + ((a >>> 22) & 0x3c);
  for (let position = at + HEADER_LENGTH; position < stop; position += 4) {
    const word = bytes.getInt32(position);
    halves += (word >>> 16) + (word & 0xffff);
  }
  return fold(halves);
}

/** Computes the header checksum anew. */
export function writeChecksum(bytes: DataView, at: number): void {
  bytes.setUint16(at + Offset.Checksum, 0);
  bytes.setUint16(at + Offset.Checksum, ~headerSum(bytes, at));
}

/** TTL - 1, checksum patched. The caller has seen that it is not 0. Source: RFC 1624, section 3. */
export function decrementTtl(bytes: DataView, at: number): void {
  const old = bytes.getUint16(at + Offset.Ttl);
  bytes.setUint16(at + Offset.Ttl, old - 0x0100);
  patchChecksum(bytes, at + Offset.Checksum, old, old - 0x0100);
}

/** The setters below leave the checksum: patch it (checksum.ts) or call `writeChecksum`. */
export function setTypeOfService(bytes: DataView, at: number, value: number): void {
  bytes.setUint8(at + Offset.TypeOfService, value);
}

export function setTotalLength(bytes: DataView, at: number, length: number): void {
  bytes.setUint16(at + Offset.TotalLength, length);
}

export function setIdentification(bytes: DataView, at: number, value: number): void {
  bytes.setUint16(at + Offset.Identification, value);
}

/** @param value flags and offset in units of 8 bytes */
export function setFragmentField(bytes: DataView, at: number, value: number): void {
  bytes.setUint16(at + Offset.Fragment, value);
}

export function setTtl(bytes: DataView, at: number, ttl: number): void {
  bytes.setUint8(at + Offset.Ttl, ttl);
}

export function setProtocol(bytes: DataView, at: number, protocol: number): void {
  bytes.setUint8(at + Offset.Protocol, protocol);
}

export function setSource(bytes: DataView, at: number, address: number): void {
  bytes.setInt32(at + Offset.Source, address);
}

export function setDestination(bytes: DataView, at: number, address: number): void {
  bytes.setInt32(at + Offset.Destination, address);
}

/** Writes a whole header without options, its checksum right. @returns offset behind it */
export function build(
  bytes: DataView,
  at: number,
  source: number,
  destination: number,
  protocol: number,
  totalLength: number,
  ttl: number,
): number {
  bytes.setUint16(at, 0x4500);
  bytes.setUint16(at + Offset.TotalLength, totalLength);
  bytes.setInt32(at + Offset.Identification, 0);
  bytes.setUint8(at + Offset.Ttl, ttl);
  bytes.setUint8(at + Offset.Protocol, protocol);
  bytes.setInt32(at + Offset.Source, source);
  bytes.setInt32(at + Offset.Destination, destination);
  writeChecksum(bytes, at);
  return at + HEADER_LENGTH;
}

/** Addresses by class. Source: RFC 6890; RFC 1112, section 4. */
export function isMulticast(address: number): boolean {
  return address >>> 28 === 0xe;
}

export function isLoopback(address: number): boolean {
  return address >>> 24 === 127;
}

/** 0.0.0.0/8, «this network». */
export function isThisNetwork(address: number): boolean {
  return address >>> 24 === 0;
}

export function isLinkLocal(address: number): boolean {
  return address >>> 16 === 0xa9fe;
}

/** 255.255.255.255. */
export function isBroadcast(address: number): boolean {
  return address === -1;
}
