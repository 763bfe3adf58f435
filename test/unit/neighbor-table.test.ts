import { beforeEach, expect, test } from 'vitest';
import { seededKeys } from '../../src/table/hash.ts';
import { NeighborState, NeighborTable } from '../../src/table/neighbor-table.ts';

const HOST = [0, 0, 0xffff, 0xc0000201];
const OTHER = [0x20010db8, 0, 0, 1];
const { Incomplete, Reachable, Stale, Delay, Probe, Failed, Permanent } = NeighborState;

let table: NeighborTable;
beforeEach(() => {
  table = NeighborTable.create(16, seededKeys(1));
});

function macOf(iface: number, words: number[]): number[] | null {
  const entry = table.locate(iface, words);
  return entry === -1 || !table.usable(entry) ? null : [table.macHi(entry), table.macLo(entry)];
}

test('a neighbour is found on its interface alone, by every thread', () => {
  table.set(2, HOST, Reachable, 0x0200, 0xff000001);
  expect(macOf(2, HOST)).toEqual([0x0200, 0xff000001 | 0]);
  expect(macOf(1, HOST)).toBeNull();
  expect(macOf(2, OTHER)).toBeNull();
  const worker = NeighborTable.attach(structuredClone(table.handles()));
  expect(worker.find(2, 0, 0, 0xffff, 0xc0000201 | 0)).toBe(table.locate(2, HOST));
});

test('states that have a MAC are usable', () => {
  for (const [state, usable] of [
    [Incomplete, false],
    [Reachable, true],
    [Stale, true],
    [Delay, true],
    [Probe, true],
    [Failed, false],
    [Permanent, true],
  ] as const) {
    const entry = table.set(1, HOST, state, 0x0200, 1);
    expect(table.state(entry)).toBe(state);
    expect(table.usable(entry)).toBe(usable);
  }
});

test('the generation moves with each change and with nothing else', () => {
  const seen = [table.generation()];
  const note = () => seen.push(table.generation());
  table.set(1, HOST, Incomplete, 0, 0);
  note();
  table.set(1, HOST, Reachable, 0x0200, 1);
  note();
  table.set(1, HOST, Reachable, 0x0200, 2);
  note();
  table.remove(1, HOST);
  note();
  expect(new Set(seen).size).toBe(5);
  table.remove(1, HOST);
  table.set(1, OTHER, Reachable, 0x0200, 2);
  const before = table.generation();
  table.set(1, OTHER, Reachable, 0x0200, 2);
  table.markUsed(table.locate(1, OTHER));
  table.reclaim(0);
  expect(table.generation()).toBe(before);
});

test('a new MAC is a new entry: who holds the old one still reads the old MAC', () => {
  const first = table.set(1, HOST, Incomplete, 0, 0);
  expect(table.set(1, HOST, Reachable, 0x0200, 1)).toBe(first);
  const version = table.version(first);
  table.markUsed(first);
  const second = table.set(1, HOST, Stale, 0x0300, 2);
  expect(second).not.toBe(first);
  expect([table.macHi(first), table.macLo(first)]).toEqual([0x0200, 1]);
  expect(table.version(first)).not.toBe(version);
  expect(macOf(1, HOST)).toEqual([0x0300, 2]);
  expect(table.takeUsed(second)).toBe(true);
  expect(table.count).toBe(1);
});

test('a neighbour that failed and came back elsewhere is a new entry too', () => {
  const first = table.set(1, HOST, Reachable, 0x0200, 1);
  expect(table.set(1, HOST, Failed, 0, 0)).toBe(first);
  expect(macOf(1, HOST)).toBeNull();
  expect(table.set(1, HOST, Reachable, 0x0200, 2)).not.toBe(first);
  expect(macOf(1, HOST)).toEqual([0x0200, 2]);
});

test('the used flag is set by workers and taken once', () => {
  const entry = table.set(1, HOST, Stale, 0x0200, 1);
  expect(table.takeUsed(entry)).toBe(false);
  NeighborTable.attach(table.handles()).markUsed(entry);
  expect(table.takeUsed(entry)).toBe(true);
  expect(table.takeUsed(entry)).toBe(false);
});

test('over the quota nothing is added, and what is known still changes', () => {
  for (let n = 0; n < 16; n++) expect(table.set(1, [0, 0, 0xffff, n], Incomplete, 0, 0)).toBeGreaterThanOrEqual(0);
  expect(table.set(1, HOST, Incomplete, 0, 0)).toBe(-1);
  expect(table.set(1, [0, 0, 0xffff, 3], Reachable, 0x0200, 3)).toBeGreaterThanOrEqual(0);
  expect(table.remove(1, [0, 0, 0xffff, 4])).toBe(true);
  expect(table.set(1, HOST, Incomplete, 0, 0)).toBeGreaterThanOrEqual(0);
});

test('an entry given up is not used again within 200 ms', () => {
  const spare = 2 * 16 + 64;
  const used = new Set<number>();
  table.reclaim(0);
  for (let n = 0; n < spare; n++) {
    used.add(table.set(1, HOST, Reachable, 0x0200, n + 1));
    if (n === 10) table.reclaim(10);
  }
  expect(used.size).toBe(spare);
  expect(table.set(1, HOST, Reachable, 0x0200, 1000)).toBe(-1);
  expect(macOf(1, HOST)).toEqual([0x0200, spare]);
  table.reclaim(209);
  expect(table.set(1, HOST, Reachable, 0x0200, 1000)).toBe(-1);
  table.reclaim(210);
  expect(used.has(table.set(1, HOST, Reachable, 0x0200, 1000))).toBe(true);
  expect(macOf(1, HOST)).toEqual([0x0200, 1000]);
});

test('all neighbours can be walked', () => {
  table.set(1, HOST, Reachable, 0x0200, 1);
  table.set(2, OTHER, Incomplete, 0, 0);
  const seen: unknown[] = [];
  table.forEach((...row) => void seen.push(row));
  expect(seen).toHaveLength(2);
  expect(seen).toContainEqual([1, HOST.map((word) => word | 0), Reachable, 0x0200, 1]);
  expect(seen).toContainEqual([2, OTHER, Incomplete, 0, 0]);
});

test('a capacity out of range is refused in words', () => {
  expect(() => NeighborTable.create(0.5)).toThrow('the capacity of a neighbour table must be 1 to 500,000, not 0.5');
});
