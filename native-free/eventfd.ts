import { linuxError } from './errors.ts';
import * as ffi from './ffi.ts';

/** EFD_CLOEXEC | EFD_NONBLOCK; source: sys/eventfd.h. */
const FLAGS = 0o2000000 | 0o4000;

const one = ffi.sharedBytes(8);
one[0] = 1;
const oneAddress = ffi.pin(one);
const sinkAddress = ffi.pin(ffi.sharedBytes(8));

/** Makes what wakes a worker from its wait. The number is good in every thread of the process. */
export function createEventfd(): number {
  const fd = ffi.eventfd(0, FLAGS);
  if (fd < 0) throw linuxError('eventfd', 'the process', ffi.errno());
  return fd;
}

/** Makes the eventfd readable, from any thread. Never throws: its only failure, a full counter, leaves it readable. */
export function signalEventfd(fd: number): void {
  ffi.write(fd, oneAddress, 8n);
}

/** Makes the eventfd unreadable again. @returns whether it had been signalled */
export function drainEventfd(fd: number): boolean {
  return ffi.read(fd, sinkAddress, 8n) === 8;
}

export function closeEventfd(fd: number): void {
  ffi.close(fd);
}
