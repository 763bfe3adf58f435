import { beforeEach, expect, test } from 'vitest';
import { seededKeys } from '../../src/table/hash.ts';
import { MacEvent, MacTable } from '../../src/table/mac-table.ts';

let table: MacTable;
beforeEach(() => {
  table = MacTable.create(64, seededKeys(1));
});

/** Port of 02:00:…:n on VLAN 10, -1 when unknown. */
function portOf(n: number, vlan = 10, of = table): number {
  const entry = of.lookup(0x0200, n, vlan);
  return entry === -1 ? -1 : of.port(entry);
}
const learn = (n: number, port: number, nowMs: number, vlan = 10) => table.learn(0x0200, n, vlan, port, nowMs);

test('an address is found where it was learned, in its VLAN alone, and by every thread', () => {
  expect(learn(1, 7, 0)).toBe(MacEvent.Added);
  expect(portOf(1)).toBe(7);
  expect(portOf(1, 11)).toBe(-1);
  expect(portOf(2)).toBe(-1);
  expect(portOf(1, 10, MacTable.attach(structuredClone(table.handles())))).toBe(7);
});

test('signed and unsigned low words are the same address', () => {
  table.learn(0xfeff, 0xfffffffe, 4094, 65535, 0);
  expect(table.port(table.lookup(0xfeff, -2, 4094))).toBe(65535);
  expect([...table.entries(5)]).toEqual([
    { mac: 'fe:ff:ff:ff:ff:fe', vlan: 4094, port: 65535, ageMs: 5, static: false, moves: 0, movedMs: -1 },
  ]);
});

test('a refresh is written once a second', () => {
  learn(1, 7, 0);
  expect(learn(1, 7, 999)).toBe(MacEvent.Unchanged);
  expect(learn(1, 7, 1000)).toBe(MacEvent.Refreshed);
  expect(learn(1, 7, 1999)).toBe(MacEvent.Unchanged);
  table.touch(table.lookup(0x0200, 1, 10), 2500);
  expect([...table.entries(2600)][0].ageMs).toBe(100);
});

test('a move changes port and version, and is counted', () => {
  learn(1, 7, 0);
  const entry = table.lookup(0x0200, 1, 10);
  const version = table.version(entry);
  expect(learn(1, 8, 10)).toBe(MacEvent.Moved);
  expect(table.port(entry)).toBe(8);
  expect(table.version(entry)).not.toBe(version);
  expect([...table.entries(30)]).toMatchObject([{ port: 8, moves: 1, movedMs: 20, ageMs: 20 }]);
});

test('the sixth move within ten seconds is reported, once in ten seconds', () => {
  learn(1, 0, 0);
  const moves = Array.from({ length: 12 }, (_, i) => learn(1, 1 + (i % 2), 100 * i));
  expect(moves.map((event) => event === MacEvent.Flapping)).toEqual(Array.from({ length: 12 }, (_, i) => i === 5));
  const later = Array.from({ length: 7 }, (_, i) => learn(1, 1 + (i % 2), 10_000 + 10 * i));
  expect(later.indexOf(MacEvent.Flapping)).toBe(5);
  expect(portOf(1)).toBe(1);
});

test('moves that are far apart are not flapping', () => {
  learn(1, 0, 0);
  for (let i = 1; i < 50; i++) expect(learn(1, i % 2, 2000 * i)).toBe(MacEvent.Moved);
});

test('a static entry does not move or age, and replaces what was learned', () => {
  learn(1, 7, 0);
  expect(table.addStatic(0x0200, 1, 10, 3)).toBe(true);
  expect(portOf(1)).toBe(3);
  expect(learn(1, 7, 10)).toBe(MacEvent.Static);
  expect(learn(1, 3, 10)).toBe(MacEvent.Unchanged);
  expect(table.age(1e6, 1000)).toBe(0);
  expect(table.flushPort(3)).toBe(0);
  expect([...table.entries(1e6)]).toMatchObject([{ static: true, ageMs: 0, port: 3 }]);
  expect(table.removeStatic(0x0200, 1, 10)).toBe(true);
  expect(table.removeStatic(0x0200, 1, 10)).toBe(false);
  expect(table.count).toBe(0);
});

test('removeStatic leaves learned entries alone', () => {
  learn(1, 7, 0);
  expect(table.removeStatic(0x0200, 1, 10)).toBe(false);
  expect(portOf(1)).toBe(7);
});

test('entries age out across the wrap of the clock, some at a time', () => {
  const start = 0x7fffff00;
  for (let n = 0; n < 10; n++) learn(n, 1, start | 0);
  learn(10, 1, (start + 600) | 0);
  expect(table.age((start + 1000) | 0, 1000)).toBe(0);
  const entry = table.lookup(0x0200, 3, 10);
  const version = table.version(entry);
  expect(table.age((start + 1001) | 0, 1000, 4)).toBe(4);
  expect(table.age((start + 1001) | 0, 1000, 100)).toBe(6);
  expect(table.version(entry)).not.toBe(version);
  expect(table.count).toBe(1);
  expect(portOf(10)).toBe(1);
});

test('evicting makes room for one entry, static ones excepted', () => {
  learn(1, 1, 0);
  table.addStatic(0x0200, 2, 10, 1);
  expect(table.evict()).toBe(true);
  expect(portOf(1)).toBe(-1);
  expect(table.evict()).toBe(false);
  expect(portOf(2)).toBe(1);
});

test('flushing a port takes its entries and no others', () => {
  for (let n = 0; n < 20; n++) learn(n, n % 2, 0);
  expect(table.flushPort(1)).toBe(10);
  for (let n = 0; n < 20; n++) expect(portOf(n)).toBe(n % 2 === 0 ? 0 : -1);
  expect(table.flushPort(0)).toBe(10);
  expect(table.count).toBe(0);
});

test('over the quota nothing is learned, and what is known still moves', () => {
  for (let n = 0; n < 64; n++) expect(learn(n, 1, 0)).toBe(MacEvent.Added);
  expect(learn(64, 1, 0)).toBe(MacEvent.Full);
  expect(table.addStatic(0x0200, 64, 10, 1)).toBe(false);
  expect(learn(5, 2, 0)).toBe(MacEvent.Moved);
  expect(table.count).toBe(64);
});

test('a deleted entry is not used again within 200 ms', () => {
  for (let n = 0; n < 64; n++) learn(n, 1, 0);
  const first = new Set(Array.from({ length: 64 }, (_, n) => table.lookup(0x0200, n, 10)));
  table.flushPort(1);
  table.reclaim(0);
  let added = 0;
  for (let n = 100; n < 164; n++) {
    if (learn(n, 1, 199) === MacEvent.Added) {
      added++;
      expect(first.has(table.lookup(0x0200, n, 10))).toBe(false);
    }
  }
  expect(added).toBe(32); // the spare ones: a quarter of the quota and 16
  expect(learn(200, 1, 200)).toBe(MacEvent.Added);
  expect(first.has(table.lookup(0x0200, 200, 10))).toBe(true);
});

test('a thread that meets a held lock answers Busy and changes nothing', () => {
  learn(1, 7, 0);
  const lock = new Int32Array(table.handles().memory, 0, 1);
  lock[0] = 1;
  expect(learn(2, 7, 0)).toBe(MacEvent.Busy);
  expect(learn(1, 8, 0)).toBe(MacEvent.Busy);
  expect(learn(1, 7, 5000)).toBe(MacEvent.Refreshed);
  lock[0] = 0;
  expect(portOf(1)).toBe(7);
  expect(learn(2, 7, 0)).toBe(MacEvent.Added);
});

test('a table fills to its quota without missing a place', () => {
  for (const [seed, capacity] of [
    [1, 1],
    [2, 1000],
    [3, 50_000],
  ]) {
    const big = MacTable.create(capacity, seededKeys(seed));
    for (let n = 0; n < capacity; n++) expect(big.learn(0x0200, n, 1, 1, 0)).toBe(MacEvent.Added);
  }
});

test('a capacity out of range is refused in words', () => {
  expect(() => MacTable.create(0)).toThrow('the capacity of a MAC table must be 1 to 1,000,000, not 0');
});
