/**
 * SCTP common header and its checksum, which is a CRC and not the Internet checksum. Source: RFC 9260, section 3.1 and
 * appendix A.
 */

export const Offset = { Source: 0, Destination: 2, Tag: 4, Checksum: 8, Chunks: 12 } as const;

export const HEADER_LENGTH = 12;

/** Whether a whole common header lies at `at`. */
export function check(_bytes: DataView, at: number, end: number): boolean {
  return end - at >= HEADER_LENGTH;
}

export function sourcePort(bytes: DataView, at: number): number {
  return bytes.getUint16(at);
}

export function destinationPort(bytes: DataView, at: number): number {
  return bytes.getUint16(at + Offset.Destination);
}

/** Verification tag; signed. */
export function tag(bytes: DataView, at: number): number {
  return bytes.getInt32(at + Offset.Tag);
}

export function setSourcePort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at, port);
}

export function setDestinationPort(bytes: DataView, at: number, port: number): void {
  bytes.setUint16(at + Offset.Destination, port);
}

/** CRC32c (polynomial 0x1EDC6F41, reflected) of each byte. */
const TABLE = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let word = i;
  for (let bit = 0; bit < 8; bit++) word = (word & 1) === 1 ? (word >>> 1) ^ 0x82f6_3b78 : word >>> 1;
  TABLE[i] = word;
}

/** CRC32c of a range, signed. @param start CRC of the range before it */
export function crc32c(bytes: DataView, at: number, end: number, start = 0): number {
  const table = TABLE;
  let crc = ~start;
  for (let position = at; position < end; position++) {
    crc = table[(crc ^ bytes.getUint8(position)) & 0xff] ^ (crc >>> 8);
  }
  return ~crc;
}

/** Computes the checksum of the packet from `at` to `end` anew; it is transmitted little endian. */
export function writeChecksum(bytes: DataView, at: number, end: number): void {
  bytes.setInt32(at + Offset.Checksum, 0);
  bytes.setInt32(at + Offset.Checksum, crc32c(bytes, at, end), true);
}

/** Writes a common header with a checksum of 0. @returns offset behind it */
export function build(bytes: DataView, at: number, source: number, destination: number, tag: number): number {
  bytes.setUint16(at, source);
  bytes.setUint16(at + Offset.Destination, destination);
  bytes.setInt32(at + Offset.Tag, tag);
  bytes.setInt32(at + Offset.Checksum, 0);
  return at + HEADER_LENGTH;
}
