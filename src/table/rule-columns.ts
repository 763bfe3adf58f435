import type { Mask } from './rule-table.ts';

/** Rules of a classifier as columns, by their number. */
export class RuleColumns {
  priority = new Int32Array(256);
  /** The rule behind it in line, -1 for none; and the leaf whose line that is. */
  next = new Int32Array(256);
  leaf = new Int32Array(256);
  /** Where its comparisons begin: how many, then place in the key, mask and value of each. */
  at = new Int32Array(256);
  compare = new Int32Array(4096);
  #used = 0;
  /** Places of comparisons that are free, by how many. */
  readonly #free: number[][] = [];

  get bytes(): number {
    const columns = [this.priority, this.next, this.leaf, this.at, this.compare];
    return columns.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** @param source triples of place, value and mask from `from` on, of that shape */
  set(rule: number, priority: number, { places, masks }: Mask, source: Int32Array, from: number): void {
    if (rule >= this.priority.length) {
      this.priority = larger(this.priority, rule + 1);
      this.next = larger(this.next, rule + 1);
      this.leaf = larger(this.leaf, rule + 1);
      this.at = larger(this.at, rule + 1);
    }
    const n = places.length;
    let to = this.#take(n);
    this.priority[rule] = priority;
    this.at[rule] = to;
    const { compare } = this;
    compare[to++] = n;
    for (let k = 0; k < n; k++) {
      compare[to++] = places[k];
      compare[to++] = masks[k];
      compare[to++] = source[from + 3 * k + 1] & masks[k];
    }
  }

  /** Gives back what `set` took. */
  give(rule: number): void {
    const n = this.compare[this.at[rule]];
    this.#free[n] ??= [];
    this.#free[n].push(this.at[rule]);
  }

  /** Keyed hash of a rule's values under a mask that it looks at. The look-up computes the same of a key. */
  hashOf(rule: number, { places, masks }: Mask, seed: number): number {
    const { compare } = this;
    let hash = seed;
    let from = this.at[rule] + 1;
    for (let k = 0; k < places.length; k++) {
      while (compare[from] !== places[k]) from += 3;
      hash = Math.imul(hash ^ (compare[from + 2] & masks[k]), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #take(n: number): number {
    const free = this.#free[n]?.pop();
    if (free !== undefined) return free;
    const at = this.#used;
    this.#used += 1 + 3 * n;
    if (this.#used > this.compare.length) this.compare = larger(this.compare, this.#used);
    return at;
  }
}

export function larger(words: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(Math.max(least, words.length * 2));
  grown.set(words);
  return grown;
}
