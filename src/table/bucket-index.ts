/**
 * The index of a shared hash table: buckets of four words, two buckets a key, in one Int32Array. A word is 0 or entry + 1 in the
 * low 21 bits with 11 bits of the hash above, so that a reader touches only entries that are almost surely its own. A look-up reads
 * at most eight words in two cache lines, whatever was inserted; an insertion goes to the emptier bucket. At one entry
 * a bucket, the load chosen here, a place is missing practically never (Azar et al., "Balanced allocations", STOC 1994).
 *
 * Every change is one Atomics.store of one word, made by one thread at a time; readers take no lock and see the word before
 * or after. A reader looks like this (written out in each table, since the comparison of keys must be inlined):
 *
 *     const tag = hash & TAG, first = firstBucket(hash, mask), second = secondBucket(hash, mask);
 *     for (let i = 0; i < 8; i++) {
 *       const word = index[(i < 4 ? first : second) + (i & 3)];
 *       if ((word & TAG) === tag && word !== 0) { const entry = (word & ENTRY) - 1; …compare its key… }
 *     }
 */
export const ENTRY = 0x1fffff;
export const TAG = ~ENTRY;
export const BUCKET = 4;
/** Most entries that an index word can name. */
export const MOST_ENTRIES = ENTRY - 1;

/** Words of an index for so many live entries: one bucket an entry, a power of two. */
export function indexWords(entries: number): number {
  return BUCKET * 2 ** Math.ceil(Math.log2(Math.max(8, entries)));
}

/** Position of the first bucket. @param mask words of the index - BUCKET */
export function firstBucket(hash: number, mask: number): number {
  return (hash << 2) & mask;
}

/** Position of the other bucket, never the same one. */
export function secondBucket(hash: number, mask: number): number {
  const other = (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 9) & mask;
  return other === ((hash << 2) & mask) ? other ^ BUCKET : other;
}

/** The word that names an entry. */
export function indexWord(hash: number, entry: number): number {
  return (hash & TAG) | (entry + 1);
}

/** Writer: publishes an entry. @returns false when both buckets are full; nothing is changed then */
export function publish(index: Int32Array, hash: number, entry: number): boolean {
  const mask = index.length - BUCKET;
  const first = firstBucket(hash, mask);
  const second = secondBucket(hash, mask);
  let holes1 = 0;
  let holes2 = 0;
  let hole1 = -1;
  let hole2 = -1;
  for (let i = BUCKET - 1; i >= 0; i--) {
    if (index[first + i] === 0) {
      holes1++;
      hole1 = first + i;
    }
    if (index[second + i] === 0) {
      holes2++;
      hole2 = second + i;
    }
  }
  const place = holes1 >= holes2 ? hole1 : hole2;
  if (place === -1) return false;
  Atomics.store(index, place, indexWord(hash, entry));
  return true;
}

/** Writer: makes the word that names `entry` name `by` instead (same key), or nothing when `by` is -1. */
export function replace(index: Int32Array, hash: number, entry: number, by: number): void {
  const mask = index.length - BUCKET;
  const first = firstBucket(hash, mask);
  const second = secondBucket(hash, mask);
  const old = indexWord(hash, entry);
  for (let i = 0; i < 2 * BUCKET; i++) {
    const place = (i < BUCKET ? first : second) + (i & (BUCKET - 1));
    if (index[place] !== old) continue;
    Atomics.store(index, place, by === -1 ? 0 : indexWord(hash, by));
    return;
  }
  throw new Error(`entry ${entry} is not in the index that holds it`);
}
