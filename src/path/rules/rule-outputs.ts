import type { Batch } from '../../frame/batch.ts';
import type { Egress } from '../egress.ts';

/**
 * What rules send out by ports, on its way through the operator's last guards. An output shares the frame's head and is read from the
 * frame's columns, so it must be on its way (`flush`) before either changes.
 */
export class RuleOutputs {
  readonly #egress: Egress;
  #batch: Batch | null = null;

  constructor(egress: Egress) {
    this.#egress = egress;
  }

  /** Frame i goes out by the tenant's port, with a reference to head and body that the caller has taken for it. */
  add(batch: Batch, i: number, row: number): void {
    if (this.#batch !== null && this.#batch !== batch) this.flush();
    this.#batch = batch;
    this.#egress.add(batch, i, row);
  }

  flush(): void {
    if (this.#batch === null) return;
    this.#egress.flush(this.#batch);
    this.#batch = null;
  }
}
