import * as ffi from './ffi.ts';

/** Source: linux/sched.h, SCHED_IDLE; sched(7). */
const SCHED_IDLE = 5;
const param = new Int32Array(new SharedArrayBuffer(4));
const paramAddress = ffi.pin(param);

/**
 * From now on the calling thread has a processor only where nobody else wants one. Whoever may not ask for that goes on as before.
 * Source: sched_setscheduler(2): 0 is the calling thread.
 */
export function runWhenIdle(): void {
  ffi.schedSetscheduler(0, SCHED_IDLE, paramAddress);
}
