/** How a compiled access control list lies in memory: written by acl-compile.ts, read by classifier.ts; the idea is told there. */
export interface AclTables {
  /** Number of rules. */
  readonly rules: number;
  /** Over shared memory: header, operands, then tables and rows in no particular order, found by position. */
  readonly words: Int32Array;
}

/** Header: words of a set of rules; words of its summary, 0 where rows are plain sets; operands, which follow. */
export const SET_WORDS = 0;
export const SUMMARY_WORDS = 1;
export const OPERANDS = 2;
export const FIRST_OPERAND = 4;

/** Where the operands of a compiled list lie. */
export function operandsOf(words: Int32Array): number[] {
  return Array.from({ length: words[OPERANDS] }, (_, i) => FIRST_OPERAND + i * OPERAND_WORDS);
}

/** Words of an operand: one piece of the key, and how it leads to a row. */
export const OPERAND_WORDS = 8;
/** `BYTE`, `RANGE` or `ADDRESS`. */
export const KIND = 0;
/** Word of the key: the value, or the first of an address. */
export const KEY = 1;
/** Row for packets without the field. */
export const ABSENT = 2;

/** Byte and range: the word of the key that is -1 where the field is absent; what to do to the value; how many values there are; its table. */
export const PRESENCE = 3;
export const SHIFT = 4;
export const MASK = 5;
export const DOMAIN = 6;
/** Byte: a row for each of 256 values. Range: two words for every 32 values: bits where intervals begin, and where the row lies of the one that lasts. */
export const TABLE = 7;

/**
 * Address: sorted beginnings of intervals (sign bit flipped, so that signed comparison sorts them), of IPv4 two more at the highest address, and, behind
 * all, their rows.
 */
export const V4_TABLE = 3;
export const V4_COUNT = 4;
export const V6_TABLE = 5;
export const V6_COUNT = 6;
/** What narrows the search among intervals of IPv4; its words: the first bound that is not 0, a shift, the last bucket, then buckets. */
export const V4_INDEX = 7;
export const INDEX_BASE = 0;
export const INDEX_SHIFT = 1;
export const INDEX_LAST = 2;
/**
 * Of each bucket, the `1 << shift` addresses from `base + (bucket << shift)` on, the last interval that begins at or before its first address; one
 * more word ends the last bucket.
 */
export const FIRST_BUCKET = 3;

/** A value below 256, or a byte of a MAC. */
export const BYTE = 0;
export const ADDRESS = 1;
/** A value of up to 16 bits. */
export const RANGE = 2;

/** Lists up to so many words (256 rules) have plain rows. */
export const PLAIN_WORDS = 8;
/** Words of a chunk: rows of long lists are positions of chunks, since most chunks of most rows are alike. */
export const CHUNK_WORDS = 8;
