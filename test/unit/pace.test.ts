import { describe, expect, it } from 'vitest';
import { PACE_QUEUE, Pace, PaceCell } from '../../src/port/pace.ts';

function paced(perSecond: number) {
  const memory = new SharedArrayBuffer(PaceCell.WIDTH * 8);
  const cells = new Float64Array(memory);
  cells[PaceCell.PerSecond] = perSecond;
  const pace = new Pace(memory);
  const now = new Float64Array(1);
  const frame = new DataView(new ArrayBuffer(8));
  return {
    cells,
    at: (us: number) => {
      now[0] = us;
      return pace.arrive(now);
    },
    take: () => {
      pace.take(frame, 0);
      return frame.getFloat64(0, true);
    },
  };
}

describe('frames that come by the clock', () => {
  it('are due whether anybody looks or not, each at its time', () => {
    const { at, take, cells } = paced(100_000);
    expect(at(1000)).toBe(1);
    expect(at(1004)).toBe(1);
    expect(at(1035)).toBe(4);
    expect([take(), take(), take(), take()]).toEqual([1000, 1010, 1020, 1030]);
    expect(at(1039)).toBe(0);
    expect(cells[PaceCell.Offered]).toBe(4);
  });

  it('are lost when the queue is full, the last ones', () => {
    const { at, take, cells } = paced(1e6);
    at(0);
    expect(at(PACE_QUEUE + 99)).toBe(PACE_QUEUE);
    expect(cells[PaceCell.Offered]).toBe(PACE_QUEUE + 100);
    expect(cells[PaceCell.Overflowed]).toBe(100);
    expect(take()).toBe(0);
    expect(at(PACE_QUEUE + 100)).toBe(PACE_QUEUE);
    for (let k = 1; k < PACE_QUEUE; k++) expect(take()).toBe(k);
    expect(take()).toBe(PACE_QUEUE + 100);
  });

  it('come at another rate from when that is looked at, and none at rate 0', () => {
    const { at, take, cells } = paced(1e6);
    at(0);
    take();
    cells[PaceCell.PerSecond] = 0;
    expect(at(500)).toBe(0);
    cells[PaceCell.PerSecond] = 1000;
    expect(at(1500)).toBe(1);
    expect(at(2499)).toBe(1);
    expect(at(2500)).toBe(2);
  });
});
