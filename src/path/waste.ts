import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { Outputs } from './outputs.ts';

/** Drops outputs: books the reason in the row where the frame came from and gives the references back. */
export class Waste {
  readonly #pool: Pool;
  readonly #ledger: Ledger;

  constructor(pool: Pool, ledger: Ledger) {
    this.#pool = pool;
    this.#ledger = ledger;
  }

  output(batch: Batch, outputs: Outputs, o: number, reason: number): void {
    const i = outputs.frame[o];
    outputs.port[o] = -1;
    this.#ledger.drop(batch.port[i], reason);
    this.#pool.release(outputs.head[o]);
    this.#pool.release(batch.body[i]);
  }
}
