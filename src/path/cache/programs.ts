/** Lists of words, each kept once: edits that decisions name by their place. */
export class Programs {
  readonly words: Int32Array;
  /** Positions of lists, 0 for none; their lengths stand in the word before. */
  readonly #index: Int32Array;
  /** Where in the index they are. */
  readonly #slots: Int32Array;
  #count = 0;
  #used = 1;

  /** @param words for all lists together */
  constructor(words = 1 << 16) {
    this.words = new Int32Array(words);
    this.#index = new Int32Array(words >> 1);
    this.#slots = new Int32Array(words >> 1);
  }

  /** @returns where the list lies, -1: there is no more room, everything must be forgotten first */
  intern(source: Int32Array, length: number): number {
    let hash = length;
    for (let k = 0; k < length; k++) hash = Math.imul(hash ^ source[k], 0x9e3779b1) ^ (hash >>> 15);
    const index = this.#index;
    const mask = index.length - 1;
    let slot = (hash ^ (hash >>> 16)) & mask;
    for (; index[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#equals(index[slot], source, length)) return index[slot];
    if (this.#used + length + 1 > this.words.length) return -1;
    this.words[this.#used] = length;
    const at = this.#used + 1;
    for (let k = 0; k < length; k++) this.words[at + k] = source[k];
    this.#used = at + length;
    index[slot] = at;
    this.#slots[this.#count++] = slot;
    return at;
  }

  forget(): void {
    this.#used = 1;
    // Few of them are gone sooner one by one; and what others have in the processor's caches stays.
    for (let k = 0; k < this.#count; k++) this.#index[this.#slots[k]] = 0;
    this.#count = 0;
  }

  #equals(at: number, source: Int32Array, length: number): boolean {
    if (this.words[at - 1] !== length) return false;
    for (let k = 0; k < length; k++) if (this.words[at + k] !== source[k]) return false;
    return true;
  }
}
