import { type Batch, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import { Drop } from '../observe/drop.ts';
import { Column } from '../observe/ledger.ts';
import { loadFrame } from '../path/load-frame.ts';
import { Inject, InjectRecord } from '../path/punt.ts';
import type { TenantPath } from '../path/tenant-path.ts';

/** Frames that the slow path made and that one turn takes from a tenant's ring: each takes as long as a miss of the cache, and others wait. */
const MOST = 16;

/** Takes what the slow path made out of its ring and lets it enter the tenant's path. */
export class Injector {
  readonly #pool: Pool;
  readonly #path: TenantPath;
  readonly #ring: Ring;

  constructor(pool: Pool, path: TenantPath, ring: SharedArrayBuffer) {
    this.#pool = pool;
    this.#path = path;
    this.#ring = new Ring(ring);
  }

  get waiting(): boolean {
    return !this.#ring.empty;
  }

  /** @param batch empty, stamped with the tenant and the time @returns frames taken */
  drain(batch: Batch): number {
    const ring = this.#ring;
    const path = this.#path;
    let taken = 0;
    for (; taken < MOST; taken++) {
      const at = ring.peek();
      if (at < 0) break;
      const kind = ring.bytes.getInt32(at + InjectRecord.Kind, true);
      const vlan = ring.bytes.getInt32(at + InjectRecord.Vlan, true);
      const length = ring.lengthAt(at) - InjectRecord.Frame;
      path.ledger.add(path.routerRow, Column.Generated, 1);
      if (loadFrame(batch, this.#pool, ring.octets, at + InjectRecord.Frame, length)) {
        batch.port[0] = path.routerRow;
        path.parse(batch);
        batch.traits[0] |= Trait.Generated;
        if (kind === Inject.Route) path.route(batch);
        else {
          batch.vlan[0] = vlan;
          batch.traits[0] |= Trait.Routed;
          path.forward(batch);
        }
      } else path.ledger.drop(path.routerRow, Drop.NoSlot);
      ring.pop();
    }
    return taken;
  }
}
