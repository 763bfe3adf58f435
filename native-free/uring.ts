import { Errno, errnoName, LinuxError, linuxError } from './errors.ts';
import * as ffi from './ffi.ts';
import type { IovecTable } from './iovec.ts';
import * as abi from './uring-abi.ts';
import { type RingRemains, requireFeatures, SETUP_CODES, setUp, type UringOptions } from './uring-setup.ts';

export type { UringOptions };

const SUBMISSION_WORDS = 16;
const COMPLETION_WORDS = 4;
/** Failures in a row, of a kind that waiting does not explain, before `enter` gives up: errno alone is not to be trusted. */
const PATIENCE = 64;
const WAIT_SIZE = BigInt(abi.GETEVENTS_ARG_SIZE);

/** Places in `UringLanes.cursor`: the end of the requests written, the first completion that was not given back. */
export const Cursor = { Tail: 0, Head: 1, WIDTH: 2 } as const;

/**
 * The memory of a ring, for loops that write requests, no more than `room` says, and read completions themselves, as the methods do: a request
 * is words 0 to 9 at `(tail & requestMask) * 16` of `requests`, a completion four words from
 * `completions + (head & completionMask) * 4` of `ring` on. Gone after `close`: `room` and `completions()` are 0 then.
 */
export interface UringLanes {
  readonly requests: Int32Array;
  readonly requestMask: number;
  readonly ring: Int32Array;
  readonly completions: number;
  readonly completionMask: number;
  readonly cursor: Int32Array;
}

/**
 * One io_uring of one thread: requests are written as integers into the mapped submission queue, `enter` submits what is
 * pending and waits, completions are read where the kernel put them. Nothing allocates but the FFI call of `enter`.
 *
 * Create, use and close it on the same thread (SINGLE_ISSUER). Requests are taken on this thread alone, within `enter` (no SQPOLL), so
 * their queue needs no barriers. Requests return false only when the kernel refuses to take
 * earlier ones off a full queue: reap completions and ask again. `low` and `high` come back with the completion. Memory that requests
 * point to must outlive them: `close` cancels what is in flight and waits for it.
 *
 * A turn of the worker's loop: queue requests; `enter`; `completions()`, look at 0 to n - 1, `advance(n)`.
 *
 * Source: io_uring(7), io_uring_enter(2), linux/io_uring.h.
 */
export class Uring {
  #fd: number;
  /** Flags of set-up that this kernel took. */
  readonly flags: number;
  #closed = false;
  #maps: { pointer: ffi.Pointer; length: number; buffer: ArrayBuffer }[] = [];
  /** Head, tail, array and completions: SQ and CQ share one mapping (IORING_FEAT_SINGLE_MMAP, Linux 5.4). */
  #ring: Int32Array;
  #submissions: Int32Array;
  readonly #entries: number;
  readonly #sqMask: number;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #cqMask: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqes: number;
  /** Our copies of what only we move: `Cursor`. */
  readonly #cursor = new Int32Array(Cursor.WIDTH);
  #failures = 0;
  readonly #iovecs: IovecTable;
  /** struct io_uring_getevents_arg, then the struct __kernel_timespec it points to. */
  readonly #wait: Int32Array<SharedArrayBuffer>;
  readonly #waitAddress: ffi.Pointer;
  readonly #update: Int32Array<SharedArrayBuffer>;

  constructor(options: UringOptions) {
    const { fd, params } = setUp(options);
    this.#fd = fd;
    try {
      requireFeatures(params[abi.PARAM_FEATURES]);
      this.flags = params[abi.PARAM_FLAGS];
      const entries = params[abi.PARAM_SQ_ENTRIES];
      const cqEntries = params[abi.PARAM_CQ_ENTRIES];
      const array = params[abi.SQ_OFFSETS + abi.SQ_ARRAY];
      const cqes = params[abi.CQ_OFFSETS + abi.CQ_CQES];
      const ringLength = Math.max(array + entries * 4, cqes + cqEntries * COMPLETION_WORDS * 4);
      this.#ring = new Int32Array(this.#map(ringLength, abi.OFFSET_RING));
      this.#submissions = new Int32Array(this.#map(entries * SUBMISSION_WORDS * 4, abi.OFFSET_SQES));
      this.#entries = entries;
      this.#sqHead = params[abi.SQ_OFFSETS + abi.SQ_HEAD] >> 2;
      this.#sqTail = params[abi.SQ_OFFSETS + abi.SQ_TAIL] >> 2;
      this.#sqMask = entries - 1;
      this.#cqHead = params[abi.CQ_OFFSETS + abi.CQ_HEAD] >> 2;
      this.#cqTail = params[abi.CQ_OFFSETS + abi.CQ_TAIL] >> 2;
      this.#cqMask = cqEntries - 1;
      this.#cqes = cqes >> 2;
      for (let i = 0; i < entries; i++) this.#ring[(array >> 2) + i] = i;
      this.#iovecs = options.iovecs;
      this.#wait = new Int32Array(new SharedArrayBuffer(abi.GETEVENTS_ARG_SIZE + 16));
      this.#waitAddress = ffi.address(this.#wait);
      new BigUint64Array(this.#wait.buffer)[2] = this.#waitAddress + BigInt(abi.GETEVENTS_ARG_SIZE);
      this.#update = new Int32Array(new SharedArrayBuffer(32));
      this.#registerTable(options.files);
    } catch (error) {
      this.#unmap();
      ffi.close(fd);
      throw error;
    }
  }

  #map(length: number, offset: number): ArrayBuffer {
    const pointer = ffi.mmap(length, ffi.MAP_SHARED | ffi.MAP_POPULATE, this.#fd, offset);
    if (pointer === -1n) throw linuxError('mmap', 'an io_uring', ffi.errno(), SETUP_CODES);
    const buffer = ffi.view(pointer, length);
    this.#maps.push({ pointer, length, buffer });
    return buffer;
  }

  #unmap(): void {
    for (const { pointer, length } of this.#maps) {
      ffi.munmap(pointer, length);
    }
    this.#maps = [];
  }

  /** What its thread leaves if it ends without `close`. */
  get remains(): RingRemains {
    const maps = this.#maps.map(({ pointer, length }) => ({ pointer, length }));
    return { fd: this.#fd, maps, memory: [this.#iovecs.memory, this.#iovecs.table, this.#wait.buffer] };
  }

  /** A table of empty places (-1), filled by `registerFile`. */
  #registerTable(files: number): void {
    const fds = new Int32Array(new SharedArrayBuffer(files * 4)).fill(-1);
    if (ffi.ioUringRegister(this.#fd, abi.REGISTER_FILES, ffi.address(fds), files) < 0) {
      throw linuxError('io_uring_register(FILES)', `a table of ${files} files`, ffi.errno(), SETUP_CODES);
    }
  }

  /** Puts an open file at a free place of the table; the ring holds it open until `unregisterFile`. */
  registerFile(file: number, fd: number): void {
    const update = this.#update;
    const places = new BigUint64Array(update.buffer);
    update[0] = file;
    update[1] = 0;
    update[4] = fd;
    places[1] = ffi.address(update) + 16n;
    if (ffi.ioUringRegister(this.#fd, abi.REGISTER_FILES_UPDATE, ffi.address(update), 1) < 0) {
      throw linuxError('io_uring_register(FILES_UPDATE)', `place ${file}`, ffi.errno());
    }
  }

  /** Frees a place. First cancel its requests and reap them: they keep the old file open. */
  unregisterFile(file: number): void {
    this.registerFile(file, -1);
  }

  get lanes(): UringLanes {
    return {
      ...{ requests: this.#submissions, requestMask: this.#sqMask, cursor: this.#cursor },
      ...{ ring: this.#ring, completions: this.#cqes, completionMask: this.#cqMask },
    };
  }

  /** Requests that fit now; if none does, the kernel is made to take those that wait. 0: it takes nothing. */
  room(): number {
    if (this.#fd < 0) return 0;
    const left = this.#entries - this.pending;
    if (left > 0) return left;
    this.enter(0, 0);
    return this.#entries - this.pending;
  }

  /** Writes words 0 to 9 of a request; 10 to 15 (buffers, personality) stay zero for ever. */
  #put(code: number, fd: number, low: number, high: number, at: number, atHigh: number, len: number, flags: number) {
    if (this.room() <= 0) return false;
    const tail = this.#cursor[Cursor.Tail];
    const word = (tail & this.#sqMask) * SUBMISSION_WORDS;
    const s = this.#submissions;
    s[word] = code;
    s[word + 1] = fd;
    s[word + 2] = 0;
    s[word + 3] = 0;
    s[word + 4] = at;
    s[word + 5] = atHigh;
    s[word + 6] = len;
    s[word + 7] = flags;
    s[word + 8] = low;
    s[word + 9] = high;
    this.#cursor[Cursor.Tail] = tail + 1;
    return true;
  }

  /** Completes at once, with result 0. */
  nop(low: number, high: number): boolean {
    return this.#put(abi.OP_NOP, -1, low, high, 0, 0, 0, 0);
  }

  /**
   * Tells each time a registered file becomes readable (POLLIN, POLLERR or POLLHUP in the result), until a completion
   * without CQE_MORE says that it must be asked for again.
   */
  pollMultishot(file: number, low: number, high: number): boolean {
    return this.#put(abi.OP_POLL_ADD | abi.FIXED_FILE, file, low, high, 0, 0, abi.POLL_ADD_MULTI, abi.POLLIN);
  }

  /** The same for a file that is not registered: a worker's eventfd. */
  pollFd(fd: number, low: number, high: number): boolean {
    return this.#put(abi.OP_POLL_ADD, fd, low, high, 0, 0, abi.POLL_ADD_MULTI, abi.POLLIN);
  }

  /**
   * Reads one frame into an entry's segments, if one is there now; -EAGAIN if not.
   * @param segments 1 or 2
   */
  readvNowait(file: number, entry: number, segments: number, low: number, high: number): boolean {
    return this.#vectored(abi.OP_READV, file, entry, segments, low, high, abi.RWF_NOWAIT);
  }

  /**
   * The same, but waits for a frame, by a poll of the kernel's own: though the file is non-blocking, since its driver knows RWF_NOWAIT
   * (Linux 5.14, io_rw_init_file).
   */
  readvWaiting(file: number, entry: number, segments: number, low: number, high: number): boolean {
    return this.#vectored(abi.OP_READV, file, entry, segments, low, high, 0);
  }

  /** Writes one frame from an entry's segments; -EAGAIN rather than wait. */
  writev(file: number, entry: number, segments: number, low: number, high: number): boolean {
    return this.#vectored(abi.OP_WRITEV, file, entry, segments, low, high, abi.RWF_NOWAIT);
  }

  #vectored(code: number, file: number, entry: number, segments: number, low: number, high: number, flags: number) {
    const { low: addressLow, high: addressHigh } = this.#iovecs;
    return this.#put(code | abi.FIXED_FILE, file, low, high, addressLow[entry], addressHigh[entry], segments, flags);
  }

  /** Cancels the request that carries (targetLow, targetHigh); it completes with -ECANCELED, this one with 0 or -ENOENT. */
  cancel(targetLow: number, targetHigh: number, low: number, high: number): boolean {
    return this.#put(abi.OP_ASYNC_CANCEL, -1, low, high, targetLow, targetHigh, 0, 0);
  }

  /** Cancels every request of a registered file. Linux 5.19; older kernels answer -EINVAL. */
  cancelFile(file: number, low: number, high: number): boolean {
    return this.#put(
      abi.OP_ASYNC_CANCEL,
      file,
      low,
      high,
      0,
      0,
      0,
      abi.CANCEL_ALL | abi.CANCEL_FD | abi.CANCEL_FD_FIXED,
    );
  }

  /** Cancels everything in flight. Linux 5.19. */
  cancelAll(low: number, high: number): boolean {
    return this.#put(abi.OP_ASYNC_CANCEL, -1, low, high, 0, 0, 0, abi.CANCEL_ALL | abi.CANCEL_ANY);
  }

  /** Requests written and not yet taken by the kernel. */
  get pending(): number {
    return (this.#cursor[Cursor.Tail] - this.#ring[this.#sqHead]) | 0;
  }

  /**
   * One system call: submits what is pending, runs completions, and waits until `minComplete` of them are there or the time is up.
   * @param minComplete 0 does not wait
   * @param timeoutMs at most this long, 0 to 2^31; only when minComplete > 0
   * @returns requests taken, or -errno: -ETIME (time is up), -EINTR, -EBUSY and -EAGAIN (reap, then again) are no cause for alarm
   * @throws LinuxError after 64 failures in a row that are none of these; never for one
   */
  enter(minComplete: number, timeoutMs: number): number {
    const ring = this.#ring;
    const tail = this.#cursor[Cursor.Tail];
    ring[this.#sqTail] = tail;
    const toSubmit = (tail - ring[this.#sqHead]) | 0;
    const wait = this.#wait;
    const seconds = (timeoutMs / 1000) | 0;
    wait[abi.WAIT_SECONDS] = seconds;
    wait[abi.WAIT_NANOSECONDS] = Math.imul((timeoutMs - seconds * 1000) | 0, 1_000_000);
    const result = ffi.ioUringEnter(
      this.#fd,
      toSubmit,
      minComplete,
      abi.ENTER_GETEVENTS | abi.ENTER_EXT_ARG,
      this.#waitAddress,
      WAIT_SIZE,
    );
    if (result >= 0) {
      this.#failures = 0;
      return result;
    }
    return this.#failed(ffi.errno());
  }

  #failed(errno: number): number {
    if (errno === Errno.ETIME || errno === Errno.EINTR || errno === Errno.EBUSY || errno === Errno.EAGAIN) {
      this.#failures = 0;
    } else if (++this.#failures >= PATIENCE) {
      throw new LinuxError({
        code: 'E_URING',
        call: 'io_uring_enter',
        object: `ring ${this.#fd}`,
        errno: errnoName(errno),
      });
    }
    return -(errno || Errno.EIO);
  }

  /** @returns how many completions are there; they stay until `advance` */
  completions(): number {
    // Kernels without DEFER_TASKRUN may complete on a thread of their own: this and `advance` are what that one sees.
    return (Atomics.load(this.#ring, this.#cqTail) - this.#cursor[Cursor.Head]) | 0;
  }

  #completion(i: number): number {
    return this.#cqes + ((this.#cursor[Cursor.Head] + i) & this.#cqMask) * COMPLETION_WORDS;
  }

  /** @param i 0 to completions() - 1 */
  cqeLow(i: number): number {
    return this.#ring[this.#completion(i)];
  }

  cqeHigh(i: number): number {
    return this.#ring[this.#completion(i) + 1];
  }

  /** @returns bytes, poll events, or -errno */
  cqeResult(i: number): number {
    return this.#ring[this.#completion(i) + 2];
  }

  cqeFlags(i: number): number {
    return this.#ring[this.#completion(i) + 3];
  }

  /** Gives the first n completions back to the kernel. */
  advance(n: number): void {
    const head = (this.#cursor[Cursor.Head] + n) | 0;
    this.#cursor[Cursor.Head] = head;
    Atomics.store(this.#ring, this.#cqHead, head);
  }

  /**
   * Cancels what is in flight, waits a little for it, unmaps and closes. Memory that requests pointed to is free after this:
   * the kernel ends what is left when the ring goes, but later. Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A request of the owner's may look like ours here; then the wait ends early, and nothing worse.
    if (this.cancelAll(-1, -1)) {
      for (let turn = 0, answered = false; turn < 20 && !(answered && this.completions() === 0); turn++) {
        const n = this.completions();
        for (let i = 0; i < n; i++) answered ||= this.cqeLow(i) === -1 && this.cqeHigh(i) === -1;
        this.advance(n);
        this.enter(answered ? 0 : 1, 10);
      }
    }
    ffi.ioUringRegister(this.#fd, abi.UNREGISTER_FILES, ffi.NULL, 0);
    this.#unmap();
    ffi.close(this.#fd);
    // What is called from now on must find neither the mapping nor a number that another file may have taken: `enter` gives
    // -EBADF, `completions` 0.
    this.#fd = -1;
    this.#ring = new Int32Array(this.#cqes);
    this.#submissions = new Int32Array(this.#entries * SUBMISSION_WORDS);
    this.#cursor.fill(0);
  }
}
