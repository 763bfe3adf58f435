import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import type { Arrivals } from './arrivals.ts';
import { lose } from './lose.ts';
import type { TxSink } from './port.ts';
import { TapPort } from './tap-port.ts';
import type { UringIo } from './uring-io.ts';

/** A queue of a TAP behind the worker's io_uring. Its requests are kept, and told apart, by the UringIo. */
export class UringTap extends TapPort {
  /** Tells this port's poll from that of an earlier port in the same place. */
  readonly generation: number;
  polled = false;
  readonly #io: UringIo;

  constructor(
    io: UringIo,
    file: number,
    generation: number,
    name: string,
    offloads: number,
    kind: 'tap' | 'netdev',
    pool: Pool,
    sink: TxSink,
    arrivals: Arrivals,
  ) {
    super(file, name, offloads, kind, pool, sink, arrivals);
    this.#io = io;
    this.generation = generation;
  }

  transmit(queue: TxQueue): number {
    if (!this.gone && !this.closing) return this.#io.write(this, queue);
    lose(this.pool, this.sink, queue, 0, this.gone ? Drop.TxError : Drop.PortClosed);
    return queue.count;
  }

  close(): boolean {
    return this.#io.closeTap(this);
  }
}
