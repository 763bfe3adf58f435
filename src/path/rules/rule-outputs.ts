import { Batch, Fate } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import type { Egress } from '../egress.ts';

/**
 * Frames that rules send out by ports, each as it was when the action was met: a row of its own, with a reference to head and body
 * of its own. They leave through the operator's last guards alone.
 */
export class RuleOutputs {
  readonly #pool: Pool;
  readonly #egress: Egress;
  readonly #batch = new Batch();
  readonly #ports = new Int32Array(this.#batch.capacity);

  constructor(pool: Pool, egress: Egress) {
    this.#pool = pool;
    this.#egress = egress;
  }

  /** A copy of row i goes out by the tenant's port; frame i keeps its references. */
  add(batch: Batch, i: number, row: number): void {
    const rows = this.#batch;
    if (rows.count === rows.capacity) this.flush();
    rows.tenant = batch.tenant;
    rows.nowUs = batch.nowUs;
    rows.nowMs = batch.nowMs;
    this.#pool.retain(batch.head[i]);
    if (batch.body[i] >= 0) this.#pool.retain(batch.body[i]);
    const k = rows.take(batch, i);
    rows.fate[k] = Fate.Sent;
    rows.twin[k] = -1;
    this.#ports[k] = row;
  }

  flush(): void {
    const rows = this.#batch;
    if (rows.count === 0) return;
    for (let k = 0; k < rows.count; k++) this.#egress.add(rows, k, this.#ports[k]);
    this.#egress.flush(rows);
    rows.count = 0;
  }
}
