import { type Batch, Trait } from '../frame/batch.ts';
import { HEAD_ROOM } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import { Drop } from '../observe/drop.ts';
import { Column } from '../observe/ledger.ts';
import { Inject, InjectRecord } from '../path/punt.ts';
import type { TenantPath } from '../path/tenant-path.ts';

/** Frames that the slow path made and that one turn takes from a tenant's ring. */
const MOST = 64;

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
      if (this.#load(batch, at + InjectRecord.Frame, length)) {
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

  /** Copies a record's frame into slots of the pool. */
  #load(batch: Batch, from: number, length: number): boolean {
    const pool = this.#pool;
    const inHead = length < HEAD_ROOM ? length : HEAD_ROOM;
    const head = pool.takeHead(batch.tenant);
    const body = head >= 0 && length > inHead ? pool.takeBody() : -1;
    if (head < 0 || (length > inHead && body < 0)) {
      pool.release(head);
      return false;
    }
    const source = this.#ring.octets;
    const start = pool.frameStart(head);
    for (let k = 0; k < inHead; k++) pool.octets[start + k] = source[from + k];
    const bodyStart = body < 0 ? 0 : pool.position(body);
    for (let k = inHead; k < length; k++) pool.octets[bodyStart + k - inHead] = source[from + k];
    batch.push(head, start, inHead, body, bodyStart, length - inHead);
    return true;
  }
}
