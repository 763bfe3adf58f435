import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Rate } from '../../src/slow/rate.ts';
import { Task, Timers } from '../../src/slow/timers.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? 0) || Math.floor(Math.random() * 2 ** 31);

it(`timers fire as a sorted list would have them fire, whatever is set, moved and cancelled (seed ${seed})`, () => {
  const step = fc.record({ item: fc.nat(15), due: fc.nat(100), what: fc.constantFrom('set', 'cancel', 'run') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const timers = new Timers();
      const twin = new Map<number, number>();
      const fired: number[] = [];
      const tasks = Array.from({ length: 16 }, (_, i) => new Task(() => fired.push(i)));
      for (const { item, due, what } of steps) {
        if (what === 'set') {
          timers.set(tasks[item], due);
          twin.set(item, due);
        } else if (what === 'cancel') {
          timers.cancel(tasks[item]);
          twin.delete(item);
        } else {
          fired.length = 0;
          timers.run(due, 1000);
          const expected = [...twin].filter(([, at]) => at <= due);
          for (const [name] of expected) twin.delete(name);
          expect([...fired].sort()).toEqual(expected.map(([name]) => name).sort());
          expect(fired.map((name) => expected.find(([other]) => other === name)?.[1])).toEqual(
            expected.map(([, at]) => at).sort((a, b) => a - b),
          );
        }
        expect(timers.size).toBe(twin.size);
        expect(timers.next).toBe(Math.min(Number.POSITIVE_INFINITY, ...twin.values()));
      }
    }),
    { seed, numRuns: 300 },
  );
});

it('a run of timers is bounded', () => {
  const timers = new Timers();
  let fired = 0;
  for (let i = 0; i < 10; i++) timers.set(new Task(() => fired++), i);
  timers.run(100, 4);
  expect([fired, timers.size]).toEqual([4, 6]);
});

it('a rate gives its burst, then what time brings, and never more than its burst', () => {
  const rate = new Rate(10, 5);
  const take = (now: number) => Array.from({ length: 20 }, () => rate.take(now)).filter(Boolean).length;
  expect([take(0), take(0), take(100), take(50), take(300), take(60_000)]).toEqual([5, 0, 1, 0, 2, 5]);
});
