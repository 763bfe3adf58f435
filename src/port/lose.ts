import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import type { TxSink } from './port.ts';

/** Gives the references of the frames from `first` on back, and reports them as lost. The queue stays as it is. */
export function lose(pool: Pool, sink: TxSink, queue: TxQueue, first: number, reason: number): void {
  const { count, head, body, tenant, row } = queue;
  for (let i = first; i < count; i++) {
    pool.release(head[i]);
    pool.release(body[i]);
    sink.lost(tenant[i], row[i], reason);
  }
}
