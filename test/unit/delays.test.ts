import { expect, it } from 'vitest';
import { random } from '../../src/bench/statistics.ts';
import { Delays, delayQuantile, delaysMemory } from '../../src/port/delays.ts';

function quantilesOf(values: readonly number[], shares: readonly number[]): number[] {
  const delays = new Delays(delaysMemory());
  const before = delays.snapshot();
  for (const us of values) delays.add(us);
  return shares.map((share) => delayQuantile(share, before, delays.snapshot()));
}

it('quantiles of delays are those of the sorted list, a sixteenth and a sixteenth of a microsecond too high at most', () => {
  const next = random(7);
  const values = Array.from({ length: 5000 }, () => 2 ** ((next() / 2 ** 32) * 26) - 1);
  const sorted = values.toSorted((a, b) => a - b);
  const shares = [0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1];
  for (const [i, found] of quantilesOf(values, shares).entries()) {
    const right = sorted[Math.ceil(shares[i] * sorted.length) - 1];
    expect(found).toBeGreaterThan(right);
    expect(found).toBeLessThanOrEqual(right * (1 + 1 / 16) + 1 / 16 + 1e-9);
  }
});

it('only what came between two looks counts', () => {
  const delays = new Delays(delaysMemory());
  for (let k = 0; k < 1000; k++) delays.add(500);
  const before = delays.snapshot();
  expect(delayQuantile(0.5, before, before)).toBeNaN();
  delays.add(3);
  delays.add(1e12);
  delays.add(-1);
  expect(delayQuantile(0.5, before, delays.snapshot())).toBeCloseTo(3, 0);
  expect(delayQuantile(1, before, delays.snapshot())).toBeGreaterThan(1e8);
});
