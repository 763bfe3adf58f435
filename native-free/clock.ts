import * as ffi from './ffi.ts';

/** Source: linux/time.h; the clock of `performance.now`, the same on all threads. */
const CLOCK_MONOTONIC = 1;
const NANOSECONDS = 2;

/** struct timespec: two words of 64 bits, of which the lower halves do, little-endian. */
const time = new Int32Array(new SharedArrayBuffer(16));
const timeAddress = ffi.pin(time);

/** Seconds since the machine has started: an origin for `microseconds`. */
export function monotonicSeconds(): number {
  ffi.clockGettime(CLOCK_MONOTONIC, timeAddress);
  return time[0];
}

/** Writes monotonic microseconds, with fraction, into the first element: a function that returned them would make an object. */
export type ClockReader = (into: Float64Array) => void;

/**
 * Makes a clock of microseconds since `origin`; threads with the same origin have the same time, but for a microsecond or two. It asks
 * `performance.now`, which counts from the beginning of its thread, and costs a third of a call by node:ffi.
 */
export function clockSince(origin: number): ClockReader {
  ffi.clockGettime(CLOCK_MONOTONIC, timeAddress);
  const sinceOrigin = (time[0] - origin) * 1e6 + time[NANOSECONDS] / 1000;
  // The global one is behind an accessor, which would run each time.
  const own = performance;
  const offset = sinceOrigin - own.now() * 1000;
  return (into) => {
    into[0] = own.now() * 1000 + offset;
  };
}

/** The same clock for those to whom an object a call is nothing. */
export function microsecondsSince(origin: number): () => number {
  const read = clockSince(origin);
  const cell = new Float64Array(1);
  return () => {
    read(cell);
    return cell[0];
  };
}

const CLOCK_THREAD_CPUTIME_ID = 3;

/** Writes microseconds, with fraction, for which the thread that calls it has had a processor; a system call, about half a microsecond. */
export function processorTime(into: Float64Array): void {
  ffi.clockGettime(CLOCK_THREAD_CPUTIME_ID, timeAddress);
  into[0] = time[0] * 1e6 + time[NANOSECONDS] / 1000;
}
