import { getSystemErrorMap } from 'node:util';

/**
 * Every way in which Linux may refuse us, with a stable code and the cure. The code is what programs and documents name; the
 * sentence is for people. Nothing in this folder throws anything else for a call that failed.
 */
export const CURES = {
  E_TAP_PERMISSION: 'run as root, or give the process CAP_NET_ADMIN',
  E_TUN_MISSING: 'load the driver (modprobe tun); in a container, pass the device in (--device /dev/net/tun)',
  E_DEVICE_BUSY: 'stop the program that holds the device, or choose another name',
  E_DEVICE_MISSING: 'create the device first, or correct the name',
  E_DEVICE_MODE: 'a device of that name has another kind or other queues: delete it, or choose another name',
  E_DEVICE_EXISTS: 'delete the device of that name, or choose another name',
  E_DEVICE_IN_USE: 'it carries addresses or the default route, which joining cuts off: choose another, or set force',
  E_NAME: 'use 1 to 15 bytes without spaces, slashes and colons',
  E_VALUE: 'correct the value',
  E_NETNS_PERMISSION: 'run as root, or give the process CAP_SYS_ADMIN',
  E_NETNS_MISSING: 'create the namespace first (ip netns add), or correct the name',
  E_NETNS_EXISTS: 'delete the namespace (ip netns del), or choose another name',
  E_URING_DISABLED:
    'allow it (sysctl kernel.io_uring_disabled=0; in a container, its seccomp profile), or set TAPYARD_IO=poll',
  E_URING_MISSING: 'use Linux 5.11 or newer, or set TAPYARD_IO=poll',
  E_URING_MEMORY: 'raise the limit of locked memory (ulimit -l), or set TAPYARD_IO=poll',
  E_URING: 'set TAPYARD_IO=poll, and report this with the kernel version',
  E_SOCKET_PATH: 'choose a path of at most 107 bytes in a folder that is there and may be written to',
  E_SOCKET_BUSY: 'another program listens there: stop it, or choose another path',
  E_FILE_LIMIT: 'raise the limit of open files (ulimit -n)',
  E_MEMORY: 'free memory, or configure fewer or smaller pools',
  E_PERMISSION: 'run as root',
  E_TOOL_MISSING: 'install iproute2 (apt-get install iproute2)',
  E_TC_MISSING: 'load the traffic control modules (modprobe sch_ingress cls_u32 act_mirred)',
  E_SYSTEM: 'see the manual page of the call for what this errno means',
} as const;

export type ErrorCode = keyof typeof CURES;

/** Errnos that we name or branch on; source: asm-generic/errno-base.h and errno.h. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ERANGE: 34,
  ENOSYS: 38,
  ETIME: 62,
  EBADFD: 77,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ECONNREFUSED: 111,
  ECANCELED: 125,
} as const;

const names = new Map<number, string>();
for (const [number, [name]] of getSystemErrorMap()) names.set(-number, name);
for (const [name, number] of Object.entries(Errno)) names.set(number, name);

/** @param errno positive, as in errno(3) */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

export interface Failure {
  readonly code: ErrorCode;
  /** What was called: a system call, or a command line of ip or tc. */
  readonly call: string;
  /** What it was called on: a device, a namespace, a file. */
  readonly object: string;
  /** Name of the errno, or the tool's own words. */
  readonly errno: string;
  /** Instead of the code's cure. */
  readonly cure?: string;
}

/** A call to Linux failed: which, on what, why, and what cures it. */
export class LinuxError extends Error {
  override readonly name = 'LinuxError';
  readonly code: ErrorCode;
  readonly call: string;
  readonly object: string;
  readonly errno: string;
  readonly cure: string;

  constructor(failure: Failure) {
    const cure = failure.cure ?? CURES[failure.code];
    super(`${failure.call} failed on ${failure.object}: ${failure.errno}. Cure: ${cure}.`);
    this.code = failure.code;
    this.call = failure.call;
    this.object = failure.object;
    this.errno = failure.errno;
    this.cure = cure;
  }
}

/** Codes for errnos that mean the same whatever was called; a caller knows better for the others. */
const general: Readonly<Record<number, ErrorCode>> = {
  [Errno.EPERM]: 'E_PERMISSION',
  [Errno.EACCES]: 'E_PERMISSION',
  [Errno.EBUSY]: 'E_DEVICE_BUSY',
  [Errno.ENODEV]: 'E_DEVICE_MISSING',
  [Errno.EMFILE]: 'E_FILE_LIMIT',
  [Errno.ENFILE]: 'E_FILE_LIMIT',
  [Errno.ENOMEM]: 'E_MEMORY',
};

/**
 * @param errno positive
 * @param special codes that this call gives errnos of its own meaning
 */
export function linuxError(
  call: string,
  object: string,
  errno: number,
  special: Readonly<Record<number, ErrorCode>> = {},
): LinuxError {
  return new LinuxError({
    code: special[errno] ?? general[errno] ?? 'E_SYSTEM',
    call,
    object,
    errno: errnoName(errno),
  });
}
