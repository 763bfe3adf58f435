import type { LpmRoutes } from '../table/lpm-trie.ts';

/** Growing columns of one family's prefixes, in the order of precedence: of two to the same prefix the later one counts. */
export class RouteList {
  readonly #stride: 1 | 4;
  #words: Int32Array;
  #lengths: Uint8Array;
  #values: Int32Array;
  #count = 0;

  /** @param expected room at first */
  constructor(family: 4 | 6, expected: number) {
    this.#stride = family === 4 ? 1 : 4;
    const room = expected + 64;
    this.#words = new Int32Array(room * this.#stride);
    this.#lengths = new Uint8Array(room);
    this.#values = new Int32Array(room);
  }

  /** @param words of the prefix, signed or not, from `at` on @param value of the prefix in the table */
  add(words: ArrayLike<number>, at: number, length: number, value: number): void {
    const i = this.#count++;
    if (i === this.#lengths.length) this.#grow();
    for (let w = 0; w < this.#stride; w++) this.#words[i * this.#stride + w] = words[at + w];
    this.#lengths[i] = length;
    this.#values[i] = value;
  }

  /** What a table is built from. */
  get routes(): LpmRoutes {
    return { count: this.#count, prefixes: this.#words, lengths: this.#lengths, values: this.#values };
  }

  #grow(): void {
    const room = this.#lengths.length * 2;
    const words = new Int32Array(room * this.#stride);
    const lengths = new Uint8Array(room);
    const values = new Int32Array(room);
    words.set(this.#words);
    lengths.set(this.#lengths);
    values.set(this.#values);
    this.#words = words;
    this.#lengths = lengths;
    this.#values = values;
  }
}
