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

/** 0x1EDC6F41, reflected. */
const POLYNOMIAL = 0x82f6_3b78 | 0;

/** CRC32c of each byte. */
const TABLE = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let word = i;
  for (let bit = 0; bit < 8; bit++) word = (word & 1) === 1 ? (word >>> 1) ^ POLYNOMIAL : word >>> 1;
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

/**
 * Product of two polynomials modulo that of CRC32c, bits reflected: the highest bit is x to the power of 0. Source: Mark Adler,
 * zlib, crc32.c, multmodp.
 */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let rest = a; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= factor;
    factor = (factor & 1) === 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product;
}

/** x to the powers of 8, 16, 32… bits: what 1, 2, 4… zero bytes multiply a CRC by. */
const ZEROS = new Int32Array(17);
ZEROS[0] = 1 << 23;
for (let i = 1; i < ZEROS.length; i++) ZEROS[i] = multiply(ZEROS[i - 1], ZEROS[i - 1]);

/**
 * Patches the checksum after a word of the packet has changed. CRCs are linear: the checksums of the old and the new packet
 * differ by the CRC (without its inversions) of their difference, a word and the zeros behind it. So no other byte is read,
 * and a wrong checksum stays wrong.
 * @param at of the common header @param offset of the word from there @param length of the packet from there
 */
export function patchChecksum32(
  bytes: DataView,
  at: number,
  offset: number,
  length: number,
  old: number,
  now: number,
): void {
  const difference = old ^ now;
  let crc = 0;
  for (let shift = 24; shift >= 0; shift -= 8) crc = TABLE[(crc ^ (difference >>> shift)) & 0xff] ^ (crc >>> 8);
  let zeros = length - offset - 4;
  for (let i = 0; zeros > 0; i++, zeros >>>= 1) if ((zeros & 1) === 1) crc = multiply(ZEROS[i], crc);
  bytes.setInt32(at + Offset.Checksum, bytes.getInt32(at + Offset.Checksum, true) ^ crc, true);
}

/** Writes a common header with a checksum of 0. @returns offset behind it */
export function build(bytes: DataView, at: number, source: number, destination: number, tag: number): number {
  bytes.setUint16(at, source);
  bytes.setUint16(at + Offset.Destination, destination);
  bytes.setInt32(at + Offset.Tag, tag);
  bytes.setInt32(at + Offset.Checksum, 0);
  return at + HEADER_LENGTH;
}
