import { addresses, mask, syntheticRoutes } from '../../../src/bench/lpm-routes.ts';
import { random } from '../../../src/bench/statistics.ts';
import { Lpm6 } from '../../../src/table/lpm6.ts';
import { compare } from '../suite.ts';

const BATCH = 256;
const BATCHES = 2048;
const routes = syntheticRoutes(1).v6;
const table = Lpm6.build(routes);
const all = addresses(routes, 4, BATCH * BATCHES, random(2));
/** By length, the longest first: prefix to value. */
const maps = new Map<number, Map<string, number>>();
for (let length = 128; length >= 0; length--) maps.set(length, new Map());
for (let i = 0; i < routes.count; i++)
  maps.get(routes.lengths[i])?.set(routes.prefixes.subarray(i * 4, i * 4 + 4).join(), routes.values[i]);
const filled = [...maps].filter(([, map]) => map.size > 0);

function bySlowTwin(at: number): number {
  for (const [length, map] of filled) {
    const value = map.get([0, 1, 2, 3].map((k) => all[at + k] & mask(length - k * 32)).join());
    if (value !== undefined) return value;
  }
  return -1;
}

const out = new Int32Array(BATCH);
const single = new Int32Array(BATCH);
let at = 0;
let twinAt = 0;

compare('table/lpm6', [
  {
    name: 'a batch of 256, full table',
    fast: () => {
      at = (at + 1) % BATCHES;
      table.lookupBatch(all.subarray(at * BATCH * 4, (at + 1) * BATCH * 4), out, BATCH);
      return out;
    },
    slow: () => {
      twinAt = (twinAt + 1) % BATCHES;
      for (let i = 0; i < BATCH; i++) single[i] = bySlowTwin((twinAt * BATCH + i) * 4);
      return single;
    },
    least: 100,
    reason: 'it is asked for packets whose flow is new; the twin tries lengths, of which there are dozens',
  },
]);
