import * as ffi from './ffi.ts';
import type { IovecTable } from './iovec.ts';

/** Where io_uring is missing: poll, then readv and writev a frame at a time. Results are as in a completion: bytes or -errno. */

/** An array of struct pollfd: fd, then events (low half) and revents (high half) in one word. Little-endian, as x86-64 and arm64 are. */
export class PollSet {
  readonly capacity: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #address: ffi.Pointer;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#words = new Int32Array(new SharedArrayBuffer(capacity * 8)).fill(-1);
    this.#address = ffi.address(this.#words);
  }

  /** @param fd -1 makes the kernel pass over this place @param events POLLIN and the like; source: asm-generic/poll.h */
  set(place: number, fd: number, events: number): void {
    this.#words[place * 2] = fd;
    this.#words[place * 2 + 1] = events;
  }

  /**
   * Waits until a file of the first `count` places is ready.
   * @param timeoutMs 0 looks without waiting; a worker never waits more than 50 ms
   * @returns how many places are ready, 0 when the time is up, or -errno
   */
  wait(count: number, timeoutMs: number): number {
    return ffi.orErrno(ffi.poll(this.#address, count, timeoutMs));
  }

  /** @returns what the last `wait` found at a place: 0, or POLLIN, POLLERR, POLLHUP, POLLNVAL */
  ready(place: number): number {
    return this.#words[place * 2 + 1] >>> 16;
  }
}

/** Reads one frame into an entry's segments. @returns bytes, or -errno (-EAGAIN: none is there) */
export function readv(fd: number, iovecs: IovecTable, entry: number, segments: number): number {
  return ffi.orErrno(ffi.readv(fd, iovecs.pointer[entry], segments));
}

/** Writes one frame from an entry's segments. @returns bytes, or -errno */
export function writev(fd: number, iovecs: IovecTable, entry: number, segments: number): number {
  return ffi.orErrno(ffi.writev(fd, iovecs.pointer[entry], segments));
}
