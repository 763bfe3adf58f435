import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/table/token-bucket.ts';

test('a bucket that was never set has no limit', () => {
  const buckets = new TokenBucket(2);
  for (let i = 0; i < 100; i++) expect(buckets.take(1, 1e9, 0)).toBe(true);
});

test('a bucket starts full, empties, and refills at its rate', () => {
  const buckets = new TokenBucket(1);
  buckets.set(0, 1000, 3);
  const at = (us: number) => buckets.take(0, 1, us);
  expect([at(5), at(5), at(5), at(5)]).toEqual([true, true, true, false]);
  expect(at(1004)).toBe(false);
  expect([at(1005), at(1006)]).toEqual([true, false]);
});

test('a refused frame takes nothing, and one over the burst never passes', () => {
  const buckets = new TokenBucket(1);
  buckets.set(0, 1e6, 1500);
  expect(buckets.take(0, 1501, 1)).toBe(false);
  expect(buckets.take(0, 1501, 1e9)).toBe(false);
  expect(buckets.take(0, 1500, 1e9)).toBe(true);
});

test('time that runs backwards adds nothing', () => {
  const buckets = new TokenBucket(1);
  buckets.set(0, 1e6, 1);
  expect(buckets.take(0, 1, 100)).toBe(true);
  expect(buckets.take(0, 1, 50)).toBe(false);
  expect(buckets.take(0, 1, 100)).toBe(false);
  expect(buckets.take(0, 1, 101)).toBe(true);
});

test('a new rate keeps the tokens up to the new burst; rate 0 lifts the limit', () => {
  const buckets = new TokenBucket(1);
  buckets.set(0, 1, 10);
  expect(buckets.take(0, 1, 0)).toBe(true);
  buckets.set(0, 1, 2);
  expect(buckets.take(0, 3, 0)).toBe(false);
  expect(buckets.take(0, 2, 0)).toBe(true);
  buckets.set(0, 0, 0);
  expect(buckets.take(0, 1e9, 0)).toBe(true);
  buckets.set(0, 1, 2);
  expect(buckets.take(0, 2, 0)).toBe(true);
});

test('over a long time what passes is rate and burst, to the token', () => {
  const buckets = new TokenBucket(1);
  buckets.set(0, 12_345, 100);
  let passed = 0;
  for (let us = 0; us <= 10_000_000; us += 50) if (buckets.take(0, 1, us)) passed++;
  expect(Math.abs(passed - (123_450 + 100))).toBeLessThanOrEqual(1);
});
