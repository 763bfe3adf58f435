import { randomKeys } from '../table/hash.ts';
import { MacTable } from '../table/mac-table.ts';
import { parseMac } from '../wire/ethernet.ts';

/**
 * A table of another capacity with what this one holds, static entries first, as far as there is room. What workers still learn in
 * the old one is learned again from the next frame.
 */
export function resizedMacs(from: MacTable, capacity: number, moves: number, nowMs: number): MacTable {
  const to = MacTable.create(capacity, randomKeys(), moves);
  const entries = [...from.entries(nowMs)];
  for (const isStatic of [true, false]) {
    for (const { mac, vlan, port, ageMs, static: fixed } of entries) {
      if (fixed !== isStatic) continue;
      const { high, low } = parseMac(mac);
      if (fixed) to.addStatic(high, low, vlan, port);
      else to.learn(high, low, vlan, port, (nowMs - ageMs) | 0);
    }
  }
  return to;
}
