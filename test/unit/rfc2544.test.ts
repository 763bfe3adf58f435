import { describe, expect, it } from 'vitest';
import { search, type Trial } from '../../src/bench/rfc2544.ts';

/** A switch that forwards so many frames/s, and a generator that can send so many; how often it was tried. */
function rig(capacity: number, generator = Number.POSITIVE_INFINITY) {
  const tried: number[] = [];
  const trial = async (ratePps: number): Promise<Trial> => {
    tried.push(ratePps);
    const offeredPps = Math.min(ratePps, generator);
    const lost = Math.max(0, offeredPps - capacity);
    return { ratePps, offeredPps, sent: offeredPps, lost, short: offeredPps < ratePps * 0.98 };
  };
  return { tried, trial };
}

describe('the search for a rate', () => {
  it('finds the highest without loss, and with a little', async () => {
    const { trial } = rig(100_000);
    const { pps } = await search(trial, 400_000, 150_000, 0, 0);
    expect(pps).toBeGreaterThan(97_000);
    expect(pps).toBeLessThanOrEqual(100_000);
    const more = await search(trial, 400_000, 150_000, 0.005, pps);
    expect(more.pps).toBeGreaterThan(98_000);
    expect(more.pps).toBeLessThanOrEqual(100_503);
  });

  it('with a little loss is never below the one without', async () => {
    const { trial } = rig(50_000);
    expect((await search(trial, 400_000, 150_000, 0.005, 90_000)).pps).toBe(90_000);
  });

  it('says when the generator was the limit', async () => {
    const { trial } = rig(100_000, 80_000);
    expect(await search(trial, 82_000, 82_000, 0, 0)).toMatchObject({ limited: true });
  });

  it('ends, whatever the machine does to the generator', async () => {
    const { tried, trial } = rig(100_000, 10);
    expect((await search(trial, 400_000, 100_000, 0, 0)).pps).toBe(0);
    expect(tried.length).toBeLessThanOrEqual(12);
  });
});
