import { Errno, errnoName, LinuxError } from './errors.ts';
import { closeEventfd, createEventfd, signalEventfd } from './eventfd.ts';
import * as ffi from './ffi.ts';
import { IovecTable } from './iovec.ts';
import { Uring } from './uring.ts';
import { CQE_MORE } from './uring-abi.ts';

/** How ports read and write: through io_uring, or poll, readv and writev. */
export type IoMode = 'uring' | 'poll';

const O_RDWR_NONBLOCK_CLOEXEC = 0o2 | 0o4000 | 0o2000000;

function missing(what: string, result: number): LinuxError {
  const errno = result < 0 ? errnoName(-result) : 'no answer';
  return new LinuxError({ code: 'E_URING_MISSING', call: what, object: 'io_uring of this kernel', errno });
}

/** One request, one answer. @returns [result, flags] */
function answer(ring: Uring): [number, number] {
  ring.enter(1, 1000);
  const there = ring.completions() > 0;
  const found: [number, number] = there ? [ring.cqeResult(0), ring.cqeFlags(0)] : [0, 0];
  if (there) ring.advance(1);
  return found;
}

/**
 * Tries what the worker's loop needs, for real: a ring, a multishot poll (Linux 5.13), and a read of a TAP that does not wait
 * (RWF_NOWAIT, which its driver took up later; on a TAP without a device a driver that knows it says EBADFD, the kernel
 * says EOPNOTSUPP for one that does not). Version numbers would say less: distributions backport, containers forbid.
 * @throws LinuxError, whose cure names the fallback
 */
export function tryUring(): void {
  const iovecs = new IovecTable(1, new SharedArrayBuffer(64));
  const ring = new Uring({ entries: 8, completions: 16, files: 1, iovecs });
  const event = createEventfd();
  const tun = ffi.open('/dev/net/tun', O_RDWR_NONBLOCK_CLOEXEC, 0);
  try {
    ring.pollFd(event, 0, 0);
    signalEventfd(event);
    const [events, flags] = answer(ring);
    if (events <= 0 || (flags & CQE_MORE) === 0) throw missing('multishot poll', events);
    // Without the TAP driver there is nothing to try; openTap then says what to do.
    if (tun < 0) return;
    ring.registerFile(0, tun);
    iovecs.setHead(0, 0, 64);
    ring.readvNowait(0, 0, 1, 1, 0);
    const [read] = answer(ring);
    if (read === -Errno.EOPNOTSUPP || read === -Errno.EINVAL || read === 0)
      throw missing('readv with RWF_NOWAIT', read);
  } finally {
    ring.close();
    closeEventfd(event);
    if (tun >= 0) ffi.close(tun);
  }
}

/**
 * Chooses once, at start.
 * @param wanted TAPYARD_IO: `uring` (an error if it cannot be had), `poll`, or undefined (io_uring if it can be had)
 * @returns the mode, and why it is not io_uring when nobody asked for poll
 */
export function chooseIo(wanted: string | undefined): { mode: IoMode; reason?: LinuxError } {
  if (wanted === 'poll') return { mode: 'poll' };
  if (wanted !== undefined && wanted !== '' && wanted !== 'uring') {
    throw new LinuxError({
      code: 'E_VALUE',
      call: 'choosing the I/O mode',
      object: `TAPYARD_IO=${wanted}`,
      errno: 'EINVAL',
      cure: 'set it to uring or poll, or leave it out',
    });
  }
  try {
    tryUring();
    return { mode: 'uring' };
  } catch (error) {
    if (wanted === 'uring' || !(error instanceof LinuxError)) throw error;
    return { mode: 'poll', reason: error };
  }
}
