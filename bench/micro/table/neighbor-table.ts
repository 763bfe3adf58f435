import { random } from '../../../src/bench/statistics.ts';
import { seededKeys } from '../../../src/table/hash.ts';
import { NeighborState, NeighborTable } from '../../../src/table/neighbor-table.ts';
import { compare } from '../suite.ts';

const COUNT = 4096;
const [INTERFACE, MAPPED, HIGH] = [3, 0xffff, 0x0200];
const next = random(7);
const hosts = Int32Array.from({ length: COUNT }, () => next() | 0);
const table = NeighborTable.create(COUNT * 2, seededKeys(8));
const map = new Map<string, number>();
for (const host of hosts) {
  table.set(INTERFACE, [0, 0, MAPPED, host], NeighborState.Reachable, HIGH, ~host);
  map.set(`${INTERFACE}/0/0/${MAPPED}/${host}`, ~host);
}

compare('table/neighbor-table', [
  {
    name: `all of ${COUNT} neighbours`,
    fast: () => {
      let sum = 0;
      for (let i = 0; i < COUNT; i++) {
        const entry = table.find(INTERFACE, 0, 0, MAPPED, hosts[i]);
        if (entry >= 0 && table.usable(entry)) sum += table.macLo(entry);
      }
      return sum;
    },
    slow: () => {
      let sum = 0;
      for (let i = 0; i < COUNT; i++) sum += map.get(`${INTERFACE}/0/0/${MAPPED}/${hosts[i]}`) ?? 0;
      return sum;
    },
    least: 2,
    reason: 'a packet that is routed asks once, of an address of up to 128 bits',
  },
]);
