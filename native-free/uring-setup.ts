import { Errno, type ErrorCode, LinuxError, linuxError } from './errors.ts';
import * as ffi from './ffi.ts';
import type { IovecTable } from './iovec.ts';
import * as abi from './uring-abi.ts';

/** From best to oldest; a kernel that lacks one of the flags answers EINVAL. Linux 6.1, 5.19, 5.5. */
const FLAG_SETS = [
  abi.SETUP_CQSIZE | abi.SETUP_COOP_TASKRUN | abi.SETUP_SINGLE_ISSUER | abi.SETUP_DEFER_TASKRUN | abi.SETUP_SUBMIT_ALL,
  abi.SETUP_CQSIZE | abi.SETUP_COOP_TASKRUN | abi.SETUP_SUBMIT_ALL,
  abi.SETUP_CQSIZE,
];

export const SETUP_CODES: Readonly<Record<number, ErrorCode>> = {
  [Errno.EPERM]: 'E_URING_DISABLED',
  [Errno.EACCES]: 'E_URING_DISABLED',
  [Errno.ENOSYS]: 'E_URING_MISSING',
  [Errno.ENOMEM]: 'E_URING_MEMORY',
};

export interface UringOptions {
  /** Requests that fit between two `enter`s; more make an early submission. A power of 2, at most 32,768. */
  readonly entries: number;
  /** Completions that fit between two `enter`s; at least as many as requests can be in flight. A power of 2. */
  readonly completions: number;
  /** Size of the table of registered files. */
  readonly files: number;
  readonly iovecs: IovecTable;
}

/** Makes a ring with the best flags that the kernel takes. @returns its fd and the filled params */
export function setUp(options: UringOptions): { fd: number; params: Uint32Array<SharedArrayBuffer> } {
  const params = new Uint32Array(new SharedArrayBuffer(abi.PARAMS_SIZE));
  let why = 0;
  for (const flags of FLAG_SETS) {
    params.fill(0);
    params[abi.PARAM_CQ_ENTRIES] = options.completions;
    params[abi.PARAM_FLAGS] = flags;
    const fd = ffi.ioUringSetup(options.entries, ffi.address(params));
    if (fd >= 0) return { fd, params };
    why = ffi.errno();
    if (why !== Errno.EINVAL) break;
  }
  throw linuxError('io_uring_setup', `a ring of ${options.entries} entries`, why, SETUP_CODES);
}

/** Timed waits (EXT_ARG) came last of these, with Linux 5.11. @throws LinuxError */
export function requireFeatures(features: number): void {
  const needed = abi.FEATURE_SINGLE_MMAP | abi.FEATURE_NODROP | abi.FEATURE_SUBMIT_STABLE | abi.FEATURE_EXT_ARG;
  if ((features & needed) === needed) return;
  throw new LinuxError({
    code: 'E_URING_MISSING',
    call: 'io_uring_setup',
    object: 'this kernel',
    errno: `features 0x${features.toString(16)} of 0x${needed.toString(16)}`,
  });
}

/** A ring whose thread has ended without closing it. */
export interface RingRemains {
  readonly fd: number;
  readonly maps: readonly { readonly pointer: ffi.Pointer; readonly length: number }[];
  /** What its requests point to: to be kept until it is released. */
  readonly memory: readonly SharedArrayBuffer[];
}

/** Closes a ring whose thread has ended; what was under way has been called off by the kernel then. */
export function releaseRing({ fd, maps }: RingRemains): void {
  for (const { pointer, length } of maps) ffi.munmap(pointer, length);
  ffi.close(fd);
}
