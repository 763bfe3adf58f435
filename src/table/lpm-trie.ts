import { largeWords } from './large-memory.ts';
import type { Limbo, Reclaimer } from './lpm-limbo.ts';
import { PrefixMap } from './lpm-map.ts';

/**
 * The multibit trie under `Lpm4` and `Lpm6`, and its one writer.
 *
 * Idea: a root of 2^16 entries for the first 16 bits, then nodes of 256 entries for 8 bits each. An entry is one 32-bit word:
 * not negative, the position of the node that goes on; negative, the answer, with the sign bit taken for a mark. Answers are
 * pushed down to the leaves (controlled prefix expansion), so a look-up never backtracks: at most 3 loads (IPv4) or 15 (IPv6).
 *
 * Why not smaller: the full Internet table takes 27 MB (IPv4) and 39 MB (IPv6) this way, 6 and 4 MB with nodes compressed by
 * bitmap and rank. But counting bits costs JavaScript about 14 instructions a level, and took more than the cache misses it
 * saved; what helps is to have many misses under way at once (see the `lookupBatch` of both).
 *
 * Publication: the answer for an address is one word, so each store takes some addresses from the old answer to the new, and no
 * address ever has a third. A chain of new nodes is built whole and published by one atomic store of the entry above it.
 * An answer that spans several entries of a node is stored in place, entry by entry: that leaves readers' caches be, and
 * withdrawal needs no memory. Readers load plainly: the order of a pointer and what it points to holds by address
 * dependency on x86-64 and arm64.
 *
 * Ownership: one writer. Only `words` is shared; beside it the writer keeps, for each entry, the length of the prefix that
 * answers there, or would if no node hung below (`owner`), the answer above each node (`cover`), and the number of prefixes
 * and child nodes in it (`used`), so that a change touches just the entries it owns, and a node that falls empty folds back into
 * the entry above it and goes to the limbo, since a reader may be in it.
 *
 * Cost of a change: a probe of the prefix map (a removal up to 16, to find what covers), and a store for each entry
 * that changes: one for the commonest prefixes, tens of thousands for a /0 to /8 above a full table.
 *
 * Source: Srinivasan and Varghese, "Fast address lookups using controlled prefix expansion", ACM TOCS 17(1), 1999.
 */
export const ROOT_BITS = 16;
const ROOT_WORDS = 1 << ROOT_BITS;
const ROOT_NODES = ROOT_WORDS >> 8; // node n lies at word n × 256: the root takes the first numbers
const NODE_BITS = 8;
const NODE_WORDS = 1 << NODE_BITS;
const NONE = -1;
const MOST_LEVELS = 16;
const MOST_NODES = 0x7fffff - ROOT_NODES;

/** Values are 30 bits wide; `word << 1 >> 1` turns an answer back into its value, and NONE into -1. */
export const MAX_VALUE = 0x3fffffff;
const answer = (value: number): number => value | 0x80000000;

/** Number of changes so far, as the writer counts them in the last word. */
export function generationOf(words: Int32Array): number {
  return Atomics.load(words, words.length - 1);
}

/** What a reader needs, to be sent to a worker. */
export interface LpmHandles {
  readonly words: SharedArrayBuffer;
}

/** Prefixes as columns, in any order; later duplicates win. */
export interface LpmRoutes {
  readonly count: number;
  /** One word a prefix for IPv4, four for IPv6, in host order. */
  readonly prefixes: Int32Array | Uint32Array;
  readonly lengths: Uint8Array;
  readonly values: Int32Array;
}

export class LpmTrie implements Reclaimer {
  readonly words: Int32Array;
  readonly maxNodes: number;
  readonly limbo: Limbo;
  readonly #width: number;
  readonly #owner: Uint8Array;
  readonly #cover: Int32Array;
  readonly #used: Int32Array;
  readonly #free: Int32Array;
  #freeCount = 0;
  #prefixes: PrefixMap;
  /** Prefixes of each length, to skip probes. */
  readonly #perLength: Int32Array;
  readonly #key: Int32Array;
  readonly #probe: Int32Array;
  // Where #descend stopped: the node, the bits above it, its own bits, and the positions of the pointers that led there.
  #base = 0;
  #depth = 0;
  #bits = ROOT_BITS;
  #level = 0;
  readonly #path = new Int32Array(MOST_LEVELS);

  /** @param width words an address: 1 or 4 @param maxNodes nodes of 1 KiB beside the root */
  constructor(width: 1 | 4, maxNodes: number, limbo: Limbo) {
    if (!Number.isInteger(maxNodes) || maxNodes < 0 || maxNodes > MOST_NODES) {
      throw new RangeError(`maxNodes must be an integer between 0 and ${MOST_NODES}, not ${maxNodes}`);
    }
    const nodes = ROOT_NODES + maxNodes;
    this.#width = width;
    this.maxNodes = maxNodes;
    this.limbo = limbo;
    this.words = largeWords(nodes * NODE_WORDS + 1);
    this.words.fill(NONE, 0, ROOT_WORDS);
    this.#owner = new Uint8Array(nodes * NODE_WORDS);
    this.#cover = new Int32Array(nodes);
    this.#used = new Int32Array(nodes);
    this.#free = new Int32Array(maxNodes);
    this.#prefixes = new PrefixMap(width);
    this.#perLength = new Int32Array(width * 32 + 1);
    this.#key = new Int32Array(width);
    this.#probe = new Int32Array(width);
    this.#findFree();
  }

  /** A trie of these routes with room for `slack` times as many nodes. */
  static build(width: 1 | 4, routes: LpmRoutes, slack: number, limbo: Limbo): LpmTrie {
    const { count, lengths } = routes;
    // Short prefixes first: each then paints entries that no longer prefix has cut up yet. A counting sort keeps it stable.
    const starts = new Int32Array(width * 32 + 2);
    for (let i = 0; i < count; i++) {
      if (lengths[i] > width * 32)
        throw new RangeError(`the length of route ${i} is ${lengths[i]}, over ${width * 32}`);
      starts[lengths[i] + 1]++;
    }
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    const order = new Int32Array(count);
    for (let i = 0; i < count; i++) order[starts[lengths[i]]++] = i;
    let trie = new LpmTrie(width, 256, limbo);
    for (let i = 0; i < count; i++) {
      const route = order[i];
      const at = route * width;
      while (!trie.add(routes.prefixes, at, lengths[route], routes.values[route])) trie = trie.grow(trie.maxNodes * 2);
    }
    return trie.grow(Math.ceil(trie.nodes * slack) + 64);
  }

  /** Prefixes. */
  get size(): number {
    return this.#prefixes.size;
  }

  /** Nodes in use; those in limbo are neither in use nor free. */
  get nodes(): number {
    let nodes = 0;
    for (let node = ROOT_NODES; node < this.#used.length; node++) if (this.#used[node] > 0) nodes++;
    return nodes;
  }

  get freeNodes(): number {
    return this.#freeCount;
  }

  /** Memory of the writer alone, bytes. */
  get controlBytes(): number {
    const arrays = [this.#owner, this.#cover, this.#used, this.#free];
    return arrays.reduce((sum, array) => sum + array.byteLength, this.#prefixes.bytes);
  }

  /**
   * Adds a prefix, or gives it another value; bits past `length` are ignored.
   * @param words the prefix is `width` words of it from `at`
   * @returns false when nodes run out: nothing has changed then
   */
  add(words: Int32Array | Uint32Array, at: number, length: number, value: number): boolean {
    this.#take(words, at, length);
    if (!Number.isInteger(value) || value < 0 || value > MAX_VALUE) {
      throw new RangeError(`the value of a prefix must be an integer between 0 and ${MAX_VALUE}, not ${value}`);
    }
    this.#descend(length);
    const below = length - this.#depth - this.#bits;
    const missing = below > 0 ? Math.ceil(below / NODE_BITS) : 0;
    if (missing > this.#freeCount) return false;
    const known = this.#prefixes.get(this.#key, length) >= 0;
    this.#prefixes.set(this.#key, length, value);
    if (!known) {
      this.#perLength[length]++;
      this.#used[this.#base >> NODE_BITS]++;
    }
    if (missing > 0) this.#hang(missing, length, answer(value));
    else this.#paint(this.#entry(), this.#span(length), length, length, answer(value));
    this.#changed();
    return true;
  }

  /** @returns false when the prefix is not in the table */
  remove(words: Int32Array | Uint32Array, at: number, length: number): boolean {
    this.#take(words, at, length);
    if (!this.#prefixes.delete(this.#key, length)) return false;
    this.#perLength[length]--;
    this.#descend(length);
    // The next shorter prefix is in the same node, or it is what covers the node.
    const least = this.#base === 0 ? 0 : this.#depth + 1;
    let covering = length - 1;
    let value = -1;
    for (; covering >= least; covering--) {
      if (this.#perLength[covering] > 0 && (value = this.#prefixes.get(this.#masked(covering), covering)) >= 0) break;
    }
    let word = answer(value); // NONE when no prefix was found
    if (value < 0) {
      covering = this.#base === 0 ? 0 : this.#owner[this.#path[this.#level - 1]];
      if (this.#base !== 0) word = this.#cover[this.#base >> NODE_BITS];
    }
    this.#paint(this.#entry(), this.#span(length), length, covering, word);
    this.#fold();
    this.#changed();
    return true;
  }

  /** Exact match. @returns the prefix's value, -1 for none */
  get(words: Int32Array | Uint32Array, at: number, length: number): number {
    this.#take(words, at, length);
    return this.#prefixes.get(this.#key, length);
  }

  forEach(visit: (key: Int32Array, length: number, value: number) => void): void {
    this.#prefixes.forEach(visit);
  }

  /** A copy with other room; this one stays as it is, for readers to leave. What waits in limbo is free in the copy. */
  grow(maxNodes: number): LpmTrie {
    const copy = new LpmTrie(this.#width as 1 | 4, Math.max(maxNodes, this.#highest() + 1 - ROOT_NODES), this.limbo);
    const nodes = Math.min(copy.#used.length, this.#used.length);
    copy.words.set(this.words.subarray(0, nodes * NODE_WORDS));
    copy.#owner.set(this.#owner.subarray(0, nodes * NODE_WORDS));
    copy.#cover.set(this.#cover.subarray(0, nodes));
    copy.#used.set(this.#used.subarray(0, nodes));
    copy.#perLength.set(this.#perLength);
    copy.#prefixes = this.#prefixes.clone();
    copy.#findFree();
    return copy;
  }

  reclaim(start: number, count: number): void {
    for (let node = start; node < start + count; node++) this.#free[this.#freeCount++] = node;
  }

  /** Copies a prefix to #key without its host bits. */
  #take(words: Int32Array | Uint32Array, at: number, length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#width * 32) {
      throw new RangeError(
        `the length of a prefix must be an integer between 0 and ${this.#width * 32}, not ${length}`,
      );
    }
    for (let i = 0; i < this.#width; i++) this.#key[i] = words[at + i];
    this.#key.set(this.#masked(length));
  }

  /** The first `length` bits of #key, in #probe. */
  #masked(length: number): Int32Array {
    const probe = this.#probe;
    for (let i = 0; i < probe.length; i++) {
      const bits = length - i * 32;
      probe[i] = bits >= 32 ? this.#key[i] : bits <= 0 ? 0 : this.#key[i] & (-1 << (32 - bits));
    }
    return probe;
  }

  /** Goes down to the node where a prefix of `length` bits ends, or to the last one on the way. */
  #descend(length: number): void {
    this.#base = 0;
    this.#depth = 0;
    this.#bits = ROOT_BITS;
    this.#level = 0;
    while (length > this.#depth + this.#bits) {
      const at = this.#entry();
      if (this.words[at] < 0) return;
      this.#path[this.#level++] = at;
      this.#base = this.words[at];
      this.#depth += this.#bits;
      this.#bits = NODE_BITS;
    }
  }

  /** Position of the key's entry in the node that #descend found. */
  #entry(): number {
    const shift = 32 - this.#bits - (this.#depth & 31);
    return this.#base + ((this.#key[this.#depth >> 5] >>> shift) & ((1 << this.#bits) - 1));
  }

  /** Entries of that node that a prefix of `length` bits takes. */
  #span(length: number): number {
    return 1 << (this.#depth + this.#bits - length);
  }

  /** Gives entries that no prefix longer than `length` owns, and those below them, to `owner` with its answer. */
  #paint(start: number, span: number, length: number, owner: number, word: number): void {
    const { words } = this;
    for (let at = start; at < start + span; at++) {
      if (this.#owner[at] > length) continue;
      this.#owner[at] = owner;
      const below = words[at];
      if (below < 0) words[at] = word;
      else {
        this.#cover[below >> NODE_BITS] = word;
        this.#paint(below, NODE_WORDS, length, owner, word);
      }
    }
  }

  /** Builds `missing` nodes for the key, one below the other, and hangs them under the entry where #descend stopped. */
  #hang(missing: number, length: number, word: number): void {
    const { words } = this;
    const under = this.#entry();
    const cover = words[under];
    const covering = this.#owner[under];
    let first = 0;
    let above = under;
    for (let i = 0; i < missing; i++) {
      const node = this.#free[--this.#freeCount];
      this.#depth += this.#bits;
      this.#bits = NODE_BITS;
      this.#base = node << NODE_BITS;
      words.fill(cover, this.#base, this.#base + NODE_WORDS);
      this.#owner.fill(covering, this.#base, this.#base + NODE_WORDS);
      this.#cover[node] = cover;
      this.#used[node] = 1;
      if (i === 0) first = this.#base;
      else words[above] = this.#base;
      above = this.#entry();
    }
    this.#paint(above, this.#span(length), length, length, word);
    Atomics.store(words, under, first);
  }

  /** One prefix or child less in the node of #descend: where none is left, the entry above answers again. */
  #fold(): void {
    let base = this.#base;
    let level = this.#level;
    while (--this.#used[base >> NODE_BITS] === 0 && base !== 0) {
      const above = this.#path[--level];
      Atomics.store(this.words, above, this.#cover[base >> NODE_BITS]);
      this.limbo.retire(this, base >> NODE_BITS, 1);
      base = level === 0 ? 0 : this.words[this.#path[level - 1]];
    }
  }

  /** Tells readers that an answer has changed: the last word counts changes. */
  #changed(): void {
    const last = this.words.length - 1;
    Atomics.store(this.words, last, (this.words[last] + 1) | 0);
  }

  #highest(): number {
    let node = this.#used.length - 1;
    while (node >= ROOT_NODES && this.#used[node] === 0) node--;
    return node;
  }

  /** Every node without prefixes is free; low numbers are taken first. */
  #findFree(): void {
    this.#freeCount = 0;
    for (let node = this.#used.length - 1; node >= ROOT_NODES; node--) {
      if (this.#used[node] === 0) this.#free[this.#freeCount++] = node;
    }
  }
}
