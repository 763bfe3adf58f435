import { indexWords } from './bucket-index.ts';
import { EntryPool } from './entry-pool.ts';
import { HASH_KEYS } from './hash.ts';

/**
 * How a shared hash table lies in its SharedArrayBuffer: header, pool of entries, index, entries, each on cache lines of its own.
 * The first line of the header is the table's to use; what follows is written once, here.
 */
const LINE = 16;
const CAPACITY = LINE;
const SIZE = LINE + 1;
const STRIDE = LINE + 2;
const KEYS = LINE + 4;
const HEADER = 3 * LINE;

export interface TableMemory {
  /** Live entries that the owner allows. */
  readonly capacity: number;
  /** 16 words, zero at first. */
  readonly header: Int32Array;
  /** A copy, so that reading it shares no cache line with writers. */
  readonly keys: Int32Array;
  readonly pool: EntryPool;
  readonly index: Int32Array;
  readonly entries: Int32Array;
}

/**
 * @param capacity live entries
 * @param size entries in all: more than the capacity, for those in quarantine
 * @param stride words of an entry
 * @param keys of the hash
 */
export function createMemory(capacity: number, size: number, stride: number, keys: Int32Array): SharedArrayBuffer {
  const words = HEADER + roundUp(EntryPool.words(size)) + indexWords(capacity) + size * stride;
  const memory = new SharedArrayBuffer(words * 4);
  const header = new Int32Array(memory, 0, HEADER);
  header[CAPACITY] = capacity;
  header[SIZE] = size;
  header[STRIDE] = stride;
  header.set(keys, KEYS);
  return memory;
}

export function openMemory(memory: SharedArrayBuffer): TableMemory {
  const header = new Int32Array(memory, 0, HEADER);
  const capacity = header[CAPACITY];
  const size = header[SIZE];
  const index = HEADER + roundUp(EntryPool.words(size));
  const entries = index + indexWords(capacity);
  return {
    capacity,
    header: header.subarray(0, LINE),
    keys: header.slice(KEYS, KEYS + HASH_KEYS),
    pool: new EntryPool(new Int32Array(memory, HEADER * 4, EntryPool.words(size))),
    index: new Int32Array(memory, index * 4, indexWords(capacity)),
    entries: new Int32Array(memory, entries * 4, size * header[STRIDE]),
  };
}

function roundUp(words: number): number {
  return (words + LINE - 1) & -LINE;
}
