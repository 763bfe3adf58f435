import { Errno } from '../../native-free/errors.ts';
import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { type Arrivals, PLACES, TapState } from './arrivals.ts';
import type { Port, TxSink } from './port.ts';

/** Reads in one batch of a port: found by measurement, fewer cost system calls, more cost cache. */
const LEAST = 2;
const MOST = PLACES;
const FIRST = 4;
/**
 * Bytes of a batch, about, found by measurement: fewer super-frames a call make more work of receivers, which are woken for each call, than the
 * nearer caches save; more bring nothing.
 */
const HOT_BYTES = 2048 * 1024;

/** A TAP, and what the worker's TAPs share. */
export interface TapParts {
  readonly name: string;
  readonly kind: 'tap' | 'netdev';
  readonly offloads: number;
  /** Its place among the worker's TAPs. */
  readonly file: number;
  readonly pool: Pool;
  readonly sink: TxSink;
  readonly arrivals: Arrivals;
}

/**
 * What both ways to a TAP share: how many frames to read in the next turn. The batch of a
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
  /** Whether a read may find a frame: the kernel said so, or the last batch found some. */
  ready = true;
  tenant = 0;
  /** Reads of this turn. */
  asked = 0;
  protected readonly pool: Pool;
  protected readonly sink: TxSink;
  #credit = 0;
  #batch = FIRST;
  readonly #arrivals: Arrivals;
  readonly #states: Int32Array;
  /** Where its states begin. */
  readonly #at: number;

  constructor({ name, kind, offloads, file, pool, sink, arrivals }: TapParts) {
    this.file = file;
    this.name = name;
    this.offloads = offloads;
    this.kind = kind;
    this.pool = pool;
    this.sink = sink;
    this.#arrivals = arrivals;
    this.#states = arrivals.ports;
    this.#at = file * TapState.WIDTH;
    arrivals.begin(file);
  }

  abstract transmit(queue: TxQueue): number;
  abstract close(): boolean;

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.tenant = tenant;
  }

  get #waiting(): number {
    return this.#states[this.#at + TapState.Waiting];
  }

  get pending(): boolean {
    return this.#waiting > 0;
  }

  /** Frames that the reads of this turn brought. */
  get got(): number {
    return this.#states[this.#at + TapState.Got];
  }

  /** Reads and writes that the kernel has not answered. */
  get inFlight(): number {
    return this.#states[this.#at + TapState.InFlight];
  }

  /** Says that so many more, or fewer, are under way. */
  fly(more: number): void {
    this.#states[this.#at + TapState.InFlight] += more;
  }

  /** The read that waits for a frame; -1: none does. */
  get waitsIn(): number {
    return this.#states[this.#at + TapState.WaitsIn];
  }

  set waitsIn(request: number) {
    this.#states[this.#at + TapState.WaitsIn] = request;
  }

  get closing(): boolean {
    return this.#states[this.#at + TapState.Closing] !== 0;
  }

  set closing(closing: boolean) {
    this.#states[this.#at + TapState.Closing] = closing ? 1 : 0;
  }

  /** Whether the port would read if there were something to read. */
  get wants(): boolean {
    return this.#credit > this.#waiting && !this.gone && !this.closing;
  }

  /** How many reads to do in this turn. */
  plan(): number {
    this.asked = 0;
    this.#states[this.#at + TapState.Got] = 0;
    this.#states[this.#at + TapState.Bytes] = 0;
    if (!this.ready || this.gone || this.closing) return 0;
    const room = (this.#credit < MOST ? this.#credit : MOST) - this.#waiting;
    const { freeHeads, freeBodies } = this.pool;
    const slots = freeHeads < freeBodies ? freeHeads : freeBodies;
    const most = this.#batch < room ? this.#batch : room;
    return most < slots ? most : slots;
  }

  /** Takes over the slots of a read that brought a frame. */
  arrived(head: number, body: number, length: number): void {
    this.#arrivals.add(this.file, head, body, length);
  }

  /** Draws the conclusion of a batch for the next one. */
  adapt(): void {
    if (this.asked === 0) return;
    const { got } = this;
    if (got < this.asked) this.#batch = got + 1;
    else if (this.asked >= this.#batch) this.#batch *= 2;
    const bytes = this.#states[this.#at + TapState.Bytes];
    if (bytes > 0) {
      // Of frames like those that came.
      const most = ((HOT_BYTES * got) / bytes) | 0;
      if (most < this.#batch) this.#batch = most;
    }
    if (this.#batch < LEAST) this.#batch = LEAST;
    else if (this.#batch > MOST) this.#batch = MOST;
  }

  receive(batch: Batch, most: number): number {
    const count = this.#arrivals.receive(this.file, batch, most);
    this.#credit -= count;
    return count;
  }

  /** Gives the slots of frames that nobody has received back. */
  forget(): void {
    this.#arrivals.forget(this.file);
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
