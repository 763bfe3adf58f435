import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PACE_QUEUE, Pace, PaceCell } from '../../src/port/pace.ts';

function paced(perSecond: number) {
  const memory = new SharedArrayBuffer(PaceCell.WIDTH * 8);
  const cells = new Float64Array(memory);
  cells[PaceCell.PerSecond] = perSecond;
  const pace = new Pace(memory);
  const now = new Float64Array(1);
  const frames = new DataView(new ArrayBuffer(PACE_QUEUE * 16));
  const start = Int32Array.from({ length: PACE_QUEUE }, (_, i) => i * 16);
  const length = new Int32Array(PACE_QUEUE).fill(16);
  return {
    cells,
    at: (us: number) => {
      now[0] = us;
      return pace.arrive(now);
    },
    /** Takes so many: the times at which they were due, of those that carry it. */
    take: (count: number) => {
      for (let i = 0; i < count; i++) frames.setFloat64(i * 16 + 8, Number.NaN, true);
      pace.take(frames, start, length, 0, count);
      const times = Array.from({ length: count }, (_, i) => frames.getFloat64(i * 16 + 8, true));
      return times.filter((time) => !Number.isNaN(time));
    },
  };
}

describe('frames that come by the clock', () => {
  it('are due whether anybody looks or not, each at its time, which every eighth carries', () => {
    const { at, take, cells } = paced(100_000);
    expect(at(1000)).toBe(1);
    expect(at(1004)).toBe(1);
    expect(at(1035)).toBe(4);
    expect(take(4)).toEqual([1000]);
    expect(at(1039)).toBe(0);
    expect(at(1200)).toBe(17);
    expect(take(17)).toEqual([1080, 1160]);
    expect(cells[PaceCell.Offered]).toBe(21);
  });

  it('are lost when the queue is full, the last ones', () => {
    const { at, take, cells } = paced(1e6);
    at(0);
    expect(at(PACE_QUEUE + 99)).toBe(PACE_QUEUE);
    expect(cells[PaceCell.Offered]).toBe(PACE_QUEUE + 100);
    expect(cells[PaceCell.Overflowed]).toBe(100);
    expect(take(8)).toEqual([0]);
    expect(at(PACE_QUEUE + 107)).toBe(PACE_QUEUE);
    expect(take(PACE_QUEUE - 8)).toEqual(Array.from({ length: PACE_QUEUE / 8 - 1 }, (_, k) => (k + 1) * 8));
    expect(take(8)).toEqual([PACE_QUEUE + 100]);
  });

  it('come at another rate from when that is looked at, and none at rate 0', () => {
    const { at, take, cells } = paced(1e6);
    at(0);
    take(1);
    cells[PaceCell.PerSecond] = 0;
    expect(at(500)).toBe(0);
    cells[PaceCell.PerSecond] = 1000;
    expect(at(1500)).toBe(1);
    expect(at(2499)).toBe(1);
    expect(at(2500)).toBe(2);
  });

  it('wait and are lost as in a queue that keeps the time of each', () => {
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
    );
  });
});

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
