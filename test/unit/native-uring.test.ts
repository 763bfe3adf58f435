import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Errno, LinuxError } from '../../native-free/errors.ts';
import { closeEventfd, createEventfd, drainEventfd, signalEventfd } from '../../native-free/eventfd.ts';
import * as ffi from '../../native-free/ffi.ts';
import { IovecTable } from '../../native-free/iovec.ts';
import { PollSet, readv, writev } from '../../native-free/poll.ts';
import { Uring } from '../../native-free/uring.ts';
import { CQE_MORE, POLLIN } from '../../native-free/uring-abi.ts';

const memory = new SharedArrayBuffer(1 << 16);
const octets = new Uint8Array(memory);
const iovecs = new IovecTable(16, memory);
const opened: number[] = [];
let ring: Uring;

function eventfd(): number {
  const fd = createEventfd();
  opened.push(fd);
  return fd;
}

/** Everything that is there, as [low, high, result, more]. */
function reap(): number[][] {
  const found = Array.from({ length: ring.completions() }, (_, i) => [
    ring.cqeLow(i),
    ring.cqeHigh(i),
    ring.cqeResult(i),
    ring.cqeFlags(i) & CQE_MORE,
  ]);
  ring.advance(found.length);
  return found;
}

beforeEach(() => {
  ring = new Uring({ entries: 8, completions: 64, files: 4, iovecs });
});

afterEach(() => {
  ring.close();
  for (const fd of opened.splice(0)) closeEventfd(fd);
});

test('every signature of the C library does what it says', () => {
  ffi.selfTest();
});

describe('a ring', () => {
  test('gives back both halves of user data, signs and all', () => {
    ring.nop(-2, 0x7fff_ffff);
    expect(ring.pending).toBe(1);
    expect(ring.enter(1, 50)).toBe(1);
    expect(reap()).toEqual([[-2, 0x7fff_ffff, 0, 0]]);
  });

  test('submits early when the queue is full', () => {
    for (let i = 0; i < 50; i++) expect(ring.nop(i, 0)).toBe(true);
    ring.enter(0, 0);
    expect(reap().map(([low]) => low)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('loses no completion when there are more than its queue holds', () => {
    const seen: number[] = [];
    let asked = 0;
    while (asked < 200 && ring.nop(asked, 1)) asked++;
    for (let turn = 0; turn < 20; turn++) {
      ring.enter(0, 0);
      seen.push(...reap().map(([low]) => low));
    }
    expect(asked).toBeGreaterThan(64);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: asked }, (_, i) => i));
  });

  test('ends its wait when the time is up', () => {
    expect(ring.enter(1, 1)).toBe(-Errno.ETIME);
  });

  test('is woken by an eventfd, again and again', () => {
    const fd = eventfd();
    ring.pollFd(fd, 7, 8);
    for (let turn = 0; turn < 3; turn++) {
      signalEventfd(fd);
      ring.enter(1, 1000);
      expect(reap()).toEqual([[7, 8, POLLIN, CQE_MORE]]);
      expect(drainEventfd(fd)).toBe(true);
      expect(drainEventfd(fd)).toBe(false);
    }
  });

  test('reads and writes two segments of a registered file', () => {
    const zero = ffi.open('/dev/zero', 2, 0);
    opened.push(zero);
    ring.registerFile(2, zero);
    octets.fill(9, 0, 300);
    iovecs.setHead(3, 100, 10);
    iovecs.setBody(3, 200, 20);
    ring.readvNowait(2, 3, 2, 1, 1);
    ring.enter(1, 100);
    expect(reap()).toEqual([[1, 1, 30, 0]]);
    expect([99, 100, 109, 110, 199, 200, 219, 220].map((at) => octets[at])).toEqual([9, 0, 0, 9, 9, 0, 0, 9]);
    ring.writev(2, 3, 1, 2, 2);
    ring.enter(1, 100);
    expect(reap()).toEqual([[2, 2, 10, 0]]);
    ring.unregisterFile(2);
    ring.writev(2, 3, 1, 3, 3);
    ring.enter(1, 100);
    expect(reap()).toEqual([[3, 3, -Errno.EBADF, 0]]);
  });

  test('cancels by user data, and by file', () => {
    const fd = eventfd();
    ring.registerFile(0, fd);
    ring.pollMultishot(0, 10, 1);
    ring.pollMultishot(0, 11, 1);
    ring.enter(0, 0);
    ring.cancel(10, 1, 12, 1);
    ring.enter(1, 100);
    expect(reap().sort()).toEqual([
      [10, 1, -Errno.ECANCELED, 0],
      [12, 1, 0, 0],
    ]);
    ring.cancelFile(0, 13, 1);
    ring.enter(2, 100);
    expect(reap().sort()).toEqual([
      [11, 1, -Errno.ECANCELED, 0],
      [13, 1, 1, 0],
    ]);
  });

  test('can be closed twice, with requests in flight', () => {
    ring.pollFd(eventfd(), 1, 1);
    ring.enter(0, 0);
    ring.close();
    ring.close();
    expect(ring.completions()).toBe(0);
  });

  test('that cannot be had is a coded error with a cure', () => {
    const make = () => new Uring({ entries: 0, completions: 64, files: 4, iovecs });
    expect(make).toThrow(LinuxError);
    expect(make).toThrow(/^io_uring_setup failed on a ring of 0 entries: EINVAL\. Cure: .+\.$/);
  });
});

describe('without a ring', () => {
  test('poll finds what is ready, and passes over empty places', () => {
    const set = new PollSet(3);
    const fd = eventfd();
    set.set(1, fd, POLLIN);
    expect(set.wait(3, 0)).toBe(0);
    signalEventfd(fd);
    expect(set.wait(3, 1000)).toBe(1);
    expect([0, 1, 2].map((place) => set.ready(place))).toEqual([0, POLLIN, 0]);
  });

  test('readv and writev give bytes or -errno', () => {
    const fd = eventfd();
    iovecs.setHead(0, 0, 4);
    iovecs.setBody(0, 64, 4);
    expect(readv(fd, iovecs, 0, 2)).toBe(-Errno.EAGAIN);
    const zero = ffi.open('/dev/zero', 2, 0);
    opened.push(zero);
    expect(readv(zero, iovecs, 0, 2)).toBe(8);
    expect(writev(zero, iovecs, 0, 1)).toBe(4);
    expect(writev(-1, iovecs, 0, 1)).toBe(-Errno.EBADF);
  });
});
