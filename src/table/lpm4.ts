import { CHUNK, gatherLoop, type PassContext, type Passes, passesOf } from './lpm-gather.ts';
import { Limbo } from './lpm-limbo.ts';
import { generationOf, type LpmHandles, type LpmRoutes, LpmTrie } from './lpm-trie.ts';

/**
 * Longest-prefix match for IPv4: a 16-8-8 multibit trie in one Int32Array over shared memory (lpm-trie.ts has the idea,
 * what it costs, who owns it, and the paper). `Lpm4Reader` is what a worker attaches; `Lpm4` adds the writer.
 */

// The passes are functions of their own: in one body they need more registers than there are, and took half as long again.

/** First pass: where in `words` each address's entry of the second level is, or its answer, where the root has that. */
function aimLoop({ words, position }: PassContext): (addresses: Int32Array, from: number, n: number) => void {
  return (addresses, from, n) => {
    for (let i = 0; i < n; i++) {
      const address = addresses[from + i];
      const top = address >>> 16;
      const word = words[top];
      const answered = word >> 31;
      position[i] = (top & answered) | ((word + ((address >>> 8) & 255)) & ~answered);
    }
  };
}

/** Third pass: what was found is taken for the answer. @returns below 0: all of it is */
function answerLoop({ found }: PassContext): (out: Int32Array, from: number, n: number) => number {
  return (out, from, n) => {
    const whole = n & -4;
    let all = -1;
    for (let i = 0; i < whole; i += 4) {
      const first = found[i];
      const second = found[i + 1];
      const third = found[i + 2];
      const fourth = found[i + 3];
      all &= first & second & third & fourth;
      out[from + i] = (first << 1) >> 1;
      out[from + i + 1] = (second << 1) >> 1;
      out[from + i + 2] = (third << 1) >> 1;
      out[from + i + 3] = (fourth << 1) >> 1;
    }
    for (let i = whole; i < n; i++) {
      all &= found[i];
      out[from + i] = (found[i] << 1) >> 1;
    }
    return all;
  };
}

const LOOPS = { aim: aimLoop, gather: gatherLoop, answer: answerLoop };

export class Lpm4Reader {
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

  /** @param address in host order, signed or unsigned @returns the value of the longest prefix that holds it, -1 for none */
  lookup(address: number): number {
    const { words } = this;
    let word = words[address >>> 16];
    if (word >= 0) {
      word = words[word + ((address >>> 8) & 255)];
      if (word >= 0) word = words[word + (address & 255)];
    }
    return (word << 1) >> 1;
  }

  /**
   * Looks up the first `count` addresses; `out` gets what `lookup` returns, and must not overlap `addresses`.
   *
   * Level by level, with a loop that does nothing but load: some tens of cache misses are then under way at once, where the loop
   * that takes one address to its end overlaps few, since its mispredicted branches wait for the misses. The passes
   * read and write different arrays, because a load from an array being stored to can be held up behind those stores.
   *
   * Where the root answers, the second pass reads that answer again, so that there is nothing to choose from. What is no answer
   * by then (a prefix longer than /24, one in a thousand; or a change since the first pass) starts over, by itself, after a third pass
   * in which a branch for it would cost as much as the rest.
   */
  lookupBatch(addresses: Int32Array, out: Int32Array, count: number): void {
    this.#passes ??= passesOf(this.words, LOOPS, 'lpm4');
    const { aim, gather, answer, found } = this.#passes;
    for (let from = 0; from < count; from += CHUNK) {
      const n = count - from < CHUNK ? count - from : CHUNK;
      aim(addresses, from, n);
      gather(n);
      if (answer(out, from, n) >= 0) this.#finish(addresses, out, from, n, found);
    }
  }

  /** Looks up by themselves those of a pass that end deeper. */
  #finish(addresses: Int32Array, out: Int32Array, from: number, n: number, found: Int32Array): void {
    for (let i = 0; i < n; i++) if (found[i] >= 0) out[from + i] = this.lookup(addresses[from + i]);
  }
}

export class Lpm4 extends Lpm4Reader {
  readonly #trie: LpmTrie;
  readonly #key = new Int32Array(1);

  /** An empty table. @param maxNodes room beside the root, in nodes of 1 KiB: at most two a prefix, none up to /16 */
  static create(maxNodes: number, limbo = new Limbo()): Lpm4 {
    return new Lpm4(new LpmTrie(1, maxNodes, limbo));
  }

  /** A table of these routes, with room for `slack` times the nodes that they take. */
  static build(routes: LpmRoutes, slack = 1.25, limbo = new Limbo()): Lpm4 {
    return new Lpm4(LpmTrie.build(1, routes, slack, limbo));
  }

  /** What a worker reads the table with. */
  static attach(handles: LpmHandles): Lpm4Reader {
    return new Lpm4Reader(new Int32Array(handles.words));
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
  add(prefix: number, length: number, value: number): boolean {
    this.#key[0] = prefix;
    return this.#trie.add(this.#key, 0, length, value);
  }

  /** @returns false when this very prefix is not in the table */
  remove(prefix: number, length: number): boolean {
    this.#key[0] = prefix;
    return this.#trie.remove(this.#key, 0, length);
  }

  /** Exact match. @returns the value of this very prefix, -1 for none */
  get(prefix: number, length: number): number {
    this.#key[0] = prefix;
    return this.#trie.get(this.#key, 0, length);
  }

  /** Calls `visit` for each prefix (unsigned), in no order. */
  forEach(visit: (prefix: number, length: number, value: number) => void): void {
    this.#trie.forEach((key, length, value) => {
      visit(key[0] >>> 0, length, value);
    });
  }

  /** A copy with room for `maxNodes`, to be published in this one's place. Readers of this one are not disturbed. */
  grow(maxNodes = this.#trie.maxNodes * 2): Lpm4 {
    return new Lpm4(this.#trie.grow(maxNodes));
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
}
