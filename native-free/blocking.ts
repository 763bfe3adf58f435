import * as ffi from './ffi.ts';

/** Source: fcntl(2), asm-generic/fcntl.h. */
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/**
 * Says whether calls on an open file wait. It holds for all who have the file open through the same `open`. io_uring waits for a
 * file (by a poll of its own, no thread) only if this allows it.
 */
export function setBlocking(fd: number, blocking: boolean): void {
  const flags = ffi.fcntl(fd, F_GETFL, 0);
  if (flags >= 0) ffi.fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}
