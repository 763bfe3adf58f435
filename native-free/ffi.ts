import { DynamicLibrary, getRawPointer, toArrayBuffer } from 'node:ffi';

/**
 * The C library, function by function: the only file that names `node:ffi`, so that another foreign-function interface could
 * take its place in an hour. Thin on purpose: results are those of C (-1 and `errno()`); who calls turns them into a LinuxError.
 *
 * What node:ffi asks for: the same symbol under two signatures needs two libraries; a wrong signature is a crash, not an
 * exception (hence `selfTest`); i64 and u64 are BigInts, so hot results are i32; up to three arguments a call costs next to
 * nothing, from four on about 70 to 100 bytes; libraries are never closed. Whatever C or the kernel reads as 64 bits (size_t,
 * unsigned long) must be declared so: with u32 the upper half of the register or stack slot is whatever lay there.
 */
export type Pointer = bigint;

/** Views whose address may be given to the kernel: over shared memory, which the garbage collector never moves. */
export type SharedView = NodeJS.ArrayBufferView<SharedArrayBuffer>;

export const NULL: Pointer = 0n;

const library = () => new DynamicLibrary(null);

const libc = library().getFunctions({
  __errno_location: { return: 'pointer', arguments: [] },
  open: { return: 'i32', arguments: ['string', 'i32', 'u32'] },
  close: { return: 'i32', arguments: ['i32'] },
  read: { return: 'i32', arguments: ['i32', 'pointer', 'u64'] },
  write: { return: 'i32', arguments: ['i32', 'pointer', 'u64'] },
  readv: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] },
  writev: { return: 'i32', arguments: ['i32', 'pointer', 'i32'] },
  ioctl: { return: 'i32', arguments: ['i32', 'u32', 'pointer'] },
  fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  flock: { return: 'i32', arguments: ['i32', 'i32'] },
  poll: { return: 'i32', arguments: ['pointer', 'u32', 'i32'] },
  sched_setscheduler: { return: 'i32', arguments: ['i32', 'i32', 'pointer'] },
  setpriority: { return: 'i32', arguments: ['i32', 'u32', 'i32'] },
  eventfd: { return: 'i32', arguments: ['u32', 'i32'] },
  clock_gettime: { return: 'i32', arguments: ['i32', 'pointer'] },
  mmap: { return: 'pointer', arguments: ['pointer', 'u64', 'i32', 'i32', 'i32', 'i64'] },
  madvise: { return: 'i32', arguments: ['pointer', 'u64', 'i32'] },
  mallopt: { return: 'i32', arguments: ['i32', 'i32'] },
  munmap: { return: 'i32', arguments: ['pointer', 'u64'] },
  setns: { return: 'i32', arguments: ['i32', 'i32'] },
  unshare: { return: 'i32', arguments: ['i32'] },
  if_nametoindex: { return: 'u32', arguments: ['string'] },
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  socketpair: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer'] },
  bind: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  connect: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  listen: { return: 'i32', arguments: ['i32', 'i32'] },
  accept4: { return: 'i32', arguments: ['i32', 'pointer', 'pointer', 'i32'] },
  shutdown: { return: 'i32', arguments: ['i32', 'i32'] },
  getsockname: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'] },
  getsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'] },
  sendmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32'] },
  recvmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer'] },
});
const setup = library().getFunctions({ syscall: { return: 'i32', arguments: ['i32', 'u32', 'pointer'] } });
const enter = library().getFunctions({
  syscall: { return: 'i32', arguments: ['i32', 'i32', 'u32', 'u32', 'u32', 'pointer', 'u64'] },
});
const register = library().getFunctions({
  syscall: { return: 'i32', arguments: ['i32', 'i32', 'u32', 'pointer', 'u32'] },
});

export const open: (path: string, flags: number, mode: number) => number = libc.open;
export const close: (fd: number) => number = libc.close;
/** @param length a constant, since making a BigInt allocates */
export const read: (fd: number, bytes: Pointer, length: bigint) => number = libc.read;
export const write: (fd: number, bytes: Pointer, length: bigint) => number = libc.write;
export const readv: (fd: number, iovecs: Pointer, count: number) => number = libc.readv;
export const writev: (fd: number, iovecs: Pointer, count: number) => number = libc.writev;
export const ioctl: (fd: number, request: number, argument: Pointer) => number = libc.ioctl;
export const fcntl: (fd: number, command: number, argument: number) => number = libc.fcntl;
export const flock: (fd: number, operation: number) => number = libc.flock;
/** @param timeoutMs -1 waits for ever: bound it in a worker, which hears nothing meanwhile */
export const poll: (pollfds: Pointer, count: number, timeoutMs: number) => number = libc.poll;
export const schedSetscheduler: (pid: number, policy: number, param: Pointer) => number = libc.sched_setscheduler;
export const setPriority: (which: number, who: number, niceness: number) => number = libc.setpriority;
export const eventfd: (initial: number, flags: number) => number = libc.eventfd;
export const clockGettime: (clock: number, timespec: Pointer) => number = libc.clock_gettime;
/** Moves the calling thread alone. */
export const setns: (fd: number, kind: number) => number = libc.setns;
export const unshare: (flags: number) => number = libc.unshare;
/** @returns the interface's index in the namespace of the calling thread, 0 when there is none of that name */
export const ifNameToIndex: (name: string) => number = libc.if_nametoindex;
export const socket: (domain: number, type: number, protocol: number) => number = libc.socket;
export const socketpair: (domain: number, type: number, protocol: number, fds: Pointer) => number = libc.socketpair;
export const bind: (fd: number, address: Pointer, length: number) => number = libc.bind;
export const connect: (fd: number, address: Pointer, length: number) => number = libc.connect;
export const listen: (fd: number, backlog: number) => number = libc.listen;
export const accept4: (fd: number, address: Pointer, length: Pointer, flags: number) => number = libc.accept4;
export const shutdown: (fd: number, how: number) => number = libc.shutdown;
export const getsockname: (fd: number, address: Pointer, length: Pointer) => number = libc.getsockname;
export const setsockopt: (fd: number, level: number, name: number, value: Pointer, length: number) => number =
  libc.setsockopt;
export const getsockopt: (fd: number, level: number, name: number, value: Pointer, length: Pointer) => number =
  libc.getsockopt;
export const sendmmsg: (fd: number, messages: Pointer, count: number, flags: number) => number = libc.sendmmsg;
export const recvmmsg: (fd: number, messages: Pointer, count: number, flags: number, timeout: Pointer) => number =
  libc.recvmmsg;

/** Numbers of system calls that are the same on x86-64 and arm64; source: asm-generic/unistd.h. */
const SYS_IO_URING_SETUP = 425;
const SYS_IO_URING_ENTER = 426;
const SYS_IO_URING_REGISTER = 427;

export function ioUringSetup(entries: number, params: Pointer): number {
  return setup.syscall(SYS_IO_URING_SETUP, entries, params);
}

/** @param argument struct io_uring_getevents_arg, when the flags hold IORING_ENTER_EXT_ARG */
export function ioUringEnter(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  argument: Pointer,
  argumentSize: bigint,
): number {
  return enter.syscall(SYS_IO_URING_ENTER, fd, toSubmit, minComplete, flags, argument, argumentSize);
}

export function ioUringRegister(fd: number, operation: number, argument: Pointer, count: number): number {
  return register.syscall(SYS_IO_URING_REGISTER, fd, operation, argument, count);
}

const PROT_READ_WRITE = 3;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_ANONYMOUS = 0x20;
export const MAP_POPULATE = 0x8000;

/** @returns the address of readable and writable pages, or -1n */
export function mmap(length: number, flags: number, fd: number, offset: number): Pointer {
  const pointer = libc.mmap(NULL, BigInt(length), PROT_READ_WRITE, flags, fd, BigInt(offset));
  return pointer === MAP_FAILED ? -1n : pointer;
}

/** glibc alone: 1 when it took it. */
export const mallopt: (parameter: number, value: number) => number = libc.mallopt;
export const madvise: (address: Pointer, length: bigint, advice: number) => number = libc.madvise;

export function munmap(pointer: Pointer, length: number): number {
  return libc.munmap(pointer, BigInt(length));
}

const errnoCell = new Int32Array(toArrayBuffer(libc.__errno_location(), 4, false));

/**
 * The calling thread's errno. Read it in the statement after the call that failed; now and then (1 in 300,000 was seen) the
 * runtime has overwritten it, so nothing on the hot path may depend on it being right.
 */
export function errno(): number {
  return errnoCell[0];
}

/** @returns the result, or -errno; never 0 for a failure, even if the runtime overwrote errno (then -EIO) */
export function orErrno(result: number): number {
  return result >= 0 ? result : -(errnoCell[0] || 5);
}

/** @returns zeroed memory for the kernel to read and write, at an address that does not change */
export function sharedBytes(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** @returns where the view's first byte lies; valid as long as a field or a running function references the view */
export function address(view: SharedView): Pointer {
  return getRawPointer(view);
}

const pinned: SharedView[] = [];

/**
 * The address of memory that is to live as long as the thread. A module's variable does not do: one that no function
 * reads is garbage once the module has run, and the kernel would write into freed memory.
 */
export function pin(view: SharedView): Pointer {
  pinned.push(view);
  return getRawPointer(view);
}

/** @returns a view, without a copy, of memory that is not JavaScript's; touching it after `munmap` is a crash */
export function view(pointer: Pointer, length: number): ArrayBuffer {
  return toArrayBuffer(pointer, length, false);
}

/**
 * Calls every function once in a harmless way, since node:ffi cannot tell a wrong signature from a right one. Run it when the
 * switch starts: better a crash there than in the first frame.
 * @throws when a call answers otherwise than Linux would
 */
export function selfTest(): void {
  const bytes = sharedBytes(256);
  const at = address(bytes);
  const bad = -1;
  const fails = (name: string, result: number) => {
    if (result !== -1 || errno() === 0)
      throw new Error(`node:ffi self-test: ${name} gave ${result}, not -1 and an errno`);
  };
  const holds = (name: string, fact: boolean) => {
    if (!fact) throw new Error(`node:ffi self-test: ${name} did not do what it is asked to`);
  };
  const zero = open('/dev/zero', 2, 0);
  holds('open', zero >= 0);
  bytes.fill(7);
  holds('read', read(zero, at, 5n) === 5 && bytes[4] === 0 && bytes[5] === 7);
  holds('write', write(zero, at, 9n) === 9);
  holds('fcntl', fcntl(zero, 1, 0) >= 0);
  const iovecs = new BigUint64Array(new SharedArrayBuffer(32));
  iovecs.set([at + 100n, 3n, at + 110n, 4n]);
  holds('readv', readv(zero, address(iovecs), 2) === 7 && bytes[102] === 0 && bytes[103] === 7 && bytes[113] === 0);
  holds('writev', writev(zero, address(iovecs), 2) === 7);
  fails('flock', flock(bad, 0));
  fails('sched_setscheduler', schedSetscheduler(0, bad, NULL));
  fails('setpriority', setPriority(bad, 0, 0));
  fails('ioctl', ioctl(zero, 0x800454cf, at));
  holds('close', close(zero) === 0);
  fails('close', close(bad));
  holds('poll', poll(at, 0, 0) === 0);
  const event = eventfd(3, 0o2004000);
  holds('eventfd', event >= 0 && read(event, at, 8n) === 8 && bytes[0] === 3);
  close(event);
  const page = mmap(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  holds('mmap', page !== -1n && new Uint8Array(view(page, 4096))[4095] === 0);
  fails('madvise', madvise(1n, 1n, 0));
  // M_MMAP_THRESHOLD, the value that glibc begins with.
  holds('mallopt', mallopt(-3, 128 * 1024) === 1);
  holds('munmap', munmap(page, 4096) === 0);
  holds('clock_gettime', clockGettime(1, at) === 0);
  fails('clock_gettime', clockGettime(-100, at));
  fails('setns', setns(bad, 0));
  holds('unshare', unshare(0) === 0);
  holds('if_nametoindex', ifNameToIndex('no-such-device!') === 0);
  fails('io_uring_setup', ioUringSetup(0, at));
  fails('io_uring_enter', ioUringEnter(bad, 0, 0, 0, NULL, 0n));
  fails('io_uring_register', ioUringRegister(bad, 0, NULL, 0));
  fails('socket', socket(bad, 0, 0));
  fails('socketpair', socketpair(bad, 0, 0, at));
  fails('bind', bind(bad, at, 0));
  fails('connect', connect(bad, at, 0));
  fails('listen', listen(bad, 0));
  fails('accept4', accept4(bad, NULL, NULL, 0));
  fails('shutdown', shutdown(bad, 0));
  fails('getsockname', getsockname(bad, at, at));
  fails('setsockopt', setsockopt(bad, 0, 0, at, 0));
  fails('getsockopt', getsockopt(bad, 0, 0, at, at));
  fails('sendmmsg', sendmmsg(bad, at, 1, 0));
  fails('recvmmsg', recvmmsg(bad, at, 1, 0, NULL));
}
