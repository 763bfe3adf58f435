import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PACE_QUEUE, PaceCell } from '../../src/port/pace.ts';
import { paced } from '../support/paced.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** The slow twin: a time for each frame that waits. */
class TimesQueue {
  offered = 0;
  overflowed = 0;
  #perSecond = 0;
  #nextPerSecond: number;
  #most = PACE_QUEUE;
  #next = 0;
  #times: number[] = [];
  #taken = 0;

  constructor(perSecond: number) {
    this.#nextPerSecond = perSecond;
  }

  change(perSecond: number, most: number): void {
    this.#nextPerSecond = perSecond;
    this.#most = most;
  }

  arrive(now: number): number {
    if (this.#nextPerSecond !== this.#perSecond) {
      this.#perSecond = this.#nextPerSecond;
      this.#next = now;
    }
    if (this.#perSecond === 0) return this.#times.length;
    const gap = 1e6 / this.#perSecond;
    const due = now < this.#next ? 0 : Math.floor((now - this.#next) / gap) + 1;
    for (let k = 0; k < due; k++) {
      this.offered++;
      if (this.#times.length >= this.#most) this.overflowed++;
      else this.#times.push(this.#next + k * gap);
    }
    this.#next += due * gap;
    return this.#times.length;
  }

  take(count: number): number[] {
    return this.#times.splice(0, count).filter(() => this.#taken++ % 8 === 0);
  }
}

test(`frames by the clock wait and are lost as in a queue that keeps the time of each (TAPYARD_SEED=${seed})`, () => {
  const step = fc.record({
    later: fc.double({ min: 0, max: 3000, noNaN: true }),
    take: fc.nat(5000),
    change: fc.option(fc.record({ perSecond: fc.constantFrom(0, 1e3, 3e5, 1e6), queue: fc.constantFrom(0, 8, 300) })),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const { at, take, cells } = paced(1e6);
      const twin = new TimesQueue(1e6);
      let now = 1000;
      for (const { later, take: most, change } of steps) {
        now += later;
        if (change !== null) {
          cells[PaceCell.PerSecond] = change.perSecond;
          cells[PaceCell.Queue] = change.queue;
          twin.change(change.perSecond, change.queue || PACE_QUEUE);
        }
        const waiting = at(now);
        expect(waiting).toBe(twin.arrive(now));
        expect(cells[PaceCell.Offered]).toBe(twin.offered);
        expect(cells[PaceCell.Overflowed]).toBe(twin.overflowed);
        const count = Math.min(most, waiting);
        const expected = twin.take(count);
        const stamped = take(count);
        expect(stamped).toHaveLength(expected.length);
        for (const [i, due] of stamped.entries()) expect(due).toBeCloseTo(expected[i], 3);
      }
    }),
    { seed },
  );
});
