import { type Batch, Fate } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { MacEvent, type MacTable } from '../table/mac-table.ts';
import type { RouterImage } from './image.ts';
import { Punt } from './punt.ts';
import { PuntClass, type Punter } from './punter.ts';
import type { Stage } from './stage.ts';

const QUOTE = 64;

/**
 * Learns which port a source MAC is behind, per VLAN. Frames from a group address or from zero are invalid (IEEE 802.3, 3.2.3),
 * and frames from the router's own MAC are somebody's lie or a loop: neither is learned or forwarded. A table at its quota
 * learns nothing new; such frames go on, and are counted.
 */
export class Learn implements Stage {
  readonly name = 'learn';
  readonly #bytes: DataView;
  readonly #macs: MacTable;
  readonly #ledger: Ledger;
  readonly #punter: Punter;
  readonly #router: RouterImage | null;

  constructor(pool: Pool, macs: MacTable, ledger: Ledger, punter: Punter, router: RouterImage | null) {
    this.#bytes = pool.bytes;
    this.#macs = macs;
    this.#ledger = ledger;
    this.#punter = punter;
    this.#router = router;
  }

  run(batch: Batch): void {
    const { count, fate, start, port, vlan, nowMs } = batch;
    const bytes = this.#bytes;
    const macs = this.#macs;
    const router = this.#router;
    // Frames come in bursts: what was just learned need not be looked up again within the batch.
    let known = -1;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const high = bytes.getUint16(start[i] + 6);
      const low = bytes.getInt32(start[i] + 8);
      if (known >= 0 && vlan[i] === vlan[known] && port[i] === port[known]) {
        const at = start[known];
        if (bytes.getInt32(at + 8) === low && bytes.getUint16(at + 6) === high) continue;
      }
      if ((high & 0x0100) !== 0 || (high | low) === 0) {
        batch.drop(i, Drop.BadSource);
        continue;
      }
      if (router !== null) {
        const iface = router.vlanInterface[vlan[i]];
        if (iface >= 0 && router.macLow[iface] === low && router.macHigh[iface] === high) {
          batch.drop(i, Drop.BadSource);
          continue;
        }
      }
      const event = macs.learn(high, low, vlan[i], port[i], nowMs);
      if (event > MacEvent.Added) this.#unusual(batch, i, event);
      else known = i;
    }
  }

  #unusual(batch: Batch, i: number, event: number): void {
    const row = batch.port[i];
    if (event === MacEvent.Full) this.#ledger.add(row, Column.LearnFull, 1);
    else if (event === MacEvent.Moved) {
      this.#ledger.add(row, Column.Moves, 1);
      if (this.#punter.admit(PuntClass.Moves, batch.nowUs)) this.#punter.frame(batch, i, Punt.MacMove, -1, row, QUOTE);
    } else if (event === MacEvent.Flapping) {
      this.#ledger.add(row, Column.Moves, 1);
      if (this.#punter.admit(PuntClass.Events, batch.nowUs)) this.#punter.frame(batch, i, Punt.MacFlap, -1, row, QUOTE);
    }
  }
}
