import { type Batch, Fate, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import { type BridgeImage, Reserved } from './image.ts';
import type { Stage } from './stage.ts';

const LLDP = 0x88cc;
const SLOW_PROTOCOLS = 0x8809;
/** A type field of up to 1,500 is a length: LLC follows, as in spanning-tree BPDUs. */
const LONGEST_LLC = 1500;

/**
 * Bridge filtering: frames to 01:80:C2:00:00:00 to 0F belong to the link and are not forwarded, but for the protocols that the
 * bridge was told to pass through. Source: IEEE 802.1D-2004, 7.12.6 and table 7-10.
 */
export class ReservedAddresses implements Stage {
  readonly name = 'reserved';
  readonly #bytes: DataView;
  readonly #pass: number;

  constructor(pool: Pool, bridge: BridgeImage) {
    this.#bytes = pool.bytes;
    this.#pass = bridge.forwardReserved;
  }

  run(batch: Batch): void {
    const { count, fate, start, traits, etherType } = batch;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live || (traits[i] & Trait.Group) === 0) continue;
      const at = start[i];
      if (bytes.getUint32(at) !== 0x0180c200 || bytes.getUint16(at + 4) > 0x000f) continue;
      const type = etherType[i];
      const protocol =
        type === LLDP
          ? Reserved.Lldp
          : type === SLOW_PROTOCOLS
            ? Reserved.Lacp
            : type <= LONGEST_LLC && bytes.getUint8(at + 5) === 0
              ? Reserved.Stp
              : 0;
      if ((this.#pass & protocol) === 0) batch.drop(i, Drop.Reserved);
    }
  }
}
