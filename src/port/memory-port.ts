import type { Batch } from '../frame/batch.ts';
import { VNET_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { arriveCopy } from './arrival.ts';
import { copyBytes } from './copy.ts';
import type { Port, TxSink } from './port.ts';

/** What the two sides of a memory port share; can be posted to another thread. */
export interface MemoryHandles {
  /** Frames on their way into the switch. */
  readonly in: SharedArrayBuffer;
  /** Frames on their way out of the switch. */
  readonly out: SharedArrayBuffer;
}

const DEFAULT_CAPACITY = 1 << 20;

/**
 * The far side of a memory port, in the place of a cable: what a test, or another thread, sends and receives with. A record of
 * both rings is the virtio-net header (10 bytes) and the frame.
 */
export class MemoryEnd {
  readonly #in: Ring;
  readonly #out: Ring;
  /** Virtio-net header of the frame that `receive` returned last. */
  vnet = new Uint8Array(VNET_SIZE);

  /** @param capacity bytes of each ring, a power of two; a frame may take half of it */
  static create(capacity: number = DEFAULT_CAPACITY): MemoryEnd {
    return new MemoryEnd({ in: Ring.create(capacity).memory, out: Ring.create(capacity).memory });
  }

  constructor(handles: MemoryHandles) {
    this.#in = new Ring(handles.in);
    this.#out = new Ring(handles.out);
  }

  handles(): MemoryHandles {
    return { in: this.#in.memory, out: this.#out.memory };
  }

  /**
   * @param vnet virtio-net header of 10 bytes; all zero (a complete frame) if absent
   * @returns false when the ring is full
   */
  send(frame: Uint8Array, vnet?: Uint8Array): boolean {
    const at = this.#in.reserve(VNET_SIZE + frame.length);
    if (at < 0) return false;
    const { octets } = this.#in;
    if (vnet === undefined) octets.fill(0, at, at + VNET_SIZE);
    else octets.set(vnet.subarray(0, VNET_SIZE), at);
    octets.set(frame, at + VNET_SIZE);
    this.#in.commit();
    return true;
  }

  /** @returns a copy of the oldest frame that has left the switch, or null */
  receive(): Uint8Array<ArrayBuffer> | null {
    const at = this.#out.peek();
    if (at < 0) return null;
    const record = new Uint8Array(this.#out.lengthAt(at));
    record.set(this.#out.octets.subarray(at, at + record.length));
    this.#out.pop();
    this.vnet = record.subarray(0, VNET_SIZE);
    return record.slice(VNET_SIZE);
  }
}

/**
 * A port made of two rings in shared memory: first of all for tests, which then need neither privileges nor devices. Frames are
 * copied in and out, so that slots never leave the worker. Without offloads (the default) all that comes out is complete.
 */
export class MemoryPort implements Port {
  readonly name: string;
  readonly kind = 'memory';
  readonly offloads: number;
  readonly gone = false;
  readonly dueUs = Number.POSITIVE_INFINITY;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #in: Ring;
  readonly #out: Ring;
  #credit = 0;
  #tenant = 0;

  constructor(name: string, handles: MemoryHandles, pool: Pool, sink: TxSink, offloads = 0) {
    this.name = name;
    this.offloads = offloads;
    this.#pool = pool;
    this.#sink = sink;
    this.#in = new Ring(handles.in);
    this.#out = new Ring(handles.out);
  }

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.#tenant = tenant;
  }

  get pending(): boolean {
    return this.#credit > 0 && !this.#in.empty;
  }

  receive(batch: Batch, most: number): number {
    const ring = this.#in;
    const pool = this.#pool;
    const limit = Math.min(most, this.#credit, batch.capacity - batch.count);
    let taken = 0;
    while (taken < limit) {
      const at = ring.peek();
      if (at < 0) break;
      if (!arriveCopy(batch, pool, this.#tenant, ring.bytes, at, ring.lengthAt(at))) break;
      ring.pop();
      taken++;
    }
    this.#credit -= taken;
    return taken;
  }

  transmit(queue: TxQueue): number {
    const ring = this.#out;
    const pool = this.#pool;
    const { bytes } = pool;
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    let i = 0;
    for (; i < count; i++) {
      const length = headLength[i] + bodyLength[i];
      const at = ring.reserve(VNET_SIZE + length);
      if (at < 0) break;
      if (this.offloads === 0) for (let j = 0; j < VNET_SIZE; j++) ring.bytes.setUint8(at + j, 0);
      else copyBytes(bytes, start[i] - VNET_SIZE, ring.bytes, at, VNET_SIZE);
      copyBytes(bytes, start[i], ring.bytes, at + VNET_SIZE, headLength[i]);
      if (body[i] >= 0) copyBytes(bytes, bodyStart[i], ring.bytes, at + VNET_SIZE + headLength[i], bodyLength[i]);
      ring.commit();
      pool.release(head[i]);
      pool.release(body[i]);
      this.#sink.sent(tenant[i], row[i], port[i], 1, length);
    }
    return i;
  }

  /** Nothing is ever in flight. What lies in the rings stays there. */
  close(): boolean {
    this.#credit = 0;
    return true;
  }
}
