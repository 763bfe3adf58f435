import * as Layout from './acl-tables.ts';

/** How an address leads to its row, and what generated look-ups are made of besides. */

/** Row of the last interval that begins at or before an IPv4 address; the first begins at 0. @param o the operand @param address its sign bit flipped */
export function row4(words: Int32Array, o: number, address: number): number {
  const table = words[o + Layout.V4_TABLE];
  const index = words[o + Layout.V4_INDEX];
  const base = words[index + Layout.INDEX_BASE];
  let low = 0;
  if (address >= base) {
    const last = words[index + Layout.INDEX_LAST];
    const bucket = (address - base) >>> words[index + Layout.INDEX_SHIFT];
    const at = index + Layout.FIRST_BUCKET + (bucket < last ? bucket : last);
    low = words[at];
    for (let left = words[at + 1] - low + 1; left > 3; ) {
      const half = left >>> 1;
      low += half & -Number(words[table + low + half] <= address);
      left -= half;
    }
    // Two steps that every look-up takes, whether needed or not: nothing is there to be guessed.
    low += Number(words[table + low + 1] <= address);
    low += Number(words[table + low + 1] <= address);
  }
  return words[table + words[o + Layout.V4_COUNT] + low];
}

/** The same of IPv6. @param at word of the key that the address begins with */
export function row6(words: Int32Array, o: number, key: Int32Array, at: number): number {
  const table = words[o + Layout.V6_TABLE];
  const count = words[o + Layout.V6_COUNT];
  const w0 = key[at] ^ 0x80000000;
  const w1 = key[at + 1] ^ 0x80000000;
  const w2 = key[at + 2] ^ 0x80000000;
  const w3 = key[at + 3] ^ 0x80000000;
  let low = 0;
  for (let left = count; left > 1; ) {
    const half = left >>> 1;
    const from = table + (low + half) * 4;
    const b0 = words[from];
    const b1 = words[from + 1];
    const b2 = words[from + 2];
    const under2 = Number(b2 < w2) | (Number(b2 === w2) & Number(words[from + 3] <= w3));
    const under1 = Number(b1 < w1) | (Number(b1 === w1) & under2);
    low += half & -(Number(b0 < w0) | (Number(b0 === w0) & under1));
    left -= half;
  }
  return words[table + count * 4 + low];
}

/** Bits that are set. Source: Warren, Hacker's Delight, 2nd ed., figure 5-2. */
export function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Number of the lowest bit that is set. */
export function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
