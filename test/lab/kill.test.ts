import { describe, expect, it } from 'vitest';
import { measureKills } from '../support/kills.ts';
import { own, sweep } from '../support/switch-process.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));

/** The short form of test/acceptance/kill.ts. */
describe(`a switch that is killed somewhere (seed ${seed})`, () => {
  it('leaves nothing, lets go of what it joined, and starts again', { timeout: 300_000 }, async () => {
    sweep();
    const { kills, wrong } = await measureKills({ kills: 4, seed, own });
    // How long the joined device took is asked by the long form alone.
    expect([kills, wrong.filter((what) => !what.includes('the device took'))]).toEqual([4, []]);
  });
});
