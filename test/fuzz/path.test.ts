import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Fuzz, type Input } from './fuzz.ts';
import { seedOfRun } from './random.ts';
import { complaint } from './shortest.ts';

const CORPUS = new URL('./corpus/', import.meta.url);
const FRAMES = 150_000;

/** Lines of a corpus file: port, virtio-net header, frame in hexadecimal; `wait N` lets N milliseconds pass. */
function read(file: string): (Input | number)[] {
  const lines = readFileSync(new URL(file, CORPUS), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((text) => {
      const [line, vnet, frame = ''] = text.split(' ');
      return line === 'wait' ? Number(vnet) : { line, vnet, frame };
    });
}

describe('every stage of a switch of four tenants', () => {
  const seeds = [20_260_101, seedOfRun()];
  it.each(seeds)('holds all invariants whatever comes in; seed %i', { timeout: 120_000 }, async (seed) => {
    const fuzz = await Fuzz.create(seed, 600);
    while (fuzz.sent < FRAMES) fuzz.step();
    fuzz.rest();
    // Enough must have come through, and enough been dropped for all kinds of reasons, for this to say anything.
    expect(fuzz.verified).toBeGreaterThan(FRAMES / 20);
    expect([...fuzz.drops().values()].filter((count) => count > 0).length).toBeGreaterThan(25);
  });

  it.each(readdirSync(CORPUS).sort())(
    'holds them for %s, which once was found wrong or is easily got wrong',
    async (file) => {
      expect(await complaint(read(file))).toBeNull();
    },
  );
});
