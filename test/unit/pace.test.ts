import { describe, expect, it } from 'vitest';
import { PACE_QUEUE, PaceCell } from '../../src/port/pace.ts';
import { paced } from '../support/paced.ts';

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

  it('are given in pieces after a stop in which more were due than a small number can say', () => {
    const { at, cells } = paced(1e9);
    at(0);
    at(3e6);
    expect(cells[PaceCell.Offered]).toBe(2 ** 30);
    at(3e6);
    expect(cells[PaceCell.Offered]).toBe(2 ** 31 - 1);
    at(3e6);
    expect(cells[PaceCell.Offered]).toBe(3e9 + 1);
  });
});
