import { Batch, Fate } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { popTag } from '../wire/vlan.ts';

/**
 * A port that tenants share: the outer VLAN tag of a frame says whose it is. The tag is taken off here, before the tenant's
 * path sees the frame, and put on again by its last guard, so that a tenant neither sees nor chooses it. A frame without a
 * tag that belongs to a tenant is dropped in the uplink's own books.
 */
export class Uplink {
  /** A tenant's frames, by tenant index, filled by `split`; only those of `tenants` are in use. */
  readonly batches: (Batch | undefined)[] = [];
  readonly tenants: number[] = [];
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #row: number;
  readonly #tpid: number;
  /** Tenant and port of each outer VID; tenant 0: nobody's. */
  readonly #tenantOf = new Int32Array(4096);
  readonly #portOf = new Int32Array(4096);

  /** @param ledger of the uplinks @param row this uplink's row in it @param tpid of the outer tag */
  constructor(pool: Pool, ledger: Ledger, row: number, tpid: number) {
    this.#tpid = tpid;
    this.#pool = pool;
    this.#ledger = ledger;
    this.#row = row;
  }

  /** Gives an outer VLAN to a tenant's port, or, with tenant 0, to nobody. */
  assign(vid: number, tenant: number, port: number): void {
    this.#tenantOf[vid] = tenant;
    this.#portOf[vid] = port;
    this.tenants.length = 0;
    for (const t of new Set(this.#tenantOf)) {
      if (t === 0) continue;
      this.tenants.push(t);
      this.batches[t] ??= new Batch(BATCH_SIZE);
    }
  }

  /** Empties the batch that the uplink received into the batches of its tenants. */
  split(batch: Batch): void {
    const { count, start, headLength, fate } = batch;
    const { bytes } = this.#pool;
    for (let i = 0; i < count; i++) {
      const at = start[i];
      const tagged = headLength[i] >= 18 && bytes.getUint16(at + 12) === this.#tpid;
      const vid = tagged ? bytes.getUint16(at + 14) & 0xfff : 0;
      const tenant = this.#tenantOf[vid];
      const to = this.batches[tenant];
      if (fate[i] !== Fate.Live || tenant === 0 || to === undefined) {
        const reason = fate[i] === Fate.Live ? Drop.UplinkVlan : batch.reason[i];
        this.#ledger.add(this.#row, Column.Received, 1);
        this.#ledger.add(this.#row, Column.ReceivedBytes, batch.length(i));
        this.#ledger.drop(this.#row, reason);
        this.#pool.release(batch.head[i]);
        this.#pool.release(batch.body[i]);
        continue;
      }
      this.#pool.assign(batch.head[i], tenant);
      const k = to.take(batch, i);
      to.start[k] = popTag(bytes, at);
      to.headLength[k] -= 4;
      to.port[k] = this.#portOf[vid];
    }
    batch.count = 0;
  }
}
