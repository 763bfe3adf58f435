import { expect, test } from 'vitest';
import { EntryPool, QUARANTINE_MS } from '../../src/table/entry-pool.ts';

function poolOf(size: number): EntryPool {
  return new EntryPool(new Int32Array(EntryPool.words(size)));
}

test('every entry is given once, then none', () => {
  const pool = poolOf(3);
  expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([0, 1, 2, -1]);
  expect(pool.used).toBe(3);
});

test('a released entry waits at least one quarantine from the next reclaim on', () => {
  const pool = poolOf(1);
  pool.take();
  pool.reclaim(1000);
  pool.release(0);
  expect(pool.take()).toBe(-1);
  pool.reclaim(1500);
  pool.reclaim(1500 + QUARANTINE_MS - 1);
  expect(pool.take()).toBe(-1);
  pool.reclaim(1500 + QUARANTINE_MS);
  expect(pool.take()).toBe(0);
});

test('what is released while others wait begins its own quarantine, across the wrap of the clock', () => {
  const pool = poolOf(4);
  for (let i = 0; i < 4; i++) pool.take();
  const start = 0x7fffffff;
  pool.release(2);
  pool.release(0);
  pool.reclaim(start);
  pool.release(3);
  pool.reclaim((start + QUARANTINE_MS) | 0);
  expect([pool.take(), pool.take(), pool.take()]).toEqual([2, 0, -1]);
  pool.reclaim((start + 2 * QUARANTINE_MS) | 0);
  expect([pool.take(), pool.take()]).toEqual([3, -1]);
});

test('an entry that was never published is free at once', () => {
  const pool = poolOf(2);
  pool.take();
  pool.restore(pool.take());
  expect([pool.take(), pool.take()]).toEqual([1, -1]);
});
