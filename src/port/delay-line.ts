import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { copyBytes } from './copy.ts';

/** Bytes of headers before the packet that an MTU counts: Ethernet, and tags, of which there may be several. */
const HEADERS = 64;

/**
 * Frames that wait for a time of their own, each copied into one of a fixed number of cells, so that none holds a slot of the pool
 * meanwhile. A binary heap of cells by time, and by arrival where times are the same. Frames are complete: no offloads.
 */
export class DelayLine {
  readonly capacity: number;
  count = 0;
  readonly #cell: number;
  readonly #bytes: DataView;
  readonly #due: Float64Array;
  readonly #order: Int32Array;
  readonly #length: Int32Array;
  readonly #tenant: Int32Array;
  readonly #row: Int32Array;
  readonly #port: Int32Array;
  /** Cells: the first `count` are the heap, the others are free. */
  readonly #cells: Int32Array;
  #arrivals = 0;

  /** @param capacity frames that may wait @param mtu longest packet, in bytes */
  constructor(capacity: number, mtu: number) {
    const words = () => new Int32Array(capacity);
    this.capacity = capacity;
    this.#cell = (mtu + HEADERS + 3) & ~3;
    this.#bytes = new DataView(new ArrayBuffer(capacity * this.#cell));
    this.#due = new Float64Array(capacity);
    this.#order = words();
    this.#length = words();
    this.#tenant = words();
    this.#row = words();
    this.#port = words();
    this.#cells = Int32Array.from({ length: capacity }, (_, cell) => cell);
  }

  /** When the next frame is due; infinity when none waits. */
  get dueUs(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#due[this.#cells[0]];
  }

  /** Copies frame i of a queue. @returns false when there is no cell, or none of its size */
  put(pool: Pool, queue: TxQueue, i: number, dueUs: number): boolean {
    const first = queue.headLength[i];
    const second = queue.bodyLength[i];
    if (this.count === this.capacity || first + second > this.#cell) return false;
    const cell = this.#cells[this.count];
    const at = cell * this.#cell;
    copyBytes(pool.bytes, queue.start[i], this.#bytes, at, first);
    if (queue.body[i] >= 0) copyBytes(pool.bytes, queue.bodyStart[i], this.#bytes, at + first, second);
    this.#length[cell] = first + second;
    this.#tenant[cell] = queue.tenant[i];
    this.#row[cell] = queue.row[i];
    this.#port[cell] = queue.port[i];
    this.#due[cell] = dueUs;
    this.#order[cell] = this.#arrivals;
    this.#arrivals = (this.#arrivals + 1) | 0;
    this.#up(this.count++);
    return true;
  }

  /** Moves the frame that is due first into fresh slots and a queue that has room. @returns false when there are no slots */
  take(pool: Pool, queue: TxQueue): boolean {
    const cell = this.#cells[0];
    const length = this.#length[cell];
    let body = -1;
    if (length > layout.HEAD_ROOM && (body = pool.takeBody()) < 0) return false;
    const head = pool.takeHead(this.#tenant[cell]);
    if (head < 0) {
      pool.release(body);
      return false;
    }
    const at = cell * this.#cell;
    const start = pool.frameStart(head);
    const first = body < 0 ? length : layout.HEAD_ROOM;
    pool.octets.fill(0, start - layout.VNET_SIZE, start);
    copyBytes(this.#bytes, at, pool.bytes, start, first);
    const bodyStart = body < 0 ? 0 : pool.position(body);
    if (body >= 0) copyBytes(this.#bytes, at + first, pool.bytes, bodyStart, length - first);
    const tenant = this.#tenant[cell];
    queue.push(head, start, first, body, bodyStart, length - first, tenant, this.#row[cell], this.#port[cell]);
    this.#drop();
    return true;
  }

  /** Forgets the frame that is due first. @returns its cell, whose `tenant` and `row` can be asked for until the next `put` */
  #drop(): number {
    const cells = this.#cells;
    const cell = cells[0];
    this.count--;
    cells[0] = cells[this.count];
    cells[this.count] = cell;
    this.#down();
    return cell;
  }

  /** Forgets all frames, and calls for each. */
  clear(lost: (tenant: number, row: number) => void): void {
    while (this.count > 0) {
      const cell = this.#drop();
      lost(this.#tenant[cell], this.#row[cell]);
    }
  }

  #before(a: number, b: number): boolean {
    const due = this.#due;
    return due[a] < due[b] || (due[a] === due[b] && ((this.#order[a] - this.#order[b]) | 0) < 0);
  }

  #up(from: number): void {
    const cells = this.#cells;
    const cell = cells[from];
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(cell, cells[parent])) break;
      cells[i] = cells[parent];
      i = parent;
    }
    cells[i] = cell;
  }

  #down(): void {
    const cells = this.#cells;
    const { count } = this;
    const cell = cells[0];
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#before(cells[child + 1], cells[child])) child++;
      if (!this.#before(cells[child], cell)) break;
      cells[i] = cells[child];
      i = child;
    }
    cells[i] = cell;
  }
}
