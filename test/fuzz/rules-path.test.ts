import { describe, expect, it } from 'vitest';
import { seedOfRun } from './random.ts';
import { RuleFuzz } from './rule-fuzz.ts';

const FRAMES = 60_000;
const DROPS = ['table-miss', 'rule-drop', 'meter', 'rule-port'];

describe('rules that change all the time', () => {
  const seeds = [20_260_103, seedOfRun()];
  it.each(seeds)('hold all invariants whatever comes in; seed %i', { timeout: 120_000 }, async (seed) => {
    const fuzz = await RuleFuzz.create(seed);
    // Random rules may let little through for long: such a run goes on until it says something.
    const dropped = () => Object.keys(fuzz.lab.drops('red'));
    const saysLittle = () =>
      fuzz.received <= FRAMES / 10 || fuzz.told <= FRAMES / 100 || DROPS.some((reason) => !dropped().includes(reason));
    while (fuzz.sent < FRAMES || (saysLittle() && fuzz.sent < 10 * FRAMES)) await fuzz.step();
    // Enough must have come through, and enough been said, for this to say anything.
    expect(fuzz.received).toBeGreaterThan(FRAMES / 10);
    expect(fuzz.told).toBeGreaterThan(FRAMES / 100);
    expect(dropped()).toEqual(expect.arrayContaining(DROPS));
  });
});
