import { random } from '../../../src/bench/statistics.ts';
import { seededKeys } from '../../../src/table/hash.ts';
import { MacTable } from '../../../src/table/mac-table.ts';
import { compare } from '../suite.ts';

const COUNT = 4096;
const HIGH = 0x0200;
const next = random(5);
const lows = Int32Array.from({ length: COUNT }, () => next() | 0);
const table = MacTable.create(COUNT * 2, seededKeys(6));
const map = new Map<string, number>();
for (const [i, low] of lows.entries()) {
  table.learn(HIGH, low, 10, i & 63, 1);
  map.set(`${HIGH}/${low}/10`, i & 63);
}

compare('table/mac-table', [
  {
    name: `all of ${COUNT} addresses`,
    fast: () => {
      let sum = 0;
      for (let i = 0; i < COUNT; i++) sum += table.port(table.lookup(HIGH, lows[i], 10));
      return sum;
    },
    slow: () => {
      let sum = 0;
      for (let i = 0; i < COUNT; i++) sum += map.get(`${HIGH}/${lows[i]}/10`) ?? -1;
      return sum;
    },
    least: 2,
    reason: 'a frame that is bridged asks twice',
  },
]);
