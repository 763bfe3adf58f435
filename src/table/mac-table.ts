import { BUCKET, ENTRY, firstBucket, MOST_ENTRIES, publish, replace, secondBucket, TAG } from './bucket-index.ts';
import type { EntryPool } from './entry-pool.ts';
import { hash2, randomKeys } from './hash.ts';
import { TableLock } from './table-lock.ts';
import { createMemory, openMemory } from './table-memory.ts';

/**
 * A tenant's learned addresses: (MAC, VLAN) to port, in one SharedArrayBuffer that all workers and the control thread write.
 *
 * Reading takes no lock: eight words of the index at most (bucket-index.ts), then the entry. An entry is written whole before
 * its index word is stored; a deleted one is used again only after a quarantine (entry-pool.ts), so no reader sees half of
 * one and half of another. Insertion, move and deletion take one try-lock. A worker that does not get it answers Busy and learns from
 * the next frame; it never spins. The control thread waits in steps of a millisecond. To readers a move is one store of one word,
 * port and number of moves.
 *
 * A sender that invents addresses fills the tenant's quota and no more: learning then answers Full, after a bounded look-up
 * without the lock. A refresh is written only when the last is a second old, so that workers do not fight for the line.
 * Time is milliseconds wrapped to 32 bits: ages up to 24 days. Memory: 16 bytes of index (rounded up to a power of two of entries) and
 * 1.25 times 36 bytes an address of the quota.
 */
export const MacEvent = {
  Unchanged: 0,
  Refreshed: 1,
  Added: 2,
  Moved: 3,
  /** Moved, more often within ten seconds than the table allows; said once in ten seconds an address. */
  Flapping: 4,
  /** Not learned: over the quota, or no place in its buckets. */
  Full: 5,
  /** Not learned: a static entry ties the address to another port. */
  Static: 6,
  /** Not learned: another thread has the lock. */
  Busy: 7,
} as const;
export type MacEvent = (typeof MacEvent)[keyof typeof MacEvent];

const REFRESH_MS = 1000;
const FLAP_WINDOW_MS = 10_000;
/** Moves that a station may make within the window, if the owner says nothing else. */
const DEFAULT_MOVES = 5;

// Header words.
const LOCK = 0;
const COUNT = 1;
const CURSOR = 2;
const FLAP_MOVES = 3; // moves in a window that are no flapping yet
const GENERATION = 4; // moves and removals

// Words of an entry.
const KEY_HIGH = 0; // VLAN << 16 | upper 16 bits of the MAC
const KEY_LOW = 1;
const PLACE = 2; // moves << 16 | port
const SEEN = 3;
const VERSION = 4;
const MOVED = 5;
const WINDOW = 6; // when the flap window began
const STATE = 7; // bits below, and moves in the window << 8
const STRIDE = 8;
const LIVE = 1;
const STATIC = 2;
const ALARMED = 4;

export interface MacTableHandles {
  readonly memory: SharedArrayBuffer;
}

export interface MacRow {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  readonly ageMs: number;
  readonly static: boolean;
  readonly moves: number;
  /** Milliseconds since the last move, -1 when it never moved. */
  readonly movedMs: number;
}

export class MacTable {
  readonly capacity: number;
  readonly #memory: SharedArrayBuffer;
  readonly #header: Int32Array;
  readonly #keys: Int32Array;
  readonly #pool: EntryPool;
  readonly #index: Int32Array;
  readonly #entries: Int32Array;
  readonly #lock: TableLock;
  /** Where writes go that are to have no effect. */
  readonly #nowhere = new Int32Array(1);

  /**
   * @param capacity addresses of the tenant's quota, 1 to 1,000,000
   * @param keys for the hash; tests give their own
   * @param moves that an address may make within ten seconds before it counts as flapping
   */
  static create(capacity: number, keys: Int32Array = randomKeys(), moves = DEFAULT_MOVES): MacTable {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1_000_000) {
      throw new Error(`the capacity of a MAC table must be 1 to 1,000,000, not ${capacity}`);
    }
    // A quarter more than the quota, so that churn does not wait for quarantines.
    const entries = Math.min(MOST_ENTRIES, capacity + (capacity >> 2) + 16);
    const memory = createMemory(capacity, entries, STRIDE, keys);
    const made = new MacTable({ memory });
    made.#header[FLAP_MOVES] = moves;
    return made;
  }

  /** @param worker that will write, so that its lock can be told from others'; absent: the control thread */
  static attach(handles: MacTableHandles, worker = -1): MacTable {
    return new MacTable(handles, worker);
  }

  private constructor({ memory }: MacTableHandles, worker = -1) {
    const parts = openMemory(memory);
    this.capacity = parts.capacity;
    this.#memory = memory;
    this.#header = parts.header;
    this.#lock = new TableLock(parts.header, LOCK, worker);
    this.#keys = parts.keys;
    this.#pool = parts.pool;
    this.#index = parts.index;
    this.#entries = parts.entries;
  }

  handles(): MacTableHandles {
    return { memory: this.#memory };
  }

  /** Control: moves that an address may make within ten seconds before it counts as flapping. */
  setMoves(moves: number): void {
    Atomics.store(this.#header, FLAP_MOVES, moves);
  }

  /** Live entries, static ones included. */
  get count(): number {
    return Atomics.load(this.#header, COUNT);
  }

  /**
   * @param macHi upper 16 bits of the address
   * @param macLo lower 32 bits, signed or not
   * @returns the entry, to be used within the batch, or -1
   */
  lookup(macHi: number, macLo: number, vlan: number): number {
    const high = (vlan << 16) | macHi;
    return this.#find(high, macLo | 0, hash2(this.#keys, high, macLo));
  }

  port(entry: number): number {
    return this.#entries[entry * STRIDE + PLACE] & 0xffff;
  }

  /** Changes whenever any address moves or goes; new ones leave it as it is. */
  generation(): number {
    return Atomics.load(this.#header, GENERATION);
  }

  /** Changes whenever the entry's port changes or the entry dies; never comes back to an old value before 2^32 changes. */
  version(entry: number): number {
    return this.#entries[entry * STRIDE + VERSION];
  }

  /** Marks an entry as used by a frame from its own port, where a cache knows it already. */
  touch(entry: number, nowMs: number): void {
    const entries = this.#entries;
    const at = entry * STRIDE + SEEN;
    const due = ((nowMs - entries[at]) | 0) >= REFRESH_MS;
    // Something is written always: a store that is met once a second would throw optimised code away when it is.
    (due ? entries : this.#nowhere)[due ? at : 0] = nowMs;
  }

  /**
   * Learns from the source of a frame; the caller has refused group addresses.
   * @param port 0 to 65,535
   * @param nowMs monotonic milliseconds, wrapping at 32 bits
   */
  learn(macHi: number, macLo: number, vlan: number, port: number, nowMs: number): MacEvent {
    const high = (vlan << 16) | macHi;
    const low = macLo | 0;
    const hash = hash2(this.#keys, high, low);
    const entry = this.#find(high, low, hash);
    if (entry === -1) {
      if (this.#header[COUNT] >= this.capacity) return MacEvent.Full;
    } else {
      const entries = this.#entries;
      const at = entry * STRIDE;
      if ((entries[at + PLACE] & 0xffff) === port) {
        if (((nowMs - entries[at + SEEN]) | 0) < REFRESH_MS) return MacEvent.Unchanged;
        entries[at + SEEN] = nowMs;
        return MacEvent.Refreshed;
      }
      if ((entries[at + STATE] & STATIC) !== 0) return MacEvent.Static;
    }
    if (!this.#lock.tryLock()) return MacEvent.Busy;
    const event = this.#learnLocked(high, low, hash, port, nowMs);
    this.#lock.unlock();
    return event;
  }

  /**
   * Control: ties an address to a port; a learned entry becomes static and moves there.
   * @returns false when the table is full
   */
  addStatic(macHi: number, macLo: number, vlan: number, port: number): boolean {
    const high = (vlan << 16) | macHi;
    const low = macLo | 0;
    const hash = hash2(this.#keys, high, low);
    this.#lock.lock();
    const entry = this.#find(high, low, hash);
    let done = true;
    if (entry === -1) done = this.#insert(high, low, hash, port, 0, LIVE | STATIC) === MacEvent.Added;
    else {
      const at = entry * STRIDE;
      Atomics.store(this.#entries, at + STATE, this.#entries[at + STATE] | STATIC);
      if (this.port(entry) !== port) this.#place(at, (this.#entries[at + PLACE] & ~0xffff) | port);
    }
    this.#lock.unlock();
    return done;
  }

  /** Control. @returns false when there is no such static entry; learned ones stay */
  removeStatic(macHi: number, macLo: number, vlan: number): boolean {
    this.#lock.lock();
    const entry = this.lookup(macHi, macLo, vlan);
    const found = entry !== -1 && (this.#entries[entry * STRIDE + STATE] & STATIC) !== 0;
    if (found) this.#remove(entry);
    this.#lock.unlock();
    return found;
  }

  /**
   * Control: removes learned entries not seen for longer than `maxAgeMs`, and ends quarantines that are over.
   * @param limit entries to look at; the next call goes on where this one ended
   * @returns number removed
   */
  age(nowMs: number, maxAgeMs: number, limit: number = this.#pool.size): number {
    this.reclaim(nowMs);
    const entries = this.#entries;
    const used = this.#pool.used;
    const steps = Math.min(limit, used);
    let cursor = this.#header[CURSOR];
    let removed = 0;
    for (let i = 0; i < steps; i++) {
      if (cursor >= used) cursor = 0;
      const at = cursor * STRIDE;
      if ((entries[at + STATE] & (LIVE | STATIC)) === LIVE && ((nowMs - entries[at + SEEN]) | 0) > maxAgeMs) {
        this.#lock.lock();
        // Another worker may have moved or refreshed it meanwhile. Only this thread deletes.
        if (((nowMs - entries[at + SEEN]) | 0) > maxAgeMs) {
          this.#remove(cursor);
          removed++;
        }
        this.#lock.unlock();
      }
      cursor++;
    }
    this.#header[CURSOR] = cursor;
    return removed;
  }

  /** Control: lets entries deleted long enough ago be used again; `age` does so too. */
  reclaim(nowMs: number): void {
    this.#lock.lock();
    this.#pool.reclaim(nowMs);
    this.#lock.unlock();
  }

  /** Control: removes what was learned on a port. @returns number removed */
  flushPort(port: number): number {
    let removed = 0;
    for (let entry = 0; entry < this.#pool.used; entry++) if (this.#forget(entry, port)) removed++;
    return removed;
  }

  /** Control: makes room by removing a learned entry, the next that `age` would look at. @returns false: there is none */
  evict(): boolean {
    const used = this.#pool.used;
    for (let k = 0; k < used; k++) {
      const entry = (this.#header[CURSOR] + k) % used;
      if (this.#forget(entry, this.port(entry))) return true;
    }
    return false;
  }

  /** Control: the live entries, each as it was at some moment of the walk. */
  *entries(nowMs: number): Generator<MacRow> {
    const entries = this.#entries;
    for (let at = 0; at < this.#pool.used * STRIDE; at += STRIDE) {
      const state = Atomics.load(entries, at + STATE);
      if ((state & LIVE) === 0) continue;
      const moves = entries[at + PLACE] >>> 16;
      yield {
        mac: macText(entries[at + KEY_HIGH] & 0xffff, entries[at + KEY_LOW]),
        vlan: entries[at + KEY_HIGH] >>> 16,
        port: entries[at + PLACE] & 0xffff,
        ageMs: (state & STATIC) !== 0 ? 0 : Math.max(0, (nowMs - entries[at + SEEN]) | 0),
        static: (state & STATIC) !== 0,
        moves,
        movedMs: moves === 0 ? -1 : Math.max(0, (nowMs - entries[at + MOVED]) | 0),
      };
    }
  }

  /** Control: a worker has died, perhaps in the middle of an entry: its lock is opened, and entries are counted anew. */
  unlockFor(worker: number): void {
    if (!this.#lock.isHeldBy(worker)) return;
    let count = 0;
    for (let entry = 0; entry < this.#pool.used; entry++)
      if ((this.#entries[entry * STRIDE + STATE] & LIVE) !== 0) count++;
    Atomics.store(this.#header, COUNT, count);
    this.#lock.unlock();
  }

  #find(high: number, low: number, hash: number): number {
    const index = this.#index;
    const entries = this.#entries;
    const mask = index.length - BUCKET;
    const tag = hash & TAG;
    let bucket = firstBucket(hash, mask);
    for (let choice = 0; choice < 2; choice++) {
      for (let i = bucket; i < bucket + BUCKET; i++) {
        const word = index[i];
        if ((word & TAG) !== tag || word === 0) continue;
        const at = ((word & ENTRY) - 1) * STRIDE;
        if (entries[at + KEY_HIGH] === high && entries[at + KEY_LOW] === low) return (word & ENTRY) - 1;
      }
      bucket = secondBucket(hash, mask);
    }
    return -1;
  }

  /** Under the lock: looks again, since another thread may have been first. */
  #learnLocked(high: number, low: number, hash: number, port: number, nowMs: number): MacEvent {
    const entries = this.#entries;
    const entry = this.#find(high, low, hash);
    if (entry === -1) {
      this.#pool.reclaim(nowMs);
      return this.#insert(high, low, hash, port, nowMs, LIVE);
    }
    const at = entry * STRIDE;
    const state = entries[at + STATE];
    const place = entries[at + PLACE];
    if ((place & 0xffff) === port) return MacEvent.Unchanged;
    if ((state & STATIC) !== 0) return MacEvent.Static;
    entries[at + SEEN] = nowMs;
    entries[at + MOVED] = nowMs;
    let moves = (state >>> 8) + 1;
    let alarmed = state & ALARMED;
    if (moves === 1 || ((nowMs - entries[at + WINDOW]) | 0) >= FLAP_WINDOW_MS) {
      entries[at + WINDOW] = nowMs;
      moves = 1;
      alarmed = 0;
    }
    const flapping = moves > this.#header[FLAP_MOVES] && alarmed === 0;
    if (flapping) alarmed = ALARMED;
    entries[at + STATE] = LIVE | alarmed | (Math.min(moves, 0xffff) << 8);
    this.#place(at, (((place >>> 16) + 1) << 16) | port);
    return flapping ? MacEvent.Flapping : MacEvent.Moved;
  }

  /** Under the lock. */
  #insert(high: number, low: number, hash: number, port: number, nowMs: number, state: number): MacEvent {
    const header = this.#header;
    const entries = this.#entries;
    if (header[COUNT] >= this.capacity) return MacEvent.Full;
    const entry = this.#pool.take();
    if (entry === -1) return MacEvent.Full;
    const at = entry * STRIDE;
    entries[at + KEY_HIGH] = high;
    entries[at + KEY_LOW] = low;
    entries[at + PLACE] = port;
    entries[at + SEEN] = nowMs;
    entries[at + MOVED] = 0;
    entries[at + WINDOW] = 0;
    Atomics.store(entries, at + STATE, state);
    if (!publish(this.#index, hash, entry)) {
      Atomics.store(entries, at + STATE, 0);
      this.#pool.restore(entry);
      return MacEvent.Full;
    }
    Atomics.store(header, COUNT, header[COUNT] + 1);
    return MacEvent.Added;
  }

  /** Under the lock. */
  #place(at: number, place: number): void {
    Atomics.store(this.#entries, at + PLACE, place);
    Atomics.add(this.#entries, at + VERSION, 1);
    Atomics.add(this.#header, GENERATION, 1);
  }

  /** Under the lock. */
  #remove(entry: number): void {
    const entries = this.#entries;
    const at = entry * STRIDE;
    replace(this.#index, hash2(this.#keys, entries[at + KEY_HIGH], entries[at + KEY_LOW]), entry, -1);
    Atomics.store(entries, at + STATE, 0);
    Atomics.add(entries, at + VERSION, 1);
    Atomics.add(this.#header, GENERATION, 1);
    this.#pool.release(entry);
    Atomics.store(this.#header, COUNT, this.#header[COUNT] - 1);
  }

  /** Removes an entry if it was learned, and on that port. */
  #forget(entry: number, port: number): boolean {
    if ((this.#entries[entry * STRIDE + STATE] & (LIVE | STATIC)) !== LIVE) return false;
    this.#lock.lock();
    const isThere = this.port(entry) === port;
    if (isThere) this.#remove(entry);
    this.#lock.unlock();
    return isThere;
  }
}

function macText(high: number, low: number): string {
  const digits = high.toString(16).padStart(4, '0') + (low >>> 0).toString(16).padStart(8, '0');
  return digits.replace(/(..)(?=.)/g, '$1:');
}
