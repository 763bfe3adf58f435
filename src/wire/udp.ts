/** UDP header. Source: RFC 768; RFC 8200, section 8.1 for IPv6, where the checksum may not be absent. */
import { replace, replace32 } from './checksum.ts';

export const Offset = { Source: 0, Destination: 2, Length: 4, Checksum: 6, Payload: 8 } as const;

export const HEADER_LENGTH = 8;

/** Whether a whole header lies at `at` whose length covers it; the datagram may be longer than `end - at`. */
export function check(bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH && bytes.getUint16(at + Offset.Length) >= HEADER_LENGTH;
}

export function sourcePort(bytes: DataView, at: number): number {
  return bytes.getUint16(at);
}

export function destinationPort(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Destination);
}

/** Bytes of header and payload. */
export function length(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Length);
}

/** 0: the sender computed none. */
export function checksum(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Checksum);
}

export function setSourcePort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at, port);
}

export function setDestinationPort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at + Offset.Destination, port);
}

export function setLength(bytes: DataView, at: number, length: number): void {
  bytes.setUint16(at + Offset.Length, length);
}

/** @param sum folded sum of pseudo-header, header and payload; a checksum of 0 is sent as 0xffff, since 0 says «none» */
export function setChecksumOfSum(bytes: DataView, at: number, sum: number): void {
  bytes.setUint16(at + Offset.Checksum, sum === 0xffff ? 0xffff : ~sum);
}

/** Patches the checksum after a 16-bit word that it covers has changed; an absent one stays absent. */
export function patchChecksum(bytes: DataView, at: number, old: number, now: number): void {
  const before = bytes.getUint16(at + Offset.Checksum);
  if (before !== 0) setChecksumOfSum(bytes, at, replace(~before & 0xffff, old, now));
}

export function patchChecksum32(bytes: DataView, at: number, old: number, now: number): void {
  const before = bytes.getUint16(at + Offset.Checksum);
  if (before !== 0) setChecksumOfSum(bytes, at, replace32(~before & 0xffff, old, now));
}

/** Writes a header with a checksum of 0. @returns offset behind it */
export function build(bytes: DataView, at: number, source: number, destination: number, length: number): number {
  bytes.setUint16(at, source);
  bytes.setUint16(at + Offset.Destination, destination);
  bytes.setUint16(at + Offset.Length, length);
  bytes.setUint16(at + Offset.Checksum, 0);
  return at + HEADER_LENGTH;
}
