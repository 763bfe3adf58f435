import { expect, test } from 'vitest';
import { fuzzMessages } from './openflow.ts';
import { Random, seedOfRun } from './random.ts';

test('20,000 random messages to a datapath: answered or refused, nothing thrown, nothing beyond the bounds', async () => {
  const seed = seedOfRun();
  const result = await fuzzMessages(new Random(seed), 20_000);
  expect(result.faults, `seed ${seed}`).toEqual([]);
  expect(result.errors).toBeGreaterThan(1000);
  expect(result.rules).toBeLessThanOrEqual(500);
});
