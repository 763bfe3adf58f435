import { type Batch, Fate, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import type { MacTable } from '../table/mac-table.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import type { Egress } from './egress.ts';
import type { BridgeImage } from './image.ts';
import type { Stage } from './stage.ts';

/**
 * The bridge proper: a known unicast goes to the port that its destination was learned on, everything else to all ports of the
 * VLAN but the one it came from. Makes the outputs; from here on a frame belongs to them.
 * Source: IEEE 802.1D-2004, 7.7.
 */
export class Forward implements Stage {
  readonly name = 'forward';
  readonly #pool: Pool;
  readonly #macs: MacTable;
  readonly #bridge: BridgeImage;
  readonly #ledger: Ledger;
  readonly #buckets: SharedBuckets;
  readonly #egress: Egress;

  constructor(pool: Pool, macs: MacTable, bridge: BridgeImage, ledger: Ledger, buckets: SharedBuckets, egress: Egress) {
    this.#pool = pool;
    this.#macs = macs;
    this.#bridge = bridge;
    this.#ledger = ledger;
    this.#buckets = buckets;
    this.#egress = egress;
  }

  run(batch: Batch): void {
    const { count, fate, start, vlan, port, traits } = batch;
    const bytes = this.#pool.bytes;
    const macs = this.#macs;
    const { allowed, storm, ports } = this.#bridge;
    // Frames come in bursts: the destination of the last look-up is remembered within the batch.
    let lastHigh = -1;
    let lastLow = 0;
    let lastVlan = 0;
    let entry = -1;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const at = start[i];
      const high = bytes.getUint16(at);
      if ((high & 0x0100) !== 0) {
        this.#flood(batch, i);
        continue;
      }
      const low = bytes.getInt32(at + 2);
      if (low !== lastLow || high !== lastHigh || vlan[i] !== lastVlan) {
        entry = macs.lookup(high, low, vlan[i]);
        lastHigh = high;
        lastLow = low;
        lastVlan = vlan[i];
      }
      const to = entry < 0 ? -1 : macs.port(entry);
      const carried = to >= 0 && to < ports && ((allowed[(to << 7) + (vlan[i] >> 5)] >>> (vlan[i] & 31)) & 1) === 1;
      if (!carried) {
        const from = port[i];
        const limited = from < ports && (traits[i] & Trait.Routed) === 0 && storm[from] >= 0;
        if (limited && !this.#buckets.take(storm[from], batch.segments[i], batch.nowUs)) batch.drop(i, Drop.Storm);
        else this.#flood(batch, i);
      } else if (to === port[i] && (traits[i] & Trait.Routed) === 0) {
        batch.drop(i, Drop.SamePort);
      } else {
        fate[i] = Fate.Sent;
        this.#egress.add(batch, i, to);
      }
    }
    this.#egress.flush(batch);
  }

  #flood(batch: Batch, i: number): void {
    const { vlans, members } = this.#bridge;
    const list = vlans[batch.vlan[i]];
    const length = list < 0 ? 0 : members[list];
    const except = (batch.traits[i] & Trait.Routed) !== 0 ? -1 : batch.port[i];
    let takers = 0;
    for (let k = 1; k <= length; k++) if (members[list + k] !== except) takers++;
    if (takers === 0) {
      batch.drop(i, Drop.NoMember);
      return;
    }
    // All references are there before the first output can be edited: a shared head is read-only.
    const head = batch.head[i];
    const body = batch.body[i];
    for (let k = 1; k < takers; k++) {
      this.#pool.retain(head);
      if (body >= 0) this.#pool.retain(body);
    }
    if (takers > 1) this.#ledger.add(batch.port[i], Column.Cloned, takers - 1);
    batch.fate[i] = Fate.Sent;
    for (let k = 1; k <= length; k++) if (members[list + k] !== except) this.#egress.add(batch, i, members[list + k]);
  }
}
