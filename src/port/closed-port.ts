import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import type { Port, TxSink } from './port.ts';

/** Stands where a device is no longer, or not yet: takes everything and loses it. */
export class ClosedPort implements Port {
  readonly name: string;
  readonly kind = 'closed';
  readonly offloads = 0;
  readonly gone = true;
  readonly dueUs = Number.POSITIVE_INFINITY;
  readonly pending = false;
  readonly #pool: Pool;
  readonly #sink: TxSink;

  constructor(name: string, pool: Pool, sink: TxSink) {
    this.name = name;
    this.#pool = pool;
    this.#sink = sink;
  }

  request(_most: number, _tenant: number): void {}

  receive(_batch: Batch, _most: number): number {
    return 0;
  }

  transmit(queue: TxQueue): number {
    lose(this.#pool, this.#sink, queue, 0, Drop.PortClosed);
    return queue.count;
  }

  close(): boolean {
    return true;
  }
}

/** Gives the references of the frames from `first` on back, and reports them as lost. The queue stays as it is. */
export function lose(pool: Pool, sink: TxSink, queue: TxQueue, first: number, reason: number): void {
  const { count, head, body, tenant, row } = queue;
  for (let i = first; i < count; i++) {
    pool.release(head[i]);
    pool.release(body[i]);
    sink.lost(tenant[i], row[i], reason);
  }
}
