/** Pieces of words of any length in one growing array, given back by their length: programs of rules, with no object for each. */
export class Arena {
  words = new Int32Array(4096);
  readonly #free: number[][] = [];
  /** The first word stays unused, so that 0 is nowhere. */
  #used = 1;

  /** Copies `length` words in. @returns where they lie */
  put(source: Int32Array, at: number, length: number): number {
    const place = this.take(length);
    for (let k = 0; k < length; k++) this.words[place + k] = source[at + k];
    return place;
  }

  /** @returns a place for so many words, whatever they hold */
  take(length: number): number {
    return this.#free[length]?.pop() ?? this.#extend(length);
  }

  give(place: number, length: number): void {
    if (length === 0) return;
    this.#free[length] ??= [];
    this.#free[length].push(place);
  }

  #extend(length: number): number {
    const place = this.#used;
    this.#used += length;
    if (this.#used > this.words.length) {
      const grown = new Int32Array(Math.max(this.#used, this.words.length * 2));
      grown.set(this.words);
      this.words = grown;
    }
    return place;
  }
}
