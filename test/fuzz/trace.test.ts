import { describe, expect, it } from 'vitest';
import { Agreement } from './agreement.ts';
import { seedOfRun } from './random.ts';

const WORLDS = 12;
const FRAMES = 40;

describe('what trace says', () => {
  const seeds = [20_260_105, seedOfRun()];
  it.each(seeds)(
    'is what happens, in random configurations with random rules; seed %i',
    { timeout: 120_000 },
    async (seed) => {
      const agreement = new Agreement(seed);
      for (let world = 0; world < WORLDS; world++) {
        await agreement.next();
        for (let k = 0; k < FRAMES; k++) agreement.step();
      }
      // Enough must have left, and been dropped for several reasons, for this to say anything.
      expect(agreement.left).toBeGreaterThan(WORLDS * 5);
      expect(agreement.reasons.size).toBeGreaterThan(5);
    },
  );
});
