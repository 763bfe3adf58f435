import { expect, test } from 'vitest';
import { SharedBuckets } from '../../src/table/shared-buckets.ts';

/** Several views of one bucket, as workers have, asked in turn every `step` microseconds. @returns what passed in total */
function pass(views: SharedBuckets[], tokens: number, fromUs: number, toUs: number, step: number): number {
  let passed = 0;
  for (let us = fromUs; us < toUs; us += step) {
    for (const view of views) if (view.take(0, tokens, us)) passed += tokens;
  }
  return passed;
}

function workers(count: number, rate: number, burst: number, nowUs = 0): SharedBuckets[] {
  const control = SharedBuckets.create(1);
  control.set(0, rate, burst, nowUs);
  return Array.from({ length: count }, () => SharedBuckets.attach(control.handles()));
}

test('a bucket that was never set has no limit', () => {
  expect(pass([SharedBuckets.create(1)], 1e9, 0, 10, 1)).toBe(1e10);
});

test.each([
  ['packets, low rate', 100, 50, 1],
  ['packets, high rate', 500_000, 5_000, 1],
  ['bits', 1e9, 1e7, 12_000],
  ['a burst of less than a slot', 1e9, 100_000, 12_000],
  ['a big burst', 1e6, 5e6, 100],
])('%s: workers together pass rate and burst, and no more than a grant each beyond', (_, rate, burst, tokens) => {
  const views = workers(3, rate, burst);
  const grant = Math.min(rate / 1000, burst);
  const passed = pass(views, tokens, 0, 2_000_000, 3);
  expect(passed).toBeLessThanOrEqual(2 * rate + burst + 4 * grant + tokens);
  expect(passed).toBeGreaterThanOrEqual(2 * rate + burst - 4 * grant - 3 * tokens);
});

test('one worker gets the whole rate when the others are idle', () => {
  const [first] = workers(4, 10_000, 100);
  const passed = pass([first], 1, 0, 1_000_000, 10);
  expect(Math.abs(passed - 10_100)).toBeLessThanOrEqual(20);
});

test('a bucket left alone for long gives a burst, also across the wrap of slot numbers', () => {
  for (const idle of [10e6, 2 ** 31 * 1000, 2 ** 32 * 1000 - 100e6, 2 ** 33 * 1000 + 7e6]) {
    const [view] = workers(1, 1000, 50);
    expect(pass([view], 1, 0, 1000, 10)).toBe(50);
    const passed = pass([view], 1, idle, idle + 1000, 10);
    expect(passed).toBeGreaterThanOrEqual(49);
    expect(passed).toBeLessThanOrEqual(52);
  }
});

test('a worker whose clock is behind is refused, and takes no harm', () => {
  const [ahead, behind] = workers(2, 1000, 10);
  expect(pass([ahead], 1, 100_000, 101_000, 10)).toBe(10);
  expect(pass([behind], 1, 99_000, 99_900, 10)).toBe(0);
  expect(pass([behind], 1, 10, 1000, 10)).toBe(0);
  expect(ahead.take(0, 1, 101_000)).toBe(true);
});

test('a frame dearer than the burst never passes', () => {
  const [view] = workers(1, 1e6, 1500);
  expect(view.take(0, 1501, 1e9)).toBe(false);
  expect(view.take(0, 1500, 1e9)).toBe(true);
});

test('a new setting holds at once for all and starts full; the same one again changes nothing', () => {
  const control = SharedBuckets.create(1);
  control.set(0, 1000, 10, 0);
  const view = SharedBuckets.attach(control.handles());
  expect(pass([view], 1, 0, 100, 1)).toBe(10);
  control.set(0, 1000, 10, 100);
  expect(pass([view], 1, 100, 200, 1)).toBe(0);
  control.set(0, 2000, 20, 200);
  expect(pass([view], 1, 200, 300, 1)).toBe(20);
  control.set(0, 0, 0, 300);
  expect(pass([view], 1, 300, 400, 1)).toBe(100);
});
