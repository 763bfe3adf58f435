import { Batch, Fate } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { NeighborState, type NeighborTable } from '../table/neighbor-table.ts';
import { rewrite } from './adjacency.ts';
import type { RouterImage } from './image.ts';
import { PUNT_QUOTE, Punt } from './punt.ts';
import { PuntClass, type Punter } from './punter.ts';
import type { Taps } from './tap/tap.ts';

/** Frames that wait for one neighbour; Linux holds 101 small packets (unres_qlen). */
const MOST_PER_NEIGHBOR = 64;
/** Super-frames among them: their bodies are few, and all tenants share them. */
export const MOST_HELD_BODIES = 64;
/** Longer than the slow path's three probes take. */
const PATIENCE_MS = 5000;
const REMIND_MS = 500;

/**
 * Frames of one tenant on one worker that wait for a next hop to be resolved, in the order in which they came. They stay where
 * they are, in their slots; the slow path only hears that somebody is asked for. When the neighbour table has changed they are
 * looked at again, before any later frame of the batch: what is resolved goes on, what has failed is answered by ICMP.
 * Bounded: 64 frames a neighbour, 256 in all, 64 of them super-frames; 5 seconds.
 */
export class Hold {
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #neighbors: NeighborTable;
  readonly #router: RouterImage;
  readonly #punter: Punter;
  readonly #most: number;
  readonly #taps: Taps | null;
  readonly #frames = new Batch();
  /** Interface and four address words of each frame's next hop; when it came, wrapped milliseconds. */
  readonly #keys = new Int32Array(this.#frames.capacity * 5);
  readonly #since = new Int32Array(this.#frames.capacity);
  /** A bit for each next hop that somebody waits for, so that most others are told apart at once. */
  #filter = 0;
  #bodies = 0;
  #generation = -1;
  #reminded = 0;

  /** @param quota the tenant's frames in flight @param taps see what is dropped */
  constructor(
    pool: Pool,
    ledger: Ledger,
    neighbors: NeighborTable,
    router: RouterImage,
    punter: Punter,
    quota: number,
    taps: Taps | null = null,
  ) {
    this.#pool = pool;
    this.#ledger = ledger;
    this.#neighbors = neighbors;
    this.#router = router;
    this.#punter = punter;
    this.#taps = taps;
    this.#most = Math.min(this.#frames.capacity, quota >> 1);
  }

  get count(): number {
    return this.#frames.count;
  }

  /** Whether earlier frames still wait for this next hop, although it may have been resolved a moment ago. */
  isBehind(iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    if ((this.#filter & filterBit(w3)) === 0) return false;
    const count = this.#frames.count;
    for (let k = 0; k < count; k++) if (this.#is(k, iface, w0, w1, w2, w3)) return true;
    return false;
  }

  /** Lets frame i wait, or drops it when too many do. */
  add(batch: Batch, i: number, iface: number, w0: number, w1: number, w2: number, w3: number): void {
    const frames = this.#frames;
    let same = 0;
    for (let k = 0; k < frames.count; k++) if (this.#is(k, iface, w0, w1, w2, w3)) same++;
    const long = batch.body[i] >= 0;
    if (frames.count >= this.#most || same >= MOST_PER_NEIGHBOR || (long && this.#bodies === MOST_HELD_BODIES)) {
      batch.drop(i, Drop.NeighborQueue);
      return;
    }
    const k = frames.take(batch, i);
    batch.fate[i] = Fate.Held;
    this.#since[k] = batch.nowMs;
    if (long) this.#bodies++;
    this.#filter |= filterBit(w3);
    const at = k * 5;
    const keys = this.#keys;
    keys[at] = iface;
    keys[at + 1] = w0;
    keys[at + 2] = w1;
    keys[at + 3] = w2;
    keys[at + 4] = w3;
    this.#ledger.add(batch.port[i], Column.Held, 1);
    // A frame that another tenant's router handed over waits on this one's account.
    this.#pool.assign(batch.head[i], batch.tenant);
    if (same === 0) this.#ask(batch.nowUs, iface, w0, w1, w2, w3);
  }

  /** Drops frame i, whose next hop does not answer; the sender hears of it. The slow path tries again in its own time. */
  refuse(batch: Batch, i: number): void {
    if (this.#punter.admit(PuntClass.Errors, batch.nowUs)) {
      this.#punter.frame(batch, i, Punt.HostUnreachable, batch.inInterface[i], 0, PUNT_QUOTE);
    }
    batch.drop(i, Drop.NeighborFailed);
  }

  /**
   * Moves frames whose next hop is resolved into `ready`, in order, ready to be bridged; drops those whose next hop has
   * failed or which have waited too long. Called once a turn, before anything is read.
   */
  release(ready: Batch): void {
    const frames = this.#frames;
    if (frames.count === 0) return;
    const generation = this.#neighbors.generation();
    const remind = (ready.nowMs - this.#reminded) | 0;
    if (generation === this.#generation && remind < REMIND_MS && remind >= 0) return;
    this.#reminded = ready.nowMs;
    let left = 0;
    let filter = 0;
    let bodies = 0;
    const count = frames.count;
    let room = true;
    for (let k = 0; k < count; k++) {
      // The table may change under this loop: what comes later must not find resolved what an earlier frame did not.
      if (room && !this.#isKept(k, left, filter) && this.#settle(k, ready)) {
        room = ready.count < ready.capacity;
        continue;
      }
      if (left !== k) {
        frames.move(k, left);
        this.#keys.copyWithin(left * 5, k * 5, k * 5 + 5);
        this.#since[left] = this.#since[k];
      }
      filter |= filterBit(this.#keys[left * 5 + 4]);
      if (frames.body[left] >= 0) bodies++;
      left++;
    }
    frames.count = left;
    this.#filter = filter;
    this.#bodies = bodies;
    if (room) this.#generation = generation;
  }

  /**
   * Takes over what waits in the hold of a router that this one follows. What came by a port, or would leave by an interface, that
   * is gone is dropped.
   */
  takeOver(other: Hold, isGone: (port: number, iface: number) => boolean): void {
    const from = other.#frames;
    const frames = this.#frames;
    for (let k = 0; k < from.count; k++) {
      if (isGone(from.port[k], other.#keys[k * 5]) || frames.count >= this.#most) {
        other.#drop(k, Drop.PortClosed);
        continue;
      }
      const to = frames.take(from, k);
      frames.fate[to] = Fate.Held;
      for (let w = 0; w < 5; w++) this.#keys[to * 5 + w] = other.#keys[k * 5 + w];
      this.#since[to] = other.#since[k];
      this.#filter |= filterBit(this.#keys[to * 5 + 4]);
      if (from.body[k] >= 0) this.#bodies++;
    }
    from.count = 0;
  }

  /** Drops everything that waits, when the tenant or its router goes. */
  clear(reason: number): void {
    const frames = this.#frames;
    for (let k = 0; k < frames.count; k++) this.#drop(k, reason);
    frames.count = 0;
    this.#filter = 0;
    this.#bodies = 0;
  }

  /** @returns whether frame k waits no more */
  #settle(k: number, ready: Batch): boolean {
    const keys = this.#keys;
    const at = k * 5;
    const neighbors = this.#neighbors;
    const frames = this.#frames;
    const entry = neighbors.find(keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4]);
    if (entry >= 0 && neighbors.usable(entry)) {
      this.#ledger.add(frames.port[k], Column.Held, -1);
      const i = ready.take(frames, k);
      ready.fate[i] = Fate.Live;
      rewrite(ready, i, this.#pool.bytes, this.#router, neighbors.macHi(entry), neighbors.macLo(entry));
      return true;
    }
    const failed = entry >= 0 && neighbors.state(entry) === NeighborState.Failed;
    if (failed || ((ready.nowMs - this.#since[k]) | 0) > PATIENCE_MS) {
      if (this.#punter.admit(PuntClass.Errors, ready.nowUs)) {
        this.#punter.frame(frames, k, Punt.HostUnreachable, frames.inInterface[k], 0, PUNT_QUOTE);
      }
      this.#drop(k, Drop.NeighborFailed);
      return true;
    }
    // Nobody answers for it yet: the first request may have been refused by the rate of punts.
    if (entry < 0 && this.#isFirst(k))
      this.#ask(ready.nowUs, keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4]);
    return false;
  }

  #drop(k: number, reason: number): void {
    const frames = this.#frames;
    this.#ledger.add(frames.port[k], Column.Held, -1);
    this.#ledger.drop(frames.port[k], reason);
    this.#taps?.frame(frames, k, reason);
    this.#pool.release(frames.head[k]);
    this.#pool.release(frames.body[k]);
  }

  #ask(nowUs: number, iface: number, w0: number, w1: number, w2: number, w3: number): void {
    if (this.#punter.admit(PuntClass.Resolve, nowUs)) this.#punter.address(Punt.Resolve, iface, w0, w1, w2, w3);
  }

  #is(k: number, iface: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const keys = this.#keys;
    const at = k * 5;
    return (
      keys[at + 4] === w3 && keys[at] === iface && keys[at + 3] === w2 && keys[at + 2] === w1 && keys[at + 1] === w0
    );
  }

  /** Whether frame k waits for the next hop of one of the first `left` frames, which stay. */
  #isKept(k: number, left: number, filter: number): boolean {
    const keys = this.#keys;
    const at = k * 5;
    if ((filter & filterBit(keys[at + 4])) === 0) return false;
    for (let j = 0; j < left; j++) {
      if (this.#is(j, keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4])) return true;
    }
    return false;
  }

  #isFirst(k: number): boolean {
    const keys = this.#keys;
    const at = k * 5;
    for (let j = 0; j < k; j++) {
      if (this.#is(j, keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4])) return false;
    }
    return true;
  }
}

function filterBit(word: number): number {
  return 1 << ((word ^ (word >>> 8)) & 31);
}
