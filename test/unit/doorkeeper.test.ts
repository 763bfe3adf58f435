import { describe, expect, it } from 'vitest';
import { Doorkeeper } from '../../src/path/cache/doorkeeper.ts';

/** A different 32-bit number for each k. */
const hashOf = (k: number) => Math.imul(k + 1, 0x9e3779b1);

describe('the doorkeeper', () => {
  it('knows a flow that comes back, and one that was there in the epoch before', () => {
    const door = new Doorkeeper();
    expect([door.wasHere(hashOf(1), 1), door.wasHere(hashOf(1), 1), door.wasHere(hashOf(1), 2)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('does not know flows that never come back', () => {
    const door = new Doorkeeper();
    let known = 0;
    for (let k = 0; k < 1_000_000; k++) if (door.wasHere(hashOf(k), 1)) known++;
    // By accident: 14 bits are compared.
    expect(known).toBeLessThan(300);
  });

  it('lets all in that come in turns, however many share a cell', () => {
    const door = new Doorkeeper();
    const outside = new Set(Array.from({ length: 100_000 }, (_, k) => hashOf(k)));
    for (let round = 0; round < 200 && outside.size > 0; round++)
      for (const hash of outside) if (door.wasHere(hash, 1)) outside.delete(hash);
    expect(outside.size).toBe(0);
  });

  it('makes room for a new flow at once when the one before is of an epoch gone by', () => {
    const door = new Doorkeeper();
    const [one, other] = [0x12340001, 0x7abc0001];
    for (let k = 0; k < 8; k++) door.wasHere(one, 1);
    expect([door.wasHere(other, 2), door.wasHere(other, 2)]).toEqual([false, true]);
  });
});
