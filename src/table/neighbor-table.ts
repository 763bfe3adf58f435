import { BUCKET, ENTRY, firstBucket, MOST_ENTRIES, publish, replace, secondBucket, TAG } from './bucket-index.ts';
import type { EntryPool } from './entry-pool.ts';
import { hash5, randomKeys } from './hash.ts';
import { createMemory, openMemory } from './table-memory.ts';

/**
 * A tenant's neighbours: (router interface, address) to state and MAC, in one SharedArrayBuffer with one writer, the slow path, and
 * all workers as readers. ARP and neighbour discovery share it: an IPv4 address is the words 0, 0, 0xffff, address (RFC
 * 4291, section 2.5.5.2).
 *
 * Readers take no lock and see an entry whole: it is written before its index word is stored (bucket-index.ts). A first MAC is
 * written before the state that makes it usable; another MAC later is a new entry that takes the index word over, and
 * the old one keeps its MAC until its quarantine ends (entry-pool.ts). A change of state is one store. Every change then bumps
 * the generation, so that a worker looks again at the frames it holds only when there is something to see.
 *
 * Cost of a look-up: two cache lines of index at most and the entry's own. Memory: 16 bytes of index, and twice 68 of entries, a neighbour.
 */
export const NeighborState = {
  None: 0,
  /** Asked for; nobody answered yet. */
  Incomplete: 1,
  Reachable: 2,
  /** Known, not proved of late: used, and `markUsed` lets the slow path prove it. */
  Stale: 3,
  Delay: 4,
  Probe: 5,
  /** Did not answer: what is sent there is refused. */
  Failed: 6,
  /** Configured. */
  Permanent: 7,
} as const;
export type NeighborState = (typeof NeighborState)[keyof typeof NeighborState];

/** A bit a state that has a MAC. */
const USABLE =
  (1 << NeighborState.Reachable) |
  (1 << NeighborState.Stale) |
  (1 << NeighborState.Delay) |
  (1 << NeighborState.Probe) |
  (1 << NeighborState.Permanent);

// Header words.
const GENERATION = 0;
const COUNT = 1;

// Words of an entry, a cache line.
const IFACE = 0;
const ADDRESS = 1;
const MAC_HIGH = 5;
const MAC_LOW = 6;
const STATE = 7;
const USED = 8;
const VERSION = 9;
const STRIDE = 16;

export interface NeighborTableHandles {
  readonly memory: SharedArrayBuffer;
}

export interface NeighborRow {
  readonly entry: number;
  readonly iface: number;
  /** Four signed words. */
  readonly words: number[];
  readonly state: NeighborState;
  readonly macHi: number;
  readonly macLo: number;
}

export class NeighborTable {
  readonly capacity: number;
  readonly #memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #keys: Int32Array;
  readonly #pool: EntryPool;
  readonly #index: Int32Array;
  readonly #entries: Int32Array;
  /** Where writes go that are to have no effect. */
  readonly #nowhere = new Int32Array(1);

  /** @param capacity neighbours of the tenant's quota, 1 to 500,000. @param keys for the hash; tests give their own */
  static create(capacity: number, keys: Int32Array = randomKeys()): NeighborTable {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 500_000) {
      throw new Error(`the capacity of a neighbour table must be 1 to 500,000, not ${capacity}`);
    }
    const memory = createMemory(capacity, entriesFor(capacity), STRIDE, keys);
    return new NeighborTable({ memory });
  }

  static attach(handles: NeighborTableHandles): NeighborTable {
    return new NeighborTable(handles);
  }

  private constructor({ memory }: NeighborTableHandles) {
    const parts = openMemory(memory);
    this.capacity = parts.capacity;
    this.#memory = memory;
    this.#header = parts.header;
    this.#keys = parts.keys;
    this.#pool = parts.pool;
    this.#index = parts.index;
    this.#entries = parts.entries;
  }

  handles(): NeighborTableHandles {
    return { memory: this.#memory };
  }

  /** Writer: another table of that capacity with what this one holds, as far as there is room. */
  resized(capacity: number): NeighborTable {
    const other = NeighborTable.create(capacity, this.#keys);
    for (const { iface, words, state, macHi, macLo } of this.entries()) other.set(iface, words, state, macHi, macLo);
    return other;
  }

  get count(): number {
    return Atomics.load(this.#header, COUNT);
  }

  /** Changes with every change of the table. */
  generation(): number {
    return Atomics.load(this.#header, GENERATION);
  }

  /**
   * @param w0 to `w3`: the address, signed 32-bit words
   * @returns the entry, to be used within the batch, or -1
   */
  find(iface: number, w0: number, w1: number, w2: number, w3: number): number {
    const index = this.#index;
    const entries = this.#entries;
    const hash = hash5(this.#keys, iface, w0, w1, w2, w3);
    const mask = index.length - BUCKET;
    const tag = hash & TAG;
    let bucket = firstBucket(hash, mask);
    for (let choice = 0; choice < 2; choice++) {
      for (let i = bucket; i < bucket + BUCKET; i++) {
        const word = index[i];
        if ((word & TAG) !== tag || word === 0) continue;
        const at = ((word & ENTRY) - 1) * STRIDE;
        if (
          entries[at + ADDRESS + 3] === w3 &&
          entries[at + IFACE] === iface &&
          entries[at + ADDRESS] === w0 &&
          entries[at + ADDRESS + 1] === w1 &&
          entries[at + ADDRESS + 2] === w2
        ) {
          return (word & ENTRY) - 1;
        }
      }
      bucket = secondBucket(hash, mask);
    }
    return -1;
  }

  /** As `find`, with the address as four words, signed or not. */
  locate(iface: number, words: ArrayLike<number>): number {
    return this.find(iface, words[0] | 0, words[1] | 0, words[2] | 0, words[3] | 0);
  }

  state(entry: number): NeighborState {
    return this.#entries[entry * STRIDE + STATE] as NeighborState;
  }

  /** Whether it has a MAC to send to. */
  usable(entry: number): boolean {
    return ((USABLE >>> this.#entries[entry * STRIDE + STATE]) & 1) !== 0;
  }

  /** Upper 16 bits. */
  macHi(entry: number): number {
    return this.#entries[entry * STRIDE + MAC_HIGH];
  }

  /** Lower 32 bits, signed. */
  macLo(entry: number): number {
    return this.#entries[entry * STRIDE + MAC_LOW];
  }

  /** Changes whenever the entry's state changes or it dies. */
  version(entry: number): number {
    return this.#entries[entry * STRIDE + VERSION];
  }

  /**
   * Worker: a frame was sent there. The flag is read first, so that workers do not fight for the line; and something is written
   * always, since a store that happens once in half a minute would throw optimised code away whenever it does.
   */
  markUsed(entry: number): void {
    const entries = this.#entries;
    const nowhere = this.#nowhere;
    const at = entry * STRIDE + USED;
    const unused = entries[at] === 0;
    (unused ? entries : nowhere)[unused ? at : 0] = 1;
  }

  /** Writer: whether it was used since the last call. */
  takeUsed(entry: number): boolean {
    return Atomics.exchange(this.#entries, entry * STRIDE + USED, 0) !== 0;
  }

  /**
   * Writer: adds a neighbour, or changes state and MAC of one.
   * @param words the address, four words, signed or not
   * @param macHi upper 16 bits of the MAC, looked at in states that have one
   * @returns the entry, or -1 when the table is full or waits for `reclaim`; nothing is changed then
   */
  set(iface: number, words: ArrayLike<number>, state: NeighborState, macHi: number, macLo: number): number {
    const entries = this.#entries;
    const low = macLo | 0;
    const known = this.locate(iface, words);
    if (known === -1) {
      if (this.#header[COUNT] >= this.capacity) return -1;
      const entry = this.#write(iface, words, state, macHi, low);
      if (entry === -1) return -1;
      if (!publish(this.#index, this.#hash(entry), entry)) {
        this.#pool.restore(entry);
        return -1;
      }
      Atomics.store(this.#header, COUNT, this.#header[COUNT] + 1);
      this.#changed();
      return entry;
    }
    const at = known * STRIDE;
    const usable = ((USABLE >>> state) & 1) !== 0;
    const same = entries[at + MAC_HIGH] === macHi && entries[at + MAC_LOW] === low;
    if (usable && !same && (entries[at + MAC_HIGH] | entries[at + MAC_LOW]) !== 0) {
      const entry = this.#write(iface, words, state, macHi, low);
      if (entry === -1) return -1;
      entries[entry * STRIDE + USED] = entries[at + USED];
      replace(this.#index, this.#hash(known), known, entry);
      this.#retire(known);
      this.#changed();
      return entry;
    }
    if (usable) {
      entries[at + MAC_HIGH] = macHi;
      entries[at + MAC_LOW] = low;
    }
    if (entries[at + STATE] === state) return known;
    Atomics.store(entries, at + STATE, state);
    Atomics.add(entries, at + VERSION, 1);
    this.#changed();
    return known;
  }

  /** Writer. @returns false when there is no such neighbour */
  remove(iface: number, words: ArrayLike<number>): boolean {
    const entry = this.locate(iface, words);
    if (entry === -1) return false;
    replace(this.#index, this.#hash(entry), entry, -1);
    this.#retire(entry);
    Atomics.store(this.#header, COUNT, this.#header[COUNT] - 1);
    this.#changed();
    return true;
  }

  /**
   * Writer: lets entries that were given up long enough ago be used again. Call it several times a second while the
   * table changes: as many entries as the quota are spare, and each removal or new MAC uses one up.
   * @param nowMs monotonic milliseconds, wrapping at 32 bits
   */
  reclaim(nowMs: number): void {
    this.#pool.reclaim(nowMs);
  }

  /** Calls back with every neighbour; the words are a copy. Only the writer sees a steady picture. */
  forEach(visit: (iface: number, words: number[], state: NeighborState, macHi: number, macLo: number) => void): void {
    for (const { iface, words, state, macHi, macLo } of this.entries()) visit(iface, words, state, macHi, macLo);
  }

  /** Every neighbour, as it is now. */
  entries(): NeighborRow[] {
    const entries = this.#entries;
    const rows: NeighborRow[] = [];
    for (const word of this.#index) {
      if (word === 0) continue;
      const entry = (word & ENTRY) - 1;
      const at = entry * STRIDE;
      rows.push({
        entry,
        iface: entries[at + IFACE],
        words: Array.from(entries.subarray(at + ADDRESS, at + ADDRESS + 4)),
        state: this.state(entry),
        macHi: this.macHi(entry),
        macLo: this.macLo(entry),
      });
    }
    return rows;
  }

  /** A fresh entry, whole but not published. */
  #write(iface: number, words: ArrayLike<number>, state: NeighborState, macHi: number, macLo: number): number {
    const entries = this.#entries;
    const entry = this.#pool.take();
    if (entry === -1) return -1;
    const at = entry * STRIDE;
    const usable = ((USABLE >>> state) & 1) !== 0;
    entries[at + IFACE] = iface;
    for (let i = 0; i < 4; i++) entries[at + ADDRESS + i] = words[i];
    entries[at + MAC_HIGH] = usable ? macHi : 0;
    entries[at + MAC_LOW] = usable ? macLo : 0;
    entries[at + USED] = 0;
    Atomics.store(entries, at + STATE, state);
    return entry;
  }

  /** State and MAC stay for readers that still hold it. */
  #retire(entry: number): void {
    Atomics.add(this.#entries, entry * STRIDE + VERSION, 1);
    this.#pool.release(entry);
  }

  #hash(entry: number): number {
    const entries = this.#entries;
    const at = entry * STRIDE;
    const address = at + ADDRESS;
    return hash5(
      this.#keys,
      entries[at],
      entries[address],
      entries[address + 1],
      entries[address + 2],
      entries[address + 3],
    );
  }

  #changed(): void {
    Atomics.add(this.#header, GENERATION, 1);
  }
}

/** As many again as the quota, and some, so that changes of MAC do not wait for quarantines. */
function entriesFor(capacity: number): number {
  return Math.min(MOST_ENTRIES, 2 * capacity + 64);
}
