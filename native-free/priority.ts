import { getPriority } from 'node:os';
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

/** Source: linux/resource.h, PRIO_PROCESS, of which 0 is the calling thread; setpriority(2). */
const PRIO_PROCESS = 0;
/** What Open vSwitch's daemon runs at: nine parts of ten where a thread of the usual niceness, 0, wants the same processor. */
const FIRST = -10;
/** What `nice`, systemd or whoever started us gave the process. */
const OWN = getPriority();

/**
 * Whether the calling thread goes before most others: not before those of real time, and not so far that they have no processor. Whoever may not
 * ask for that goes on as before.
 */
export function runFirst(first: boolean): void {
  ffi.setPriority(PRIO_PROCESS, 0, first ? Math.min(FIRST, OWN) : OWN);
}
