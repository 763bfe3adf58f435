import type { Batch } from '../frame/batch.ts';
import { Bell } from '../frame/bell.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { arrivePlain } from './arrival.ts';
import { copyBytes } from './copy.ts';
import { lose } from './lose.ts';
import type { Port, TxSink } from './port.ts';

/** What the two sides of a port share: rings of frames, and words. */
export interface CapHandles {
  readonly in: SharedArrayBuffer;
  readonly out: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

/** Frames handed over and not yet reported, at most; a power of two. */
const IN_FLIGHT = 1024;
/** The bell that the worker rings when there is something to send. Main thread: frames sent or refused, and what became of each. */
const Word = { Bell: 0, Done: 16, Outcomes: 32 } as const;
const Outcome = { Sent: 0, Refused: 1 } as const;
const RING = 1 << 21;
/** Before each frame that comes in a word that says whether it was cut off. */
const FLAG = 4;
/** Calls of `close` after which frames that nobody reports count as lost. */
const PATIENCE = 50;

/** The main thread's side of a port, where libpcap is. */
export class CapEnd {
  readonly handles: CapHandles;
  readonly #in: Ring;
  readonly #out: Ring;
  readonly #words: Int32Array;
  /** Rung by the worker. */
  readonly bell: Bell;

  constructor() {
    this.#in = Ring.create(RING);
    this.#out = Ring.create(RING);
    const words = new SharedArrayBuffer((Word.Outcomes + IN_FLIGHT) * 4);
    this.#words = new Int32Array(words);
    this.bell = new Bell(this.#words, Word.Bell);
    this.handles = { in: this.#in.memory, out: this.#out.memory, words };
  }

  /** Hands a frame to the worker, a copy. @returns false when the ring is full */
  push(frame: Uint8Array, truncated: boolean): boolean {
    const at = this.#in.reserve(FLAG + frame.length);
    if (at < 0) return false;
    this.#in.bytes.setInt32(at, truncated ? 1 : 0, true);
    this.#in.octets.set(frame, at + FLAG);
    this.#in.commit();
    return true;
  }

  /**
   * Sends what the worker has handed over.
   * @param send gets each frame at the beginning of `buffer`, and says whether it was sent
   * @returns frames taken
   */
  drain(buffer: Uint8Array, send: (length: number) => boolean): number {
    let taken = 0;
    for (let at = this.#out.peek(); at >= 0; at = this.#out.peek()) {
      const length = this.#out.lengthAt(at);
      buffer.set(this.#out.octets.subarray(at, at + length));
      this.#out.pop();
      const done = this.#words[Word.Done];
      this.#words[Word.Outcomes + (done & (IN_FLIGHT - 1))] = send(length) ? Outcome.Sent : Outcome.Refused;
      Atomics.store(this.#words, Word.Done, (done + 1) | 0);
      taken++;
    }
    return taken;
  }
}

/**
 * A device seen through libpcap, which can be loaded on the main thread alone: frames go through rings to it and come from it.
 * No offloads; what libpcap refuses is dropped as `tx-error`, and until it has said which, a frame is held.
 */
export class CapPort implements Port {
  readonly name: string;
  readonly kind = 'cap';
  readonly offloads = 0;
  readonly gone = false;
  readonly dueUs = Number.POSITIVE_INFINITY;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #in: Ring;
  readonly #out: Ring;
  readonly #words: Int32Array;
  readonly #bell: Bell;
  readonly #tenants = new Int32Array(IN_FLIGHT);
  readonly #rows = new Int32Array(IN_FLIGHT);
  readonly #ports = new Int32Array(IN_FLIGHT);
  readonly #lengths = new Int32Array(IN_FLIGHT);
  #credit = 0;
  #tenant = 0;
  /** Frames handed over, and of those the ones reported; both wrap as the main thread's count does. */
  #handed = 0;
  #reported = 0;
  #closing = 0;

  constructor(name: string, handles: CapHandles, pool: Pool, sink: TxSink) {
    this.name = name;
    this.#pool = pool;
    this.#sink = sink;
    this.#in = new Ring(handles.in);
    this.#out = new Ring(handles.out);
    this.#words = new Int32Array(handles.words);
    this.#bell = new Bell(this.#words, Word.Bell);
  }

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.#tenant = tenant;
    if (this.#reported !== this.#handed) this.#report();
  }

  get pending(): boolean {
    return this.#credit > 0 && !this.#in.empty;
  }

  receive(batch: Batch, most: number): number {
    const ring = this.#in;
    const limit = Math.min(most, this.#credit, batch.capacity - batch.count);
    let taken = 0;
    for (let at = ring.peek(); taken < limit && at >= 0; at = ring.peek()) {
      const length = ring.lengthAt(at) - FLAG;
      if (!arrivePlain(batch, this.#pool, this.#tenant, ring.bytes, at + FLAG, length)) break;
      if (ring.bytes.getInt32(at, true) !== 0) batch.drop(batch.count - 1, Drop.Truncated);
      ring.pop();
      taken++;
    }
    this.#credit -= taken;
    return taken;
  }

  transmit(queue: TxQueue): number {
    const ring = this.#out;
    const pool = this.#pool;
    if (this.#closing > 0) {
      lose(pool, this.#sink, queue, 0, Drop.PortClosed);
      return queue.count;
    }
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    let i = 0;
    for (; i < count && ((this.#handed - this.#reported) | 0) < IN_FLIGHT; i++) {
      const length = headLength[i] + bodyLength[i];
      const at = ring.reserve(length);
      if (at < 0) break;
      copyBytes(pool.bytes, start[i], ring.bytes, at, headLength[i]);
      if (body[i] >= 0) copyBytes(pool.bytes, bodyStart[i], ring.bytes, at + headLength[i], bodyLength[i]);
      ring.commit();
      pool.release(head[i]);
      pool.release(body[i]);
      const place = this.#handed & (IN_FLIGHT - 1);
      this.#tenants[place] = tenant[i];
      this.#rows[place] = row[i];
      this.#ports[place] = port[i];
      this.#lengths[place] = length;
      this.#handed = (this.#handed + 1) | 0;
    }
    if (i > 0) this.#bell.ring();
    return i;
  }

  close(): boolean {
    this.#credit = 0;
    this.#closing++;
    this.#report();
    if (this.#reported !== this.#handed && this.#closing < PATIENCE) return false;
    while (this.#reported !== this.#handed) this.#settle(Drop.PortClosed);
    return true;
  }

  #report(): void {
    const done = Atomics.load(this.#words, Word.Done);
    while (this.#reported !== done && this.#reported !== this.#handed) {
      const outcome = this.#words[Word.Outcomes + (this.#reported & (IN_FLIGHT - 1))];
      this.#settle(outcome === Outcome.Sent ? -1 : Drop.TxError);
    }
  }

  /** Reports the oldest frame that is under way. @param reason -1: it was sent */
  #settle(reason: number): void {
    const place = this.#reported & (IN_FLIGHT - 1);
    this.#reported = (this.#reported + 1) | 0;
    const tenant = this.#tenants[place];
    if (reason >= 0) this.#sink.lost(tenant, this.#rows[place], reason);
    else this.#sink.sent(tenant, this.#rows[place], this.#ports[place], 1, this.#lengths[place]);
  }
}
