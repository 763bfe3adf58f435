import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { lose } from './lose.ts';
import { type TapParts, TapPort } from './tap-port.ts';
import type { UringIo } from './uring-io.ts';

/** A queue of a TAP behind the worker's io_uring. Its requests are kept, and told apart, by the UringIo. */
export class UringTap extends TapPort {
  /** Tells this port's poll from that of an earlier port in the same place. */
  readonly generation: number;
  polled = false;
  readonly #io: UringIo;

  constructor(io: UringIo, generation: number, parts: TapParts) {
    super(parts);
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
