import type { LpmRoutes } from '../table/lpm-trie.ts';
import { mask } from './lpm-routes.ts';

/** The slow twin of longest-prefix match: a map a length, asked from the longest down. */
export class LpmTwin {
  readonly #width: number;
  readonly #maps = new Map<number, Map<string, number>>();
  readonly #lengths: readonly number[];

  /** @param width words an address: 1 or 4 */
  constructor({ count, prefixes, lengths, values }: LpmRoutes, width: number) {
    this.#width = width;
    for (let i = 0; i < count; i++) {
      let map = this.#maps.get(lengths[i]);
      if (map === undefined) this.#maps.set(lengths[i], (map = new Map()));
      map.set(this.#key(prefixes, i * width, lengths[i]), values[i]);
    }
    this.#lengths = [...this.#maps.keys()].sort((a, b) => b - a);
  }

  /** @returns value of the longest prefix that holds the address at `words[at]`, -1: none */
  lookup(words: Int32Array, at: number): number {
    for (const length of this.#lengths) {
      const value = this.#maps.get(length)?.get(this.#key(words, at, length));
      if (value !== undefined) return value;
    }
    return -1;
  }

  #key(words: Int32Array | Uint32Array, at: number, length: number): string {
    let key = '';
    for (let k = 0; k < this.#width; k++) key += `${words[at + k] & mask(length - k * 32)},`;
    return key;
  }
}
