import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { DelayLine } from './delay-line.ts';
import { lose } from './lose.ts';
import type { Port, TxSink } from './port.ts';

/** What a bad line does to frames on their way out; the words of tc-netem(8). Shares are of 1. */
export interface Impairment {
  /** How long each frame is kept, and by how much more or less, evenly spread: with jitter frames may overtake each other. */
  readonly delayUs: number;
  readonly jitterUs: number;
  /** Share of frames that are lost; that come twice; that go at once, without delay, before those that wait. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Bits a second that the line carries, Ethernet header included, FCS not; null: any. */
  readonly rate: number | null;
  /** Frames that may wait; more are dropped as `tx-full`. */
  readonly queue: number;
  /** The same seed, frames and times give the same losses. */
  readonly seed: number;
}

const FLUSH = 256;
/** Dice have 2^31 sides: what fits into a small integer of V8's. */
const SIDES = 2 ** 31;

/**
 * Any port behind a bad line: frames that leave by it are delayed, lost, doubled, overtaken and slowed down; frames that come in are
 * not touched. It carries no offloads, so that every packet is treated by itself. One worker owns it.
 *
 * While frames wait they are under `held` in the books, and hold no slots. A frame lost by the dice is dropped as `impaired`, one
 * that finds the line full as `tx-full`; the second of two is counted as `cloned`.
 */
export class ImpairPort implements Port {
  readonly name: string;
  readonly kind: Port['kind'];
  readonly offloads = 0;
  readonly #inner: Port;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #clock: () => number;
  readonly #line: DelayLine;
  readonly #queue = new TxQueue(FLUSH);
  readonly #delayUs: number;
  readonly #jitterUs: number;
  readonly #bitUs: number;
  readonly #loss: number;
  readonly #duplicate: number;
  readonly #reorder: number;
  #state: number;
  /** When the line has carried the last frame that it was given. */
  #freeUs = 0;

  /** @param mtu longest packet that leaves by the port, in bytes @param clock monotonic microseconds */
  constructor(inner: Port, impairment: Impairment, mtu: number, pool: Pool, sink: TxSink, clock: () => number) {
    const { delayUs, jitterUs, loss, duplicate, reorder, rate, queue, seed } = impairment;
    this.name = inner.name;
    this.kind = inner.kind;
    this.#inner = inner;
    this.#pool = pool;
    this.#sink = sink;
    this.#clock = clock;
    this.#line = new DelayLine(queue, mtu);
    this.#delayUs = delayUs;
    this.#jitterUs = jitterUs;
    this.#bitUs = rate === null ? 0 : 1e6 / rate;
    this.#loss = Math.round(loss * SIDES);
    this.#duplicate = Math.round(duplicate * SIDES);
    this.#reorder = Math.round(reorder * SIDES);
    this.#state = seed | 0;
  }

  get gone(): boolean {
    return this.#inner.gone;
  }

  get dueUs(): number {
    const { dueUs } = this.#inner;
    const line = this.#line.dueUs;
    return dueUs < line ? dueUs : line;
  }

  request(most: number, tenant: number): void {
    this.#inner.request(most, tenant);
    if (this.#line.count > 0) this.#release(this.#clock());
  }

  get pending(): boolean {
    return this.#inner.pending;
  }

  receive(batch: Batch, most: number): number {
    return this.#inner.receive(batch, most);
  }

  transmit(queue: TxQueue): number {
    const now = this.#clock();
    const { count, head, body, tenant, row } = queue;
    const sink = this.#sink;
    const pool = this.#pool;
    for (let i = 0; i < count; i++) {
      // The same number of throws for every frame: what is lost does not change what becomes of the others.
      const lost = this.#throw() < this.#loss;
      const twice = this.#throw() < this.#duplicate;
      const first = this.#throw() < this.#reorder;
      const wait = this.#wait();
      const waitOfSecond = this.#wait();
      if (lost) sink.lost(tenant[i], row[i], Drop.Impaired);
      else {
        this.#put(queue, i, now, first ? 0 : wait);
        if (twice) {
          sink.cloned(tenant[i], row[i]);
          this.#put(queue, i, now, waitOfSecond);
        }
      }
      pool.release(head[i]);
      pool.release(body[i]);
    }
    this.#release(now);
    return count;
  }

  close(): boolean {
    this.#line.clear((tenant, row) => this.#sink.lost(tenant, row, Drop.PortClosed));
    return this.#inner.close();
  }

  #put(queue: TxQueue, i: number, now: number, wait: number): void {
    const full = this.#line.count === this.#line.capacity;
    const from = this.#freeUs > now ? this.#freeUs : now;
    const carried = from + (queue.headLength[i] + queue.bodyLength[i]) * 8 * this.#bitUs;
    if (this.#line.put(this.#pool, queue, i, carried + wait)) this.#freeUs = carried;
    else this.#sink.lost(queue.tenant[i], queue.row[i], full ? Drop.TxFull : Drop.Mtu);
  }

  /** Hands over what is due. */
  #release(now: number): void {
    const line = this.#line;
    const queue = this.#queue;
    while (line.dueUs <= now) {
      while (line.dueUs <= now && queue.count < FLUSH && line.take(this.#pool, queue));
      // Without slots it stays, and is due still.
      if (queue.count === 0) return;
      const taken = this.#inner.transmit(queue);
      lose(this.#pool, this.#sink, queue, taken, Drop.TxFull);
      queue.count = 0;
    }
  }

  #wait(): number {
    const spread = (this.#throw() / SIDES) * 2 - 1;
    const wait = this.#delayUs + spread * this.#jitterUs;
    return wait > 0 ? wait : 0;
  }

  /** The next number below 2^31. Mulberry32 (T. Ettinger), a generator of one word. */
  #throw(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 1;
  }
}
