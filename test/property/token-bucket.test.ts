import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedBuckets } from '../../src/table/shared-buckets.ts';
import { TokenBucket } from '../../src/table/token-bucket.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test(`a bucket decides as one does that counts token by token (TAPYARD_SEED=${seed})`, () => {
  fc.assert(
    fc.property(
      // A token every `period` microseconds, so that the twin works on integers alone.
      fc.constantFrom(1, 8, 64),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 60 })), { maxLength: 200 }),
      (period, burst, frames) => {
        const buckets = new TokenBucket(3);
        buckets.set(1, 1e6 / period, burst);
        let now = 0;
        let begun = false;
        // Tokens times the period.
        let have = burst * period;
        for (const [wait, tokens] of frames) {
          for (let i = 0; i < wait; i++) if (begun && have < burst * period) have++;
          now += wait;
          begun = true;
          const passes = have >= tokens * period;
          if (passes) have -= tokens * period;
          expect(buckets.take(1, tokens, now)).toBe(passes);
        }
      },
    ),
    { seed, numRuns: 300 },
  );
});

test('threads that fight for one bucket together pass what it has and no more', async () => {
  const rate = 1e6;
  const burst = 20_000;
  const buckets = SharedBuckets.create(1);
  buckets.set(0, rate, burst, 0);
  const begin = new Int32Array(new SharedArrayBuffer(4));
  const workers = [0, 1, 2].map(
    () =>
      new Worker(new URL('./shared-buckets-worker.ts', import.meta.url), {
        workerData: { handles: buckets.handles(), begin, untilUs: 1_000_000 },
      }),
  );
  const passed = workers.map(
    (worker) =>
      new Promise<number>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  Atomics.store(begin, 0, 1);
  Atomics.notify(begin, 0);
  const total = (await Promise.all(passed)).reduce((sum, one) => sum + one, 0);
  expect(total).toBeLessThanOrEqual(rate + burst + 4 * (rate / 1000));
  expect(total).toBeGreaterThanOrEqual(rate);
});
