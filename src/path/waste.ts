import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { Outputs } from './outputs.ts';
import { type DropTap, offloadOf } from './tap/tap.ts';

/** Drops outputs: books the reason in the row where the frame came from and gives the references back. */
export class Waste {
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #tap: DropTap | null;

  /** @param tap sees what is dropped */
  constructor(pool: Pool, ledger: Ledger, tap: DropTap | null = null) {
    this.#pool = pool;
    this.#ledger = ledger;
    this.#tap = tap;
  }

  output(batch: Batch, outputs: Outputs, o: number, reason: number): void {
    const i = outputs.frame[o];
    if (this.#tap !== null) this.#show(this.#tap, batch, outputs, o, reason);
    outputs.port[o] = -1;
    this.#ledger.drop(batch.port[i], reason);
    this.#pool.release(outputs.head[o]);
    this.#pool.release(batch.body[i]);
  }

  #show(tap: DropTap, batch: Batch, outputs: Outputs, o: number, reason: number): void {
    const i = outputs.frame[o];
    const { bodyStart, bodyLength } = batch;
    const offload = offloadOf(batch, i);
    const { port, start, headLength } = outputs;
    tap.dropped(batch.port[i], port[o], reason, start[o], headLength[o], bodyStart[i], bodyLength[i], offload);
  }
}
