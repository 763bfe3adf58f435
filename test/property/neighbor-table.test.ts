import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededKeys } from '../../src/table/hash.ts';
import { NeighborState, NeighborTable } from '../../src/table/neighbor-table.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const word = fc.constantFrom(0, 1, -1, 0xffff, 0x0a000001);
const address = fc.tuple(fc.constantFrom(0, 1), word, word);
const state = fc.constantFrom(...Object.values(NeighborState).filter((s) => s !== NeighborState.None));

test(`sets, changes and removes as a Map does (TAPYARD_SEED=${seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(address, fc.option(fc.tuple(state, fc.integer({ min: 1, max: 3 })))), { maxLength: 300 }),
      fc.integer(),
      (steps, key) => {
        const fast = NeighborTable.create(20, seededKeys(key));
        const slow = new Map<string, { state: NeighborState; mac: number }>();
        let now = 0x7ffffff0;
        for (const [[iface, high, low], change] of steps) {
          fast.reclaim((now += 250) | 0);
          const words = [high, 0, 0, low];
          const name = `${iface} ${words}`;
          if (change === null) expect(fast.remove(iface, words)).toBe(slow.delete(name));
          else {
            const [next, mac] = change;
            const done = fast.set(iface, words, next, 0x0200, mac);
            expect(done === -1).toBe(!slow.has(name) && slow.size >= 20);
            if (done !== -1) slow.set(name, { state: next, mac });
          }
          expect(fast.count).toBe(slow.size);
        }
        const seen = new Map<string, { state: NeighborState; mac: number }>();
        for (const { entry, iface, words, state, macLo } of fast.entries()) {
          const known = slow.get(`${iface} ${words}`);
          seen.set(`${iface} ${words}`, { state, mac: fast.usable(entry) ? macLo : (known?.mac ?? 0) });
        }
        expect(seen).toEqual(slow);
      },
    ),
    { seed, numRuns: 200 },
  );
});

test('two threads that read while the writer changes MACs and removes see no torn entry', async () => {
  const table = NeighborTable.create(64);
  // Word 0 stops the workers; then how often each has found a neighbour.
  const progress = new Int32Array(new SharedArrayBuffer(12));
  const workers = [0, 1].map(
    (index) =>
      new Worker(new URL('./neighbor-table-worker.ts', import.meta.url), {
        workerData: { handles: table.handles(), index, progress },
      }),
  );
  const reports = workers.map(
    (worker) =>
      new Promise<number>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  for (let round = 1; round < 40 || progress.subarray(1).some((count) => count < 50_000); round++) {
    table.reclaim(performance.now() | 0);
    for (let n = 0; n < 64; n++) {
      const words = [0, 0, 0xffff, n];
      if ((round + n) % 5 === 0) table.remove(1, words);
      // The low part of the MAC follows from the high part and the address: a reader that mixes two sees it.
      else table.set(1, words, NeighborState.Reachable, round & 0xffff, Math.imul(round & 0xffff, 65537) ^ n);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  Atomics.store(progress, 0, 1);
  expect(await Promise.all(reports)).toEqual([0, 0]);
});
