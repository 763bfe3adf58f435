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

/**
 * Makes a clock: monotonic microseconds since `origin`, with fraction. Threads with the same origin have the same time. Not
 * `performance.now`, which makes an object of every number; what this returns is none where the call is inlined.
 */
export function microsecondsSince(origin: number): () => number {
  return () => {
    ffi.clockGettime(CLOCK_MONOTONIC, timeAddress);
    return (time[0] - origin) * 1e6 + time[NANOSECONDS] / 1000;
  };
}
