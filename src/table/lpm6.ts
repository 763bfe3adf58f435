import { CHUNK, gatherLoop, type PassContext, type Passes, passesOf } from './lpm-gather.ts';
import { Limbo } from './lpm-limbo.ts';
import { generationOf, type LpmHandles, type LpmRoutes, LpmTrie } from './lpm-trie.ts';

/**
 * Longest-prefix match for IPv6: the trie of `Lpm4` with up to 14 levels of nodes, of which a /48, the commonest length
 * of the Internet table, takes four. An address is four 32-bit words in host order, `a` the first on the wire.
 */

// The passes are functions of their own, so that each has registers enough.

type First = (addresses: Int32Array, out: Int32Array, from: number, end: number) => number;
type Advance = (addresses: Int32Array, out: Int32Array, column: number, shift: number, n: number) => number;

/** The root and the node below it, which are few and stay in cache. @returns the number of addresses that it leaves open */
function firstLoop({ words, position, open }: PassContext): First {
  return (addresses, out, from, end) => {
    let n = 0;
    for (let i = from; i < end; i++) {
      const a = addresses[i << 2];
      const top = a >>> 16;
      const root = words[top];
      const answered = root >> 31;
      const word = words[(top & answered) | ((root + ((a >>> 8) & 255)) & ~answered)];
      out[i] = (word << 1) >> 1;
      position[n] = word + (a & 255);
      open[n] = i;
      n += 1 + (word >> 31);
    }
    return n;
  };
}

/** Takes what was found for the answer, and its pointers on to the byte of `column` at `shift`. @returns the number still open */
function advanceLoop({ position, found, open }: PassContext): Advance {
  return (addresses, out, column, shift, n) => {
    let left = 0;
    for (let j = 0; j < n; j++) {
      const word = found[j];
      const i = open[j];
      out[i] = (word << 1) >> 1;
      position[left] = word + ((addresses[(i << 2) + column] >>> shift) & 255);
      open[left] = i;
      left += 1 + (word >> 31);
    }
    return left;
  };
}

const LOOPS = { first: firstLoop, gather: gatherLoop, advance: advanceLoop };

export class Lpm6Reader {
  protected readonly words: Int32Array;
  /** Null until somebody looks up a batch. */
  #passes: Passes<typeof LOOPS> | null = null;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Changes with every change of the table. */
  generation(): number {
    return generationOf(this.words);
  }

  /** @returns the value of the longest prefix that holds the address, -1 for none */
  lookup(a: number, b: number, c: number, d: number): number {
    const { words } = this;
    let word = words[a >>> 16];
    for (let shift = 8; word >= 0 && shift >= 0; shift -= 8) word = words[word + ((a >>> shift) & 255)];
    for (let shift = 24; word >= 0 && shift >= 0; shift -= 8) word = words[word + ((b >>> shift) & 255)];
    for (let shift = 24; word >= 0 && shift >= 0; shift -= 8) word = words[word + ((c >>> shift) & 255)];
    for (let shift = 24; word >= 0 && shift >= 0; shift -= 8) word = words[word + ((d >>> shift) & 255)];
    return (word << 1) >> 1;
  }

  /**
   * Looks up the first `count` addresses, four words each; `out` gets what `lookup` returns, and must not overlap `addresses`.
   *
   * Level by level, as `Lpm4Reader.lookupBatch`. Here the levels are many and most addresses end early, so the open ones are
   * kept together: `open` has their places in the batch, `position` the entry that each reads next.
   */
  lookupBatch(addresses: Int32Array, out: Int32Array, count: number): void {
    this.#passes ??= passesOf(this.words, LOOPS, 'lpm6');
    const { first, gather, advance } = this.#passes;
    for (let from = 0; from < count; from += CHUNK) {
      let n = first(addresses, out, from, count - from < CHUNK ? count : from + CHUNK);
      for (let depth = 32; n > 0; depth += 8) {
        gather(n);
        // Nothing is open at depth 128.
        n = advance(addresses, out, (depth >> 5) & 3, 24 - (depth & 31), n);
      }
    }
  }
}

export class Lpm6 extends Lpm6Reader {
  readonly #trie: LpmTrie;
  readonly #key = new Int32Array(4);

  /** An empty table. @param maxNodes room beside the root, in nodes of 1 KiB: at most 14 a prefix, four up to /48 */
  static create(maxNodes: number, limbo = new Limbo()): Lpm6 {
    return new Lpm6(new LpmTrie(4, maxNodes, limbo));
  }

  /** A table of these routes, with room for `slack` times the nodes that they take. */
  static build(routes: LpmRoutes, slack = 1.25, limbo = new Limbo()): Lpm6 {
    return new Lpm6(LpmTrie.build(4, routes, slack, limbo));
  }

  /** What a worker reads the table with. */
  static attach(handles: LpmHandles): Lpm6Reader {
    return new Lpm6Reader(new Int32Array(handles.words));
  }

  private constructor(trie: LpmTrie) {
    super(trie.words);
    this.#trie = trie;
  }

  handles(): LpmHandles {
    return { words: this.words.buffer as SharedArrayBuffer };
  }

  /**
   * Adds a prefix, or gives it another value. Bits past `length` are ignored. Throws on a length or value out of range.
   * @param value 0 to 2^30 - 1
   * @returns false when the table is full: it is unchanged then; `grow` it, or release the limbo, and try again
   */
  add(a: number, b: number, c: number, d: number, length: number, value: number): boolean {
    return this.#trie.add(this.#words(a, b, c, d), 0, length, value);
  }

  /** @returns false when this very prefix is not in the table */
  remove(a: number, b: number, c: number, d: number, length: number): boolean {
    return this.#trie.remove(this.#words(a, b, c, d), 0, length);
  }

  /** Exact match. @returns the value of this very prefix, -1 for none */
  get(a: number, b: number, c: number, d: number, length: number): number {
    return this.#trie.get(this.#words(a, b, c, d), 0, length);
  }

  /** Calls `visit` for each prefix, in no order; `prefix` is overwritten by the next call. */
  forEach(visit: (prefix: Int32Array, length: number, value: number) => void): void {
    this.#trie.forEach(visit);
  }

  /** A copy with room for `maxNodes`, to be published in this one's place. Readers of this one are not disturbed. */
  grow(maxNodes = this.#trie.maxNodes * 2): Lpm6 {
    return new Lpm6(this.#trie.grow(maxNodes));
  }

  /** Prefixes. */
  get size(): number {
    return this.#trie.size;
  }

  /** Where freed nodes wait until no reader can be in them. */
  get limbo(): Limbo {
    return this.#trie.limbo;
  }

  get maxNodes(): number {
    return this.#trie.maxNodes;
  }

  get freeNodes(): number {
    return this.#trie.freeNodes;
  }

  /** Shared memory, bytes. */
  get bytes(): number {
    return this.words.byteLength;
  }

  /** Memory of the writer alone, bytes. */
  get controlBytes(): number {
    return this.#trie.controlBytes;
  }

  #words(a: number, b: number, c: number, d: number): Int32Array {
    const key = this.#key;
    key[0] = a;
    key[1] = b;
    key[2] = c;
    key[3] = d;
    return key;
  }
}
