import { CHUNK_WORDS, PLAIN_WORDS } from './acl-tables.ts';
import type { WordStore } from './word-store.ts';

/** Words of a set of rules, and of its summary (0 for plain rows). */
export function setWords(rules: number): { words: number; summary: number } {
  const words = (rules + 31) >> 5;
  return { words, summary: words <= PLAIN_WORDS ? 0 : (words + 31) >> 5 };
}

/**
 * The set of rules that a value of one field leaves possible, while a compiler sweeps over the field's values: rules come and go by
 * `toggle`, `row` stores what there is. A row is the plain set or, of long lists, a summary (a bit a word of the set that
 * is not 0) and the positions of its chunks.
 */
export class RuleSet {
  readonly #store: WordStore;
  readonly #bits: Int32Array;
  readonly #summary: number;
  readonly #row: Int32Array;
  readonly #dirty: Uint8Array;

  constructor(store: WordStore, rules: number) {
    const { words, summary } = setWords(rules);
    const chunks = Math.ceil(words / CHUNK_WORDS);
    this.#store = store;
    this.#summary = summary;
    this.#bits = new Int32Array(summary === 0 ? words : chunks * CHUNK_WORDS);
    this.#row = summary === 0 ? this.#bits : new Int32Array(summary + chunks);
    this.#dirty = new Uint8Array(chunks).fill(1);
  }

  toggle(rule: number): void {
    this.#bits[rule >> 5] ^= 1 << (rule & 31);
    this.#dirty[rule >> 8] = 1;
  }

  /** Position of a row with the set as it is. */
  row(): number {
    if (this.#summary > 0) {
      for (let chunk = 0; chunk < this.#dirty.length; chunk++) {
        if (this.#dirty[chunk] === 1) this.#renew(chunk);
      }
    }
    return this.#store.intern(this.#row, 0, this.#row.length);
  }

  #renew(chunk: number): void {
    const from = chunk * CHUNK_WORDS;
    const row = this.#row;
    for (let word = from; word < from + CHUNK_WORDS; word++) {
      const bit = 1 << (word & 31);
      if (this.#bits[word] === 0) row[word >> 5] &= ~bit;
      else row[word >> 5] |= bit;
    }
    row[this.#summary + chunk] = this.#store.intern(this.#bits, from, CHUNK_WORDS);
    this.#dirty[chunk] = 0;
  }
}
