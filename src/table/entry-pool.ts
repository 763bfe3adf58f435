/**
 * Which entries of a shared table are free. Readers hold no lock, so an entry that was taken out of the index may still be in
 * use by a worker's batch: it waits. Released entries gather on one list; `reclaim` moves that list as a whole to a second one and
 * notes the time, and to the free list once at least QUARANTINE_MS went by. So an entry waits one to two quarantines
 * and neither needs a clock when it is released nor a time stamp of its own (limbo lists: Fraser, "Practical lock-freedom",
 * 2004, section 5.2.3, by time in place of epochs).
 *
 * One thread at a time: the caller holds the table's lock or is its only writer. Lists are linked by one word an entry.
 */

/** More than any worker holds on to an entry: a batch takes a few milliseconds, a sleep drops everything. */
export const QUARANTINE_MS = 200;

// Heads and tails are entry + 1, so that fresh memory is a set of empty lists.
const FRESH = 0; // entries never used begin here
const FREE = 1;
const RELEASED_HEAD = 2;
const RELEASED_TAIL = 3;
const WAITING_HEAD = 4;
const WAITING_TAIL = 5;
const WAITING_SINCE = 6;
const LINKS = 8;

export class EntryPool {
  readonly size: number;
  readonly #words: Int32Array;

  /** Words of shared memory for a pool of `size` entries. */
  static words(size: number): number {
    return LINKS + size;
  }

  constructor(words: Int32Array) {
    this.#words = words;
    this.size = words.length - LINKS;
  }

  /** Entries 0 to `used` - 1 have been in use at some time. */
  get used(): number {
    return this.#words[FRESH];
  }

  /** @returns a free entry, or -1 when none is free yet; `reclaim` may cure that later */
  take(): number {
    const words = this.#words;
    const first = words[FREE];
    if (first !== 0) {
      words[FREE] = words[LINKS + first - 1];
      return first - 1;
    }
    const fresh = words[FRESH];
    if (fresh === this.size) return -1;
    words[FRESH] = fresh + 1;
    return fresh;
  }

  /** Gives back an entry that was taken and never published. */
  restore(entry: number): void {
    this.#words[LINKS + entry] = this.#words[FREE];
    this.#words[FREE] = entry + 1;
  }

  /** Gives back an entry that readers may still look at. */
  release(entry: number): void {
    const words = this.#words;
    words[LINKS + entry] = 0;
    if (words[RELEASED_HEAD] === 0) words[RELEASED_HEAD] = entry + 1;
    else words[LINKS + words[RELEASED_TAIL] - 1] = entry + 1;
    words[RELEASED_TAIL] = entry + 1;
  }

  /** @param nowMs monotonic milliseconds, wrapping at 32 bits */
  reclaim(nowMs: number): void {
    const words = this.#words;
    if (words[WAITING_HEAD] !== 0) {
      if (((nowMs - words[WAITING_SINCE]) | 0) < QUARANTINE_MS) return;
      words[LINKS + words[WAITING_TAIL] - 1] = words[FREE];
      words[FREE] = words[WAITING_HEAD];
      words[WAITING_HEAD] = 0;
    }
    if (words[RELEASED_HEAD] === 0) return;
    words[WAITING_HEAD] = words[RELEASED_HEAD];
    words[WAITING_TAIL] = words[RELEASED_TAIL];
    words[WAITING_SINCE] = nowMs;
    words[RELEASED_HEAD] = 0;
  }
}
