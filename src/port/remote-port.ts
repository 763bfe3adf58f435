import { signalEventfd } from '../../native-free/eventfd.ts';
import type { Batch } from '../frame/batch.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { HEAD_FILL } from './arrival.ts';
import { copyBytes } from './copy.ts';
import type { Port } from './port.ts';

/** A record: tenant, row, port, a word of nothing, the virtio-net header, the frame. */
const RECORD = { Tenant: 0, Row: 4, Port: 8, Vnet: 16 } as const;
const OVERHEAD = RECORD.Vnet + layout.VNET_SIZE;

/** Books of a worker, of frames that go from worker to worker. */
export interface Lending {
  lent(tenant: number, row: number): void;
  borrowed(tenant: number, row: number): void;
}

/**
 * A device with one queue, seen by a worker that does not own it: frames are copied into a ring, one for each pair of worker and
 * device, which the owner drains into its own pool and writes.
 *
 * The books: the sender had the frame under `held` and books it as lent; the owner books it as borrowed and held, in the name of the row
 * that the frame came from, and later as sent or lost. So each worker's ledger is exact, and what is lent and not borrowed is in rings.
 */
export class RemotePort implements Port {
  readonly name: string;
  readonly kind = 'remote';
  readonly offloads: number;
  readonly gone = false;
  readonly dueUs = Number.POSITIVE_INFINITY;
  readonly pending = false;
  readonly #pool: Pool;
  readonly #ring: Ring;
  readonly #ownerWakeFd: number;
  readonly #books: Lending;

  /** @param outbox memory of a `Ring` @param ownerWakeFd the owner's eventfd @param offloads those of the owner's port */
  constructor(name: string, outbox: SharedArrayBuffer, ownerWakeFd: number, pool: Pool, books: Lending, offloads = 0) {
    this.name = name;
    this.offloads = offloads;
    this.#pool = pool;
    this.#ring = new Ring(outbox);
    this.#ownerWakeFd = ownerWakeFd;
    this.#books = books;
  }

  request(_most: number, _tenant: number): void {}

  receive(_batch: Batch, _most: number): number {
    return 0;
  }

  transmit(queue: TxQueue): number {
    const ring = this.#ring;
    const pool = this.#pool;
    const from = pool.bytes;
    const to = ring.bytes;
    const { count, head, start, headLength, body, bodyStart, bodyLength, tenant, row, port } = queue;
    let i = 0;
    for (; i < count; i++) {
      const at = ring.reserve(OVERHEAD + headLength[i] + bodyLength[i]);
      if (at < 0) break;
      to.setInt32(at + RECORD.Tenant, tenant[i], true);
      to.setInt32(at + RECORD.Row, row[i], true);
      to.setInt32(at + RECORD.Port, port[i], true);
      const first = headLength[i] + layout.VNET_SIZE;
      copyBytes(from, start[i] - layout.VNET_SIZE, to, at + RECORD.Vnet, first);
      if (body[i] >= 0) copyBytes(from, bodyStart[i], to, at + RECORD.Vnet + first, bodyLength[i]);
      ring.commit();
      this.#books.lent(tenant[i], row[i]);
      pool.release(head[i]);
      pool.release(body[i]);
    }
    // Whether the owner sleeps cannot be told from here without a race; once a batch, asking costs as much as telling.
    if (i > 0 && this.#ownerWakeFd >= 0) signalEventfd(this.#ownerWakeFd);
    return i;
  }

  close(): boolean {
    return true;
  }
}

/** The owner's end of the ring of one other worker and one device. */
export class RemoteInbox {
  readonly #pool: Pool;
  readonly #ring: Ring;
  readonly #books: Lending;

  constructor(outbox: SharedArrayBuffer, pool: Pool, books: Lending) {
    this.#pool = pool;
    this.#books = books;
    this.#ring = new Ring(outbox);
  }

  get pending(): boolean {
    return !this.#ring.empty;
  }

  /**
   * Moves frames into the queue of the device, their slots charged to the tenants that they belong to. What finds no slot or no
   * place in the queue stays in the ring, which then fills, and the sender counts its loss.
   * @returns frames moved
   */
  drain(queue: TxQueue): number {
    const ring = this.#ring;
    const pool = this.#pool;
    const from = ring.bytes;
    let moved = 0;
    for (let at = ring.peek(); at >= 0 && queue.count < queue.capacity; at = ring.peek()) {
      const length = ring.lengthAt(at) - RECORD.Vnet;
      const tenant = from.getInt32(at + RECORD.Tenant, true);
      let body = -1;
      if (length > HEAD_FILL && (body = pool.takeBody()) < 0) break;
      const head = pool.takeHead(tenant);
      if (head < 0) {
        pool.release(body);
        break;
      }
      const first = body < 0 ? length : HEAD_FILL;
      const start = pool.frameStart(head);
      copyBytes(from, at + RECORD.Vnet, pool.bytes, start - layout.VNET_SIZE, first);
      const bodyStart = body < 0 ? 0 : pool.position(body);
      if (body >= 0) copyBytes(from, at + RECORD.Vnet + first, pool.bytes, bodyStart, length - first);
      const row = from.getInt32(at + RECORD.Row, true);
      const port = from.getInt32(at + RECORD.Port, true);
      queue.push(head, start, first - layout.VNET_SIZE, body, bodyStart, length - first, tenant, row, port);
      ring.pop();
      this.#books.borrowed(tenant, row);
      moved++;
    }
    return moved;
  }
}
