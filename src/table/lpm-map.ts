/**
 * Prefix → value, exact match: what the writer of a longest-prefix-match table knows besides the trie, in which a prefix that
 * is wholly covered by longer ones leaves no trace. Control side only.
 *
 * Open addressing with linear probing in one Int32Array; a slot is the prefix's words, its length + 1 (0: empty), its value.
 * Deletion moves later entries of the run back, so that there are no tombstones and a churning table stays fast. It doubles
 * when 5/8 full. A million IPv4 prefixes take 25 MB, a million IPv6 prefixes 50 MB.
 *
 * Source: Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithms L and R.
 */
export class PrefixMap {
  readonly #width: number;
  readonly #stride: number;
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  /** @param width words a prefix: 1 for IPv4, 4 for IPv6 */
  constructor(width: number, capacity = 16) {
    this.#width = width;
    this.#stride = width + 2;
    let slots = 16;
    while (slots * 5 < capacity * 8) slots *= 2;
    this.#slots = new Int32Array(slots * this.#stride);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  clone(): PrefixMap {
    const copy = new PrefixMap(this.#width);
    copy.#slots = this.#slots.slice();
    copy.#mask = this.#mask;
    copy.#size = this.#size;
    return copy;
  }

  /** @param key the prefix's words, bits past `length` zero @returns its value, -1 for none */
  get(key: Int32Array, length: number): number {
    const at = this.#find(key, length);
    return this.#slots[at + this.#width] === 0 ? -1 : this.#slots[at + this.#width + 1];
  }

  set(key: Int32Array, length: number, value: number): void {
    let at = this.#find(key, length);
    const width = this.#width;
    if (this.#slots[at + width] === 0) {
      if ((this.#size + 1) * 8 > (this.#mask + 1) * 5) {
        this.#double();
        at = this.#find(key, length);
      }
      this.#size++;
      for (let i = 0; i < width; i++) this.#slots[at + i] = key[i];
      this.#slots[at + width] = length + 1;
    }
    this.#slots[at + width + 1] = value;
  }

  /** @returns false when it was not there */
  delete(key: Int32Array, length: number): boolean {
    const slots = this.#slots;
    const stride = this.#stride;
    const width = this.#width;
    const mask = this.#mask;
    const at = this.#find(key, length);
    if (slots[at + width] === 0) return false;
    let hole = at / stride;
    for (let next = (hole + 1) & mask; slots[next * stride + width] !== 0; next = (next + 1) & mask) {
      const home = this.#home(slots, next * stride, slots[next * stride + width]);
      // An entry may move to the hole unless its home lies (cyclically) after the hole.
      if (((next - home) & mask) < ((next - hole) & mask)) continue;
      slots.copyWithin(hole * stride, next * stride, (next + 1) * stride);
      hole = next;
    }
    slots[hole * stride + width] = 0;
    this.#size--;
    return true;
  }

  /** Calls `visit` for each prefix, in no order; `key` is overwritten by the next call. */
  forEach(visit: (key: Int32Array, length: number, value: number) => void): void {
    const slots = this.#slots;
    const width = this.#width;
    const key = new Int32Array(width);
    for (let at = 0; at < slots.length; at += this.#stride) {
      if (slots[at + width] === 0) continue;
      for (let i = 0; i < width; i++) key[i] = slots[at + i];
      visit(key, slots[at + width] - 1, slots[at + width + 1]);
    }
  }

  /** Position of the prefix, or of the empty slot where it belongs. */
  #find(key: Int32Array, length: number): number {
    const slots = this.#slots;
    const stride = this.#stride;
    const width = this.#width;
    for (let slot = this.#home(key, 0, length + 1); ; slot = (slot + 1) & this.#mask) {
      const at = slot * stride;
      const tag = slots[at + width];
      if (tag === 0) return at;
      if (tag !== length + 1) continue;
      let i = 0;
      while (i < width && slots[at + i] === key[i]) i++;
      if (i === width) return at;
    }
  }

  /** Home slot, by MurmurHash3 (Appleby, 2011), whose seed is the length. */
  #home(words: Int32Array, at: number, tag: number): number {
    let hash = Math.imul(tag, 0x9e3779b1);
    for (let i = 0; i < this.#width; i++) {
      let word = Math.imul(words[at + i], 0xcc9e2d51);
      word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
      hash ^= word;
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }

  #double(): void {
    const old = this.#slots;
    const stride = this.#stride;
    const width = this.#width;
    const slots = new Int32Array(old.length * 2);
    this.#slots = slots;
    this.#mask = this.#mask * 2 + 1;
    for (let from = 0; from < old.length; from += stride) {
      if (old[from + width] === 0) continue;
      let slot = this.#home(old, from, old[from + width]);
      while (slots[slot * stride + width] !== 0) slot = (slot + 1) & this.#mask;
      for (let i = 0; i < stride; i++) slots[slot * stride + i] = old[from + i];
    }
  }
}
