import { expect, it } from 'vitest';
import { Entry, STRIDE4 } from '../../src/path/cache/entry.ts';
import { TestSwitch } from '../support/test-switch.ts';

const CONFIG = `
version: 1
tenants:
  red: {bridge: {ports: {a: {memory: true}, b: {memory: true}}}}
`;
const OWN = 77;
/** A stamp that the cache has not reached. */
const OTHER_STAMP = 1 << 20;

it('a flow that is decided anew keeps its place, and another takes one that is free', async () => {
  const net = await TestSwitch.of(CONFIG);
  const { cache } = net.engine.tenants.paths[net.tenant('red').index]!;
  const table = new Int32Array(4 * STRIDE4);
  table[Entry.Hash] = OWN;
  table[Entry.Stamp] = OTHER_STAMP;
  const second = 2 * STRIDE4;
  expect(cache.place(table, 0, second, STRIDE4, 0, OWN)).toBe(0);
  expect(cache.place(table, 0, second, STRIDE4, 0, OWN + 1)).toBe(STRIDE4);
  table[STRIDE4 + Entry.Stamp] = OTHER_STAMP;
  expect(cache.place(table, 0, second, STRIDE4, STRIDE4, OWN + 1)).toBe(second);
  net.expectBooksToBalance();
});
