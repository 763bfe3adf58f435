import { largeWords } from './large-memory.ts';

/** A growing array of words in which equal pieces are kept once. Build time only. */
export class WordStore {
  #words = new Int32Array(4096);
  #length = 0;
  /** For each length of piece: open addressing, position + 1. */
  readonly #pieces = new Map<number, { slots: Int32Array; count: number }>();

  get length(): number {
    return this.#length;
  }

  /** @returns position of so many new words, zero */
  reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#words.length) {
      const words = new Int32Array(Math.max(this.#length, this.#words.length * 2));
      words.set(this.#words);
      this.#words = words;
    }
    return at;
  }

  set(at: number, word: number): void {
    this.#words[at] = word;
  }

  /** @returns position of a piece with these words: an old one, or a new one at the end */
  intern(source: Int32Array, from: number, length: number): number {
    let pieces = this.#pieces.get(length);
    if (pieces === undefined) this.#pieces.set(length, (pieces = { slots: new Int32Array(64), count: 0 }));
    const slot = this.#slot(pieces.slots, source, from, length);
    if (pieces.slots[slot] !== 0) return pieces.slots[slot] - 1;
    const at = this.reserve(length);
    this.#words.set(source.subarray(from, from + length), at);
    pieces.slots[slot] = at + 1;
    pieces.count++;
    if (pieces.count * 2 > pieces.slots.length) {
      const old = pieces.slots;
      pieces.slots = new Int32Array(old.length * 2);
      for (const position of old) {
        if (position !== 0) pieces.slots[this.#slot(pieces.slots, this.#words, position - 1, length)] = position;
      }
    }
    return at;
  }

  /** A copy over shared memory. */
  finish(): Int32Array {
    const words = largeWords(this.#length);
    words.set(this.#words.subarray(0, this.#length));
    return words;
  }

  /** The slot of an equal piece, or the empty one where it belongs. */
  #slot(slots: Int32Array, source: Int32Array, from: number, length: number): number {
    const words = this.#words;
    let hash = length;
    for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ source[i], 0x9e3779b1) ^ (hash >>> 15);
    hash ^= hash >>> 16;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const position = slots[slot] - 1;
      if (position === -1) return slot;
      let i = 0;
      while (i < length && words[position + i] === source[from + i]) i++;
      if (i === length) return slot;
    }
  }
}
