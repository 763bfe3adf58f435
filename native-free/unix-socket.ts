import { lstatSync, unlinkSync } from 'node:fs';
import { Errno, type ErrorCode, linuxError } from './errors.ts';
import * as ffi from './ffi.ts';

/** Unix sockets by path, none of whose calls waits. Source: unix(7), bits/socket.h, asm-generic/socket.h. */
const AF_UNIX = 1;
const STREAM_NONBLOCK_CLOEXEC = 1 | 0o4000 | 0o2000000;
const DATAGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const ACCEPTED = 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const SHUT_RDWR = 2;
const BACKLOG = 4;
/** struct sockaddr_un: family, then a path that ends in a zero byte. */
const ADDRESS_SIZE = 110;
export const LONGEST_SOCKET_PATH = 107;

const PATH_CODES: Readonly<Record<number, ErrorCode>> = {
  [Errno.ENOENT]: 'E_SOCKET_PATH',
  [Errno.EACCES]: 'E_SOCKET_PATH',
  [Errno.EADDRINUSE]: 'E_SOCKET_BUSY',
};

/**
 * What the socket keeps of what the other end has not read yet: at the rate of a busy virtual machine a few milliseconds. Without
 * CAP_NET_ADMIN the kernel gives no more than net.core.wmem_max.
 */
const sendBuffer = ffi.pin(new Int32Array(new SharedArrayBuffer(4)).fill(1 << 20));

/** Where a socket is, as the kernel wants it: made once, so that connecting again and again allocates nothing. */
export class SocketAddress {
  readonly path: string;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #pointer: ffi.Pointer;

  /** @throws LinuxError when the path is too long */
  constructor(path: string) {
    const name = Buffer.from(path);
    if (name.length > LONGEST_SOCKET_PATH || name.length === 0 || name.includes(0)) {
      throw linuxError('socket', path, Errno.EINVAL, { [Errno.EINVAL]: 'E_SOCKET_PATH' });
    }
    this.path = path;
    this.#bytes = ffi.sharedBytes(ADDRESS_SIZE);
    this.#bytes[0] = AF_UNIX;
    this.#bytes.set(name, 2);
    this.#pointer = ffi.address(this.#bytes);
  }

  /** @returns a connected socket, or -errno; never waits, and never throws */
  connect(): number {
    const fd = ffi.socket(AF_UNIX, STREAM_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) return ffi.orErrno(fd);
    const result = ffi.orErrno(ffi.connect(fd, this.#pointer, this.#bytes.length));
    if (result >= 0) return grown(fd);
    ffi.close(fd);
    return result;
  }

  /**
   * Listens at the path. A socket that nobody listens at any more, as a killed process leaves it, is replaced.
   * @returns the listening socket
   * @throws LinuxError; nothing is left behind then
   */
  listen(): number {
    const first = this.#tryToListen();
    if (first >= 0) return first;
    if (first === -Errno.EADDRINUSE && this.#isDead()) {
      unlinkSync(this.path);
      const second = this.#tryToListen();
      if (second >= 0) return second;
    }
    throw linuxError('bind', this.path, -first, PATH_CODES);
  }

  #tryToListen(): number {
    const fd = ffi.socket(AF_UNIX, STREAM_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) return ffi.orErrno(fd);
    let result = ffi.orErrno(ffi.bind(fd, this.#pointer, this.#bytes.length));
    if (result >= 0) result = ffi.orErrno(ffi.listen(fd, BACKLOG));
    if (result >= 0) return fd;
    ffi.close(fd);
    return result;
  }

  /** Whether there is a socket at the path that nobody listens at. */
  #isDead(): boolean {
    if (lstatSync(this.path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
    const fd = this.connect();
    if (fd >= 0) ffi.close(fd);
    return fd === -Errno.ECONNREFUSED;
  }
}

function grown(fd: number): number {
  if (ffi.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, sendBuffer, 4) < 0)
    ffi.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, sendBuffer, 4);
  return fd;
}

/** @returns the next connection that waits at a listening socket, or -errno (-EAGAIN: none does) */
export function acceptUnix(listening: number): number {
  const fd = ffi.orErrno(ffi.accept4(listening, ffi.NULL, ffi.NULL, ACCEPTED));
  return fd < 0 ? fd : grown(fd);
}

/** Ends a connection so that the other end sees it at once, even while io_uring still polls the file. */
export function hangUp(fd: number): void {
  ffi.shutdown(fd, SHUT_RDWR);
  ffi.close(fd);
}

export function closeSocket(fd: number): void {
  ffi.close(fd);
}

/**
 * Sends one datagram.
 * @param path of a socket; `@name` for one in the abstract namespace
 * @returns whether it was taken
 */
export function sendDatagram(path: string, text: string): boolean {
  const name = Buffer.from(path);
  const address = ffi.sharedBytes(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  if (path.startsWith('@')) address[2] = 0;
  const bytes = ffi.sharedBytes(Buffer.byteLength(text));
  bytes.set(Buffer.from(text));
  const fd = ffi.socket(AF_UNIX, DATAGRAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const taken =
    ffi.connect(fd, ffi.address(address), address.length) === 0 &&
    ffi.write(fd, ffi.address(bytes), BigInt(bytes.length)) === bytes.length;
  ffi.close(fd);
  return taken;
}
