/** What rules of a classifier look at: places in the key, ascending, and the bits of each. Rules that look at the same share one. */
export class RuleShape {
  readonly hash: number;
  readonly places: Int32Array;
  readonly masks: Int32Array;
  rules = 0;

  /** @param source triples of place, value and mask from `at` on */
  static hash(n: number, source: Int32Array, at: number): number {
    let hash = n;
    for (let k = at; k < at + 3 * n; k += 3) {
      hash = Math.imul(hash ^ source[k], 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13) ^ source[k + 2], 0xc2b2ae35);
      hash ^= hash >>> 16;
    }
    return hash;
  }

  constructor(hash: number, n: number, source: Int32Array, at: number) {
    this.hash = hash;
    this.places = new Int32Array(n);
    this.masks = new Int32Array(n);
    for (let k = 0; k < n; k++) {
      this.places[k] = source[at + 3 * k];
      this.masks[k] = source[at + 3 * k + 2];
    }
  }

  is(n: number, source: Int32Array, at: number): boolean {
    const { places, masks } = this;
    if (places.length !== n) return false;
    for (let k = 0; k < n; k++) {
      if (places[k] !== source[at + 3 * k] || masks[k] !== source[at + 3 * k + 2]) return false;
    }
    return true;
  }
}
