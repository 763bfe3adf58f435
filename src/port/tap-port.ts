import { Errno } from '../../native-free/errors.ts';
import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { arrive } from './arrival.ts';
import type { Port, TxSink } from './port.ts';

/** Reads in one batch of a port: found by measurement, fewer cost system calls, more cost cache. */
const LEAST = 2;
const MOST = 64;
const FIRST = 4;
/** Bytes of a batch, about: more would not stay in the second cache of a processor until they are written. */
const HOT_BYTES = 256 * 1024;
/** Frames read and not yet received; a power of two, at least MOST. */
const WAITING = 64;

/**
 * What both ways to a TAP share: how many frames to read in the next turn, and those read that wait for `receive`. The batch of a
 * port doubles while it comes back full and else shrinks to what came and one more, so that a busy port is read in large
 * batches and an idle one costs one failed read. Super-frames are read in batches that the processor's cache holds.
 */
export abstract class TapPort implements Port {
  readonly name: string;
  readonly kind: 'tap' | 'netdev';
  readonly offloads: number;
  readonly file: number;
  gone = false;
  readonly dueUs = Number.POSITIVE_INFINITY;
  closing = false;
  /** Whether a read may find a frame: the kernel said so, or the last batch found some. */
  ready = true;
  tenant = 0;
  /** Reads of this turn, and frames that they brought. */
  asked = 0;
  got = 0;
  #bytes = 0;
  protected readonly pool: Pool;
  protected readonly sink: TxSink;
  #credit = 0;
  #batch = FIRST;
  readonly #heads = new Int32Array(WAITING);
  readonly #bodies = new Int32Array(WAITING);
  readonly #lengths = new Int32Array(WAITING);
  #first = 0;
  #waiting = 0;

  constructor(file: number, name: string, offloads: number, kind: 'tap' | 'netdev', pool: Pool, sink: TxSink) {
    this.file = file;
    this.name = name;
    this.offloads = offloads;
    this.kind = kind;
    this.pool = pool;
    this.sink = sink;
  }

  abstract transmit(queue: TxQueue): number;
  abstract close(): boolean;

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.tenant = tenant;
  }

  get pending(): boolean {
    return this.#waiting > 0;
  }

  /** Whether the port would read if there were something to read. */
  get wants(): boolean {
    return this.#credit > this.#waiting && !this.gone && !this.closing;
  }

  /** How many reads to do in this turn. */
  plan(): number {
    this.asked = 0;
    this.got = 0;
    this.#bytes = 0;
    if (!this.ready || this.gone || this.closing) return 0;
    const room = Math.min(this.#credit, WAITING) - this.#waiting;
    const { freeHeads, freeBodies } = this.pool;
    const slots = freeHeads < freeBodies ? freeHeads : freeBodies;
    const most = this.#batch < room ? this.#batch : room;
    return most < slots ? most : slots;
  }

  /** Takes over the slots of a read that brought a frame. */
  arrived(head: number, body: number, length: number): void {
    const at = (this.#first + this.#waiting) & (WAITING - 1);
    this.#waiting++;
    this.#heads[at] = head;
    this.#bodies[at] = body;
    this.#lengths[at] = length;
    this.got++;
    this.#bytes += length;
  }

  /** Draws the conclusion of this turn's reads for the size of the next batch. */
  adapt(): void {
    if (this.asked === 0) return;
    if (this.got < this.asked) this.#batch = this.got + 1;
    else if (this.asked >= this.#batch) this.#batch *= 2;
    if (this.#bytes > 0) {
      // Of frames like those that came.
      const most = ((HOT_BYTES * this.got) / this.#bytes) | 0;
      if (most < this.#batch) this.#batch = most;
    }
    if (this.#batch < LEAST) this.#batch = LEAST;
    else if (this.#batch > MOST) this.#batch = MOST;
  }

  receive(batch: Batch, most: number): number {
    const room = batch.capacity - batch.count;
    let count = this.#waiting < most ? this.#waiting : most;
    if (count > room) count = room;
    const { pool } = this;
    let at = this.#first;
    for (let i = 0; i < count; i++) {
      arrive(batch, pool, this.#heads[at], this.#bodies[at], this.#lengths[at]);
      at = (at + 1) & (WAITING - 1);
    }
    this.#first = at;
    this.#waiting -= count;
    this.#credit -= count;
    return count;
  }

  /** Gives the slots of frames that nobody has received back. */
  forget(): void {
    for (; this.#waiting > 0; this.#waiting--) {
      this.pool.release(this.#heads[this.#first]);
      this.pool.release(this.#bodies[this.#first]);
      this.#first = (this.#first + 1) & (WAITING - 1);
    }
    this.#credit = 0;
  }
}

/** @param result -errno of a write @returns the reason in whose name the frame is lost */
export function lostFor(result: number): number {
  // tun_chr_write_iter gives EIO when the interface is down; source: linux drivers/net/tun.c.
  if (result === -Errno.EIO) return Drop.LinkDown;
  if (result === -Errno.EAGAIN || result === -Errno.ENOBUFS) return Drop.TxFull;
  if (result === -Errno.ECANCELED) return Drop.PortClosed;
  return Drop.TxError;
}
