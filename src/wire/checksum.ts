/**
 * The Internet checksum: the one's complement of the one's complement sum of 16-bit words. Source: RFC 1071; incremental
 * update RFC 1624, equation 3.
 *
 * A *sum* here is folded to 16 bits and not complemented; sums add (`add`), a *checksum* is `~sum`. All is done in 32-bit
 * integers, so that V8 neither deoptimises nor allocates.
 */

/** Folds the carries of a 32-bit unsigned sum into 16 bits. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** One's complement addition of two folded sums. */
export function add(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
}

/** The sum of a range that begins at an odd offset of the whole: its bytes are swapped (RFC 1071, section 2, B). */
export function swap(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** Joins the sum of a first range of `length` bytes with that of the range behind it. */
export function join(first: number, length: number, second: number): number {
  return add(first, (length & 1) === 0 ? second : swap(second));
}

/** Bytes whose 32-bit words cannot overflow a signed 32-bit sum of their halves: 16,380 times 131,070 is below 2^31. */
const LONGEST_RUN = 65520;

/**
 * Sum of the bytes from `at` to `end`, the last padded with zero if their number is odd; any alignment, any length.
 * Words are read four bytes at a time and their halves added apart, since the order in which carries are folded is free
 * (RFC 1071, section 2, C); four words a turn measured 1.4 to 1.8 times as fast as one.
 */
export function sum(bytes: DataView, at: number, end: number): number {
  let total = 0;
  let position = at;
  while (end - position >= 16) {
    const stop = end - position > LONGEST_RUN ? position + LONGEST_RUN : end - 15;
    let run = 0;
    for (; position < stop; position += 16) {
      const a = bytes.getInt32(position);
      const b = bytes.getInt32(position + 4);
      const c = bytes.getInt32(position + 8);
      const d = bytes.getInt32(position + 12);
      run = (run + (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff)) | 0;
      run = (run + (c >>> 16) + (c & 0xffff) + (d >>> 16) + (d & 0xffff)) | 0;
    }
    total = add(total, fold(run));
  }
  for (; end - position >= 2; position += 2) total += bytes.getUint16(position);
  if (position < end) total += bytes.getUint8(position) << 8;
  return fold(total);
}

/** Checksum of a range; 0 over a range that holds its own right checksum. */
export function checksum(bytes: DataView, at: number, end: number): number {
  return ~sum(bytes, at, end) & 0xffff;
}

/** Sum of one 32-bit word. */
export function sumWord(word: number): number {
  return add(word >>> 16, word & 0xffff);
}

/**
 * Sum of the IPv4 pseudo-header. Source: RFC 9293, section 3.1; RFC 768.
 * @param at offset of the IPv4 header @param length bytes of transport header and payload
 */
export function pseudo4(bytes: DataView, at: number, protocol: number, length: number): number {
  const source = bytes.getInt32(at + 12);
  const destination = bytes.getInt32(at + 16);
  const halves = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  return fold(halves + protocol + (length >>> 16) + (length & 0xffff));
}

/** Sum of the IPv6 pseudo-header (RFC 8200, section 8.1); parameters as for `pseudo4`. */
export function pseudo6(bytes: DataView, at: number, protocol: number, length: number): number {
  let halves = protocol + (length >>> 16) + (length & 0xffff);
  for (let position = at + 8; position < at + 40; position += 4) {
    const word = bytes.getInt32(position);
    halves += (word >>> 16) + (word & 0xffff);
  }
  return fold(halves);
}

/** Sum after a 16-bit word of what it covers has changed: of a partial checksum (virtio-net NEEDS_CSUM), which is not complemented. */
export function replace(sum: number, old: number, now: number): number {
  return fold(sum + (~old & 0xffff) + now);
}

/** As `replace`, for a 32-bit word at an even offset. */
export function replace32(sum: number, old: number, now: number): number {
  return fold(sum + (~old >>> 16) + (~old & 0xffff) + (now >>> 16) + (now & 0xffff));
}

/**
 * Patches the checksum at `at` after a 16-bit word that it covers has changed: HC' = ~(~HC + ~m + m'). Where 0 means «no
 * checksum» use `patchChecksum` of udp.ts.
 */
export function patchChecksum(bytes: DataView, at: number, old: number, now: number): void {
  bytes.setUint16(at, ~replace(~bytes.getUint16(at) & 0xffff, old, now));
}

/** As `patchChecksum`, for a 32-bit word at an even offset (an IPv4 address, a quarter of an IPv6 address). */
export function patchChecksum32(bytes: DataView, at: number, old: number, now: number): void {
  bytes.setUint16(at, ~replace32(~bytes.getUint16(at) & 0xffff, old, now));
}

/** Patches a partial checksum: the plain pseudo-header sum that stands in the field under NEEDS_CSUM. */
export function patchPartial(bytes: DataView, at: number, old: number, now: number): void {
  bytes.setUint16(at, replace(bytes.getUint16(at), old, now));
}

export function patchPartial32(bytes: DataView, at: number, old: number, now: number): void {
  bytes.setUint16(at, replace32(bytes.getUint16(at), old, now));
}
