import { describe, expect, it } from 'vitest';
import { disorders, measureOrder } from '../../src/lab/order.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
const FRAMES = 200_000;

/** The short form of test/acceptance/reorder.ts. */
describe(`order of frames through a real switch (seed ${seed})`, () => {
  it.each([
    ['uring', 'router'],
    ['poll', 'bridge'],
  ] as const)(
    'holds in 16 flows with super-frames and TCP beside: %s, %s',
    { timeout: 300_000 },
    async (io, through) => {
      const { signal } = new AbortController();
      const options = { frames: FRAMES, flows: 16, pps: 60_000, seconds: 60, io, through, seed, signal };
      const result = await measureOrder(options);
      expect({ ...result, wrong: disorders(result, FRAMES) }).toMatchObject({ wrong: [], io });
    },
  );
});
