import { beforeAll, expect, it } from 'vitest';
import { measureAddFlows } from '../support/add-flows.ts';
import { likeFilters, manyFlows } from '../support/many-flows.ts';
import { sweep } from '../support/switch-process.ts';

const COUNT = 3000;

beforeAll(sweep);

// The full form, beside Open vSwitch: test/acceptance/add-flows.ts.
it.each([
  ['one by one', []],
  ['as a bundle', ['--bundle']],
])('a running flow loses nothing while rules are added %s', { timeout: 300_000 }, async (_how, words) => {
  const { sent, lost, overtaken, counts } = await measureAddFlows({
    ...{ flows: manyFlows([likeFilters(COUNT)], COUNT), workers: 2, rounds: 1, ovs: false, words, pps: 500 },
  });
  expect({ lost, overtaken, counts }).toEqual({ lost: 0, overtaken: 0, counts: [COUNT, COUNT] });
  expect(sent).toBeGreaterThan(0);
});
