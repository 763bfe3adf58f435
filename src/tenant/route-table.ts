import type { FileRoutes } from '../control/config/routes-file.ts';
import type { Epochs } from '../table/epoch.ts';
import { Limbo } from '../table/lpm-limbo.ts';
import { PrefixMap } from '../table/lpm-map.ts';
import { type LpmHandles, LpmTrie } from '../table/lpm-trie.ts';
import { RouteList } from './route-list.ts';

/** A prefix that does not come from a routes file, and the set of next hops that it leads to. */
export interface NearRoute {
  readonly words: readonly number[];
  readonly length: number;
  readonly set: number;
}

/** Prefixes of one family: those of a routes file, and nearer ones, which go before the same prefixes of the file. */
export interface Prefixes {
  /** By `prefixKey`. */
  readonly near: ReadonlyMap<string, NearRoute>;
  readonly file: FileRoutes | null;
  /** Set of each of the file's next hops. */
  readonly fileSets: readonly number[];
}

/** Prefixes that one slice of a change handles before others on this thread have their turn. */
const SLICE = 16_384;
const SLACK = 1.25;
const NONE: Prefixes = { near: new Map(), file: null, fileSets: [] };

export function prefixKey(words: ArrayLike<number>, length: number): string {
  return `${Array.from(words, (word) => word | 0).join()}/${length}`;
}

/**
 * The routes of one family of one tenant: what they are made of, and the table that workers read. A change touches the prefixes
 * that it is about and no others; each is one store to readers.
 */
export class RouteTable {
  readonly #width: 1 | 4;
  readonly #family: 4 | 6;
  readonly #epochs: Epochs;
  readonly #limbo = new Limbo();
  #trie: LpmTrie;
  #prefixes: Prefixes = NONE;
  /** Epoch that workers must have passed before what is in limbo can be used again. */
  #epoch: number;

  constructor(family: 4 | 6, epochs: Epochs) {
    this.#family = family;
    this.#width = family === 4 ? 1 : 4;
    this.#epochs = epochs;
    this.#epoch = epochs.current();
    this.#trie = LpmTrie.build(this.#width, new RouteList(family, 0).routes, SLACK, this.#limbo);
  }

  /** What workers read. Another one after a change that needed more room. */
  handles(): LpmHandles {
    return { words: this.#trie.words.buffer as SharedArrayBuffer };
  }

  get prefixes(): Prefixes {
    return this.#prefixes;
  }

  get size(): number {
    return this.#trie.size;
  }

  /** Builds the table anew, all at once: for a start, when nobody reads it yet. */
  build(prefixes: Prefixes): void {
    const list = new RouteList(this.#family, (prefixes.file?.count ?? 0) + prefixes.near.size);
    const { file, fileSets, near } = prefixes;
    for (let i = 0; file !== null && i < file.count; i++)
      list.add(file.words, i * this.#width, file.lengths[i], fileSets[file.nextHopIndex[i]]);
    for (const { words, length, set } of near.values()) list.add(words, 0, length, set);
    this.#trie = LpmTrie.build(this.#width, list.routes, SLACK, this.#limbo);
    this.#prefixes = prefixes;
  }

  /**
   * Changes the table into one of these prefixes, in slices.
   * @returns whether workers must be given other `handles()`: the changes are in those alone then
   */
  async change(to: Prefixes): Promise<boolean> {
    const from = this.#prefixes;
    const before = this.#trie;
    this.#begin();
    let left = SLICE;
    for (const work of [this.#changeNear(from, to), this.#changeFile(from, to)]) {
      for (const weight of work) {
        left -= weight;
        if (left > 0) continue;
        left = SLICE;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.#prefixes = to;
    this.#epoch = this.#epochs.bump();
    return this.#trie !== before;
  }

  /** What is freed from now on waits for workers that are in this epoch; what waited long enough is free. */
  #begin(): void {
    if (this.#epochs.passedBy(this.#epoch)) this.#limbo.release((this.#epoch - 1) | 0);
    this.#limbo.tag = this.#epochs.current();
  }

  /** Yields after each step how much it was, in prefixes. */
  *#changeNear(from: Prefixes, to: Prefixes): Generator<number> {
    const gone = new PrefixMap(this.#width);
    const scratch = new Int32Array(this.#width);
    const load = (words: readonly number[]): Int32Array => {
      for (let w = 0; w < scratch.length; w++) scratch[w] = words[w];
      return scratch;
    };
    for (const [key, { words, length, set }] of to.near) {
      const then = from.near.get(key);
      if (then === undefined || then.set !== set) this.#put(load(words), 0, length, set);
      yield 1;
    }
    for (const [key, { words, length }] of from.near) if (!to.near.has(key)) gone.set(load(words), length, 0);
    if (gone.size === 0) return;
    // What was hidden by a nearer one shows again.
    const { file, fileSets } = from;
    const key = new Int32Array(this.#width);
    for (let i = 0; file !== null && i < file.count; i++) {
      this.#read(file, i, key);
      if (gone.get(key, file.lengths[i]) >= 0) {
        this.#put(key, 0, file.lengths[i], fileSets[file.nextHopIndex[i]]);
        gone.set(key, file.lengths[i], 1);
      }
      if (i % 8 === 0) yield 1;
    }
    const left: [Int32Array, number][] = [];
    gone.forEach((words, length, shows) => {
      if (shows === 0) left.push([words.slice(), length]);
    });
    for (const [words, length] of left) {
      this.#trie.remove(words, 0, length);
      yield 1;
    }
  }

  *#changeFile(from: Prefixes, to: Prefixes): Generator<number> {
    if (from.file === to.file && from.fileSets.every((set, i) => set === to.fileSets[i])) return;
    const near = new PrefixMap(this.#width);
    for (const { words, length } of to.near.values()) near.set(Int32Array.from(words), length, 0);
    const key = new Int32Array(this.#width);
    const wanted = new PrefixMap(this.#width, to.file?.count ?? 0);
    for (let i = 0; to.file !== null && i < to.file.count; i++) {
      this.#read(to.file, i, key);
      if (near.get(key, to.file.lengths[i]) < 0)
        wanted.set(key, to.file.lengths[i], to.fileSets[to.file.nextHopIndex[i]]);
      yield 1;
    }
    for (let i = 0; to.file !== null && i < to.file.count; i++) {
      this.#read(to.file, i, key);
      const set = wanted.get(key, to.file.lengths[i]);
      if (set >= 0 && this.#trie.get(key, 0, to.file.lengths[i]) !== set) this.#put(key, 0, to.file.lengths[i], set);
      yield 1;
    }
    for (let i = 0; from.file !== null && i < from.file.count; i++) {
      this.#read(from.file, i, key);
      const length = from.file.lengths[i];
      if (near.get(key, length) < 0 && wanted.get(key, length) < 0) this.#trie.remove(key, 0, length);
      yield 1;
    }
  }

  /** Prefix i of a file, its host bits cleared. */
  #read({ words, lengths }: FileRoutes, i: number, key: Int32Array): void {
    const at = i * this.#width;
    for (let w = 0; w < this.#width; w++) {
      const bits = lengths[i] - w * 32;
      key[w] = bits >= 32 ? words[at + w] : bits <= 0 ? 0 : words[at + w] & (-1 << (32 - bits));
    }
  }

  /** Where there is no room, the rest of the change goes on in a larger copy. */
  #put(words: Int32Array, at: number, length: number, set: number): void {
    while (!this.#trie.add(words, at, length, set))
      this.#trie = this.#trie.grow(Math.ceil(this.#trie.maxNodes * 1.5) + 64);
  }
}
