import { type Batch, Fate, Kind, Trait } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import { decrementTtl } from '../wire/ipv4.ts';
import type { Stage } from './stage.ts';

/**
 * Takes one off the TTL or hop limit of packets that are routed, or handed to another tenant's router, which does not take it
 * off again. Packets with a TTL of 1 or less never come here: see `Route`.
 * Source: RFC 1812, section 5.3.1; RFC 1624, section 3; RFC 8200, section 3.
 */
export class HopLimit implements Stage {
  readonly name = 'hop-limit';
  readonly #bytes: DataView;

  constructor(pool: Pool) {
    this.#bytes = pool.bytes;
  }

  run(batch: Batch): void {
    const { count, fate, traits, outInterface, kind, l3 } = batch;
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) {
      const goes = (fate[i] === Fate.Live && outInterface[i] >= 0) || fate[i] === Fate.Leaked;
      if (!goes || (traits[i] & (Trait.Generated | Trait.Leaked)) !== 0) continue;
      if (kind[i] === Kind.Ipv4) {
        decrementTtl(bytes, l3[i]);
      } else {
        bytes.setUint8(l3[i] + 7, bytes.getUint8(l3[i] + 7) - 1);
      }
    }
  }
}
