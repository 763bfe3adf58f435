import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededKeys } from '../../src/table/hash.ts';
import { MacEvent, MacTable } from '../../src/table/mac-table.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

interface Row {
  port: number;
  seen: number;
  fixed: boolean;
}

/** The obvious twin: a Map. Its capacity is the quota; places in buckets and quarantines it does not know. */
class SlowMacs {
  readonly rows = new Map<string, Row>();
  readonly capacity: number;
  constructor(capacity: number) {
    this.capacity = capacity;
  }
  learn(key: string, port: number, now: number): 'same' | 'added' | 'moved' | 'static' | 'full' {
    const row = this.rows.get(key);
    if (row === undefined) {
      if (this.rows.size >= this.capacity) return 'full';
      this.rows.set(key, { port, seen: now, fixed: false });
      return 'added';
    }
    if (row.port === port) {
      if (now - row.seen >= 1000) row.seen = now;
      return 'same';
    }
    if (row.fixed) return 'static';
    row.port = port;
    row.seen = now;
    return 'moved';
  }
  remove(which: (row: Row) => boolean): number {
    const gone = [...this.rows].filter(([, row]) => !row.fixed && which(row));
    for (const [key] of gone) this.rows.delete(key);
    return gone.length;
  }
}

const outcome = {
  [MacEvent.Unchanged]: 'same',
  [MacEvent.Refreshed]: 'same',
  [MacEvent.Added]: 'added',
  [MacEvent.Moved]: 'moved',
  [MacEvent.Flapping]: 'moved',
  [MacEvent.Full]: 'full',
  [MacEvent.Static]: 'static',
  [MacEvent.Busy]: 'busy',
};

const mac = fc.integer({ min: 0, max: 40 });
const vlan = fc.constantFrom(1, 2);
const port = fc.integer({ min: 0, max: 3 });
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('learn' as const), mac, vlan, port }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tie' as const), mac, vlan, port }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('untie' as const), mac, vlan }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('age' as const), max: fc.integer({ min: 0, max: 3000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), port }) },
);

test(`learns, moves, ages and flushes as a Map does (TAPYARD_SEED=${seed})`, () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.integer({ min: 0, max: 700 })), { maxLength: 200 }),
      fc.integer(),
      fc.constantFrom(0, 0x7ffff000),
      (steps, key, start) => {
        const fast = MacTable.create(24, seededKeys(key));
        const slow = new SlowMacs(24);
        let now = 0;
        for (const [s, wait] of steps) {
          now += wait;
          const clock = (start + now) | 0;
          if (s.do === 'learn') {
            const said = outcome[fast.learn(0x0200, s.mac, s.vlan, s.port, clock)];
            // Entries in quarantine may leave too few: then the frame after next learns it.
            if (said === 'full' && slow.rows.size < 24) continue;
            expect(said).toBe(slow.learn(`${s.mac} ${s.vlan}`, s.port, now));
          } else if (s.do === 'tie') {
            const row = slow.rows.get(`${s.mac} ${s.vlan}`);
            if (fast.addStatic(0x0200, s.mac, s.vlan, s.port)) {
              slow.rows.set(`${s.mac} ${s.vlan}`, { port: s.port, seen: row?.seen ?? 0, fixed: true });
            } else expect(row).toBeUndefined();
          } else if (s.do === 'untie') {
            const fixed = slow.rows.get(`${s.mac} ${s.vlan}`)?.fixed === true;
            expect(fast.removeStatic(0x0200, s.mac, s.vlan)).toBe(fixed);
            if (fixed) slow.rows.delete(`${s.mac} ${s.vlan}`);
          } else if (s.do === 'age') {
            const removed = fast.age(clock, s.max);
            expect(removed).toBe(slow.remove((row) => now - row.seen > s.max));
          } else {
            expect(fast.flushPort(s.port)).toBe(slow.remove((row) => row.port === s.port));
          }
          expect(fast.count).toBe(slow.rows.size);
          for (let m = 0; m <= 40; m++) {
            const entry = fast.lookup(0x0200, m, 1);
            expect(entry === -1 ? undefined : fast.port(entry)).toBe(slow.rows.get(`${m} 1`)?.port);
          }
        }
        const rows = [...fast.entries((start + now) | 0)].map(
          (row) => `${Number(`0x${row.mac.slice(-2)}`)} ${row.vlan} ${row.port}`,
        );
        expect(rows.sort()).toEqual([...slow.rows].map(([key, row]) => `${key} ${row.port}`).sort());
      },
    ),
    { seed, numRuns: 200 },
  );
});

test('three threads that learn, move and read while the control thread ages and flushes see no torn entry', async () => {
  const table = MacTable.create(2000);
  // Word 0 stops the workers; then how often each has found an address, and how often learned one.
  const progress = new Int32Array(new SharedArrayBuffer(28));
  const workers = [0, 1, 2].map(
    (index) =>
      new Worker(new URL('./mac-table-worker.ts', import.meta.url), {
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
  const now = () => (performance.timeOrigin + performance.now()) | 0;
  for (let round = 0; progress.subarray(1).some((count) => count < 5000); round++) {
    if (round % 4 === 0) table.flushPort(round % 8);
    else table.age(now(), round % 16 === 1 ? 0 : 100);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  Atomics.store(progress, 0, 1);
  expect(await Promise.all(reports)).toEqual([0, 0, 0]);
  // Whatever happened, the index, the entries and the count agree afterwards.
  const rows = [...table.entries(now())];
  expect(rows).toHaveLength(table.count);
  expect(new Set(rows.map((row) => `${row.mac} ${row.vlan}`)).size).toBe(rows.length);
  for (const row of rows) {
    const words = Number(`0x${row.mac.replaceAll(':', '').slice(4)}`);
    expect(table.port(table.lookup(0x0200, words, row.vlan))).toBe(row.port);
  }
});
