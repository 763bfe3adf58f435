import { PACE_QUEUE, Pace, PaceCell } from '../../src/port/pace.ts';

/** Frames by the clock, and where each is due that carries a time. */
export function paced(perSecond: number) {
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
