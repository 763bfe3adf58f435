import { addresses, mask, syntheticRoutes } from '../../../src/bench/lpm-routes.ts';
import { random } from '../../../src/bench/statistics.ts';
import { Lpm4 } from '../../../src/table/lpm4.ts';
import { compare } from '../suite.ts';

const BATCH = 256;
const BATCHES = 4096;
const routes = syntheticRoutes(1).v4;
const table = Lpm4.build(routes);
const all = addresses(routes, 1, BATCH * BATCHES, random(2));
/** By length, the longest first: prefix to value. */
const maps = new Map<number, Map<number, number>>();
for (let length = 32; length >= 0; length--) maps.set(length, new Map());
for (let i = 0; i < routes.count; i++) maps.get(routes.lengths[i])?.set(routes.prefixes[i] | 0, routes.values[i]);
const filled = [...maps].filter(([, map]) => map.size > 0);

function bySlowTwin(address: number): number {
  for (const [length, map] of filled) {
    const value = map.get(address & mask(length));
    if (value !== undefined) return value;
  }
  return -1;
}

const out = new Int32Array(BATCH);
const single = new Int32Array(BATCH);
let at = 0;
let twinAt = 0;

compare('table/lpm4', [
  {
    name: 'a batch of 256, full table',
    fast: () => {
      at = (at + 1) % BATCHES;
      table.lookupBatch(all.subarray(at * BATCH, (at + 1) * BATCH), out, BATCH);
      return out;
    },
    slow: () => {
      twinAt = (twinAt + 1) % BATCHES;
      for (let i = 0; i < BATCH; i++) single[i] = bySlowTwin(all[twinAt * BATCH + i]);
      return single;
    },
    least: 10,
    reason: 'a look-up costs a few percent of what a frame costs',
  },
]);
