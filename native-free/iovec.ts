import { address, type Pointer } from './ffi.ts';

/** Bytes of one struct iovec, and of one entry of the table (a head and a body). */
const IOVEC_SIZE = 16;
const ENTRY_SIZE = 2 * IOVEC_SIZE;
const ENTRY_WORDS = ENTRY_SIZE / 4;
const TWO_32 = 2 ** 32;

/** The arrays of an `IovecTable`, for loops that set entries as `setHead` and `setBody` do. */
export interface IovecParts {
  /** Eight an entry: low and high half of an address, length, zero; and the same of the second segment. */
  readonly words: Int32Array;
  /** Halves of the address of each entry. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Halves of the address of position 0. */
  readonly baseLow: number;
  readonly baseHigh: number;
}

/**
 * Scatter lists for readv and writev: entry i has two segments, of one block of memory (the pool of a worker). A 64-bit address
 * is written as two 32-bit halves, computed from the block's base with integers: no BigInt and no double per frame. The kernel
 * reads an entry when the request is submitted, so an entry may change after that and not before.
 */
export class IovecTable {
  readonly entries: number;
  /** Halves of the address of each entry, as requests to io_uring carry it. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** The same address as FFI calls want it; made once, since making a BigInt allocates. */
  readonly pointer: readonly Pointer[];
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  /** Kept, so that the memory that addresses point to lives as long as the table. */
  readonly memory: SharedArrayBuffer;

  /** @param memory what positions count in; of fixed length, below 2 GiB */
  constructor(entries: number, memory: SharedArrayBuffer) {
    if (memory.byteLength >= 2 ** 31 || memory.growable) throw new Error('iovec memory must be fixed and below 2 GiB');
    this.entries = entries;
    this.memory = memory;
    this.#words = new Int32Array(new SharedArrayBuffer(entries * ENTRY_SIZE));
    const base = Number(address(new Uint8Array(memory)));
    this.#baseLow = base | 0;
    this.#baseHigh = Math.floor(base / TWO_32) | 0;
    const own = address(this.#words);
    const ownBase = Number(own);
    this.low = new Int32Array(entries);
    this.high = new Int32Array(entries);
    const pointers: Pointer[] = [];
    for (let i = 0; i < entries; i++) {
      const at = ownBase + i * ENTRY_SIZE;
      this.low[i] = at | 0;
      this.high[i] = Math.floor(at / TWO_32);
      pointers.push(own + BigInt(i * ENTRY_SIZE));
    }
    this.pointer = pointers;
  }

  get parts(): IovecParts {
    const { low, high } = this;
    return { words: this.#words, low, high, baseLow: this.#baseLow, baseHigh: this.#baseHigh };
  }

  /** The table itself. */
  get table(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  /** Sets the first segment. @param position in the memory @param length bytes */
  setHead(entry: number, position: number, length: number): void {
    this.#set(entry * ENTRY_WORDS, position, length);
  }

  /** Sets the second segment. */
  setBody(entry: number, position: number, length: number): void {
    this.#set(entry * ENTRY_WORDS + 4, position, length);
  }

  /** Low half of the address of a position. */
  #lowOf(position: number): number {
    return (this.#baseLow + position) | 0;
  }

  /** High half of the address whose low half is this. */
  #highOf(low: number): number {
    // Carry of the 32-bit sum: the sum is smaller than a summand, both seen as unsigned (sign bits flipped).
    return (low ^ 0x8000_0000) < (this.#baseLow ^ 0x8000_0000) ? (this.#baseHigh + 1) | 0 : this.#baseHigh;
  }

  #set(word: number, position: number, length: number): void {
    const words = this.#words;
    const low = this.#lowOf(position);
    words[word] = low;
    words[word + 1] = this.#highOf(low);
    words[word + 2] = length;
  }
}
