import { expect, it } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import { Ring } from '../../src/frame/ring.ts';
import { Ledger } from '../../src/observe/ledger.ts';
import { Hold } from '../../src/path/hold.ts';
import type { RouterImage } from '../../src/path/image.ts';
import { Punter } from '../../src/path/punter.ts';
import type { NeighborTable } from '../../src/table/neighbor-table.ts';
import { frame } from '../../src/wire/build.ts';
import { poolOf, pushFrame } from '../support/frames.ts';

/** A table in which another thread resolves the only neighbour after so many looks at it, or soon after the first release. */
function tableThatChanges(after: number) {
  let looks = 0;
  let generation = 0;
  const table = {
    generation: () => generation++,
    find: () => 0,
    usable: () => looks++ >= after || generation > 1,
    state: () => 1,
    macHi: () => 0x0200,
    macLo: () => 7,
  };
  return table as unknown as NeighborTable;
}

it.each([0, 1, 2, 3])(
  'lets no frame overtake when its neighbour is resolved while %i frames have been looked at',
  (after) => {
    const pool = poolOf();
    const punter = new Punter(pool, Ring.create(1 << 12), [0, 0, 0]);
    const one = Int32Array.of(10);
    const router = { vlan: one, macHigh: Int32Array.of(0x0254), macLow: one } as unknown as RouterImage;
    const hold = new Hold(pool, new Ledger(1), tableThatChanges(after), router, punter, 2048);
    const batch = new Batch();
    for (let n = 0; n < 4; n++) {
      const i = pushFrame(
        batch,
        pool,
        frame({ ipv4: { source: '10.0.0.1', destination: '10.0.0.2', identification: n } }),
      );
      batch.outInterface[i] = 0;
      hold.add(batch, i, 0, 0, 0, 0xffff, 0x0a000002);
      expect(batch.fate[i]).toBe(Fate.Held);
    }
    const ready = new Batch();
    const released: number[] = [];
    for (let round = 0; round < 3; round++) {
      ready.count = 0;
      hold.release(ready);
      for (let i = 0; i < ready.count; i++) released.push(pool.bytes.getUint16(ready.start[i] + 18));
    }
    expect(released).toEqual([0, 1, 2, 3]);
  },
);
