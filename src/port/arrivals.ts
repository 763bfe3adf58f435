import { type Batch, Fate } from '../frame/batch.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { apart, ownText } from '../own-text.ts';
import { HEAD_FILL, LONGEST_READ } from './arrival.ts';
import { columnsOf, openFramesLoop, sumFramesLoop, type Take, takeFramesLoop } from './arrival-loops.ts';

/** Frames of a port that were read and not yet received, at most. */
export const PLACES = 128;

/** What is known of each port, as columns of `Arrivals.ports`: loops work on the ports of a worker through one array. */
export const TapState = {
  /** Frames that wait to be received. */
  Waiting: 0,
  /** Frames, and bytes, that the reads of this turn have brought. */
  Got: 1,
  Bytes: 2,
  /** Reads and writes that the kernel has not answered. */
  InFlight: 3,
  /** The read that waits for a frame; -1: none does. */
  WaitsIn: 4,
  /** 1: what comes now is given back. */
  Closing: 5,
  WIDTH: 8,
} as const;

/** What the TAPs of a worker have read: frames that wait to be received, the ports by place. */
export class Arrivals {
  readonly heads: Int32Array;
  readonly bodies: Int32Array;
  readonly lengths: Int32Array;
  /** `TapState`. */
  readonly ports: Int32Array;
  readonly #pool: Pool;
  readonly #found = new Float64Array(2);
  /** Loops, and the batch that they were made for: a worker has one for what its ports receive. */
  #batch: Batch | null = null;
  #take: Take = () => 0;
  #open: Take = () => 0;
  #sum: Take = () => 0;

  constructor(ports: number, pool: Pool) {
    this.#pool = pool;
    this.heads = new Int32Array(ports * PLACES);
    this.bodies = new Int32Array(ports * PLACES);
    this.lengths = new Int32Array(ports * PLACES);
    this.ports = new Int32Array(ports * TapState.WIDTH);
  }

  /** A port opens at a place. */
  begin(place: number): void {
    const at = place * TapState.WIDTH;
    this.ports.fill(0, at, at + TapState.WIDTH);
    this.ports[at + TapState.WaitsIn] = -1;
  }

  /** Keeps a frame that a port has read, with its slots. */
  add(place: number, head: number, body: number, length: number): void {
    const { ports } = this;
    const at = place * TapState.WIDTH;
    const row = place * PLACES + ports[at + TapState.Waiting]++;
    this.heads[row] = head;
    this.bodies[row] = body;
    this.lengths[row] = length;
    ports[at + TapState.Got]++;
    ports[at + TapState.Bytes] += length;
  }

  /** Appends frames of a port to a batch. @returns how many */
  receive(place: number, batch: Batch, most: number): number {
    const waiting = this.ports[place * TapState.WIDTH + TapState.Waiting];
    const first = batch.count;
    const room = batch.capacity - first;
    let count = waiting < most ? waiting : most;
    if (count > room) count = room;
    if (count === 0) return 0;
    if (batch !== this.#batch) this.#into(batch);
    const from = place * PLACES;
    const odd = apart(this.#take, from, count, first, 0);
    batch.count = first + count;
    batch.bytes += this.#found[0];
    const sums = this.#found[1] > 0;
    if (odd > 0 || (first > 0 && (sums || batch.summed))) {
      batch.plain = false;
      batch.spread();
      apart(this.#open, from, count, first, 0);
    } else if (first === 0 && batch.plain) {
      batch.bare = true;
      batch.summed = sums;
      if (sums) apart(this.#sum, from, count, first, 0);
    } else batch.clean(first);
    this.#shift(place, count, waiting);
    return count;
  }

  /** Gives the slots of frames that nobody has received back. */
  forget(place: number): void {
    const at = place * TapState.WIDTH + TapState.Waiting;
    for (let k = 0; k < this.ports[at]; k++) {
      this.#pool.release(this.heads[place * PLACES + k]);
      this.#pool.release(this.bodies[place * PLACES + k]);
    }
    this.ports[at] = 0;
  }

  #shift(place: number, taken: number, waiting: number): void {
    this.ports[place * TapState.WIDTH + TapState.Waiting] = waiting - taken;
    if (taken === waiting) return;
    const from = place * PLACES;
    this.heads.copyWithin(from, from + taken, from + waiting);
    this.bodies.copyWithin(from, from + taken, from + waiting);
    this.lengths.copyWithin(from, from + taken, from + waiting);
  }

  #into(batch: Batch): void {
    const { heads, bodies, lengths } = this;
    const context = {
      ...this.#pool.stacks,
      ...{ heads, bodies, lengths, halves: new Uint16Array(this.#pool.memory), found: this.#found },
      ...columnsOf(batch),
      ...{ headStride: layout.HEAD_STRIDE, headStart: layout.HEAD_START, headFill: HEAD_FILL },
      ...{ headRoom: layout.HEAD_ROOM, bodyStride: layout.BODY_STRIDE, vnetSize: layout.VNET_SIZE },
      ...{ longest: LONGEST_READ, live: Fate.Live, dropped: Fate.Dropped, truncated: Drop.Truncated },
    };
    this.#batch = batch;
    this.#take = ownText(takeFramesLoop, context, 'taps');
    this.#open = ownText(openFramesLoop, context, 'taps');
    this.#sum = ownText(sumFramesLoop, context, 'taps');
  }
}
