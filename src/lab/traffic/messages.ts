import * as ffi from '../../../native-free/ffi.ts';

/** struct mmsghdr and struct iovec where pointers have 64 bits; source: sys/socket.h, linux/socket.h. */
const MMSGHDR_SIZE = 64;
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_LEN = 56;
const IOVEC_SIZE = 16;
const IOV_LEN = 8;

/** Many datagrams for one `sendmmsg` or `recvmmsg`: buffers of one size, each in one piece. Little-endian, as x86-64 and arm64 are. */
export class Messages {
  readonly count: number;
  /** Distance of the buffers in `bytes`. */
  readonly stride: number;
  readonly bytes: DataView<SharedArrayBuffer>;
  readonly #headers: DataView<SharedArrayBuffer>;
  readonly #iovecs: DataView<SharedArrayBuffer>;
  readonly #address: ffi.Pointer;

  constructor(count: number, stride: number) {
    this.count = count;
    this.stride = stride;
    this.bytes = new DataView(new SharedArrayBuffer(count * stride));
    this.#headers = new DataView(new SharedArrayBuffer(count * MMSGHDR_SIZE));
    this.#iovecs = new DataView(new SharedArrayBuffer(count * IOVEC_SIZE));
    this.#address = ffi.address(this.#headers);
    const bytes = ffi.address(this.bytes);
    const iovecs = ffi.address(this.#iovecs);
    for (let i = 0; i < count; i++) {
      this.#iovecs.setBigUint64(i * IOVEC_SIZE, bytes + BigInt(i * stride), true);
      this.#headers.setBigUint64(i * MMSGHDR_SIZE + MSG_IOV, iovecs + BigInt(i * IOVEC_SIZE), true);
      this.#headers.setUint32(i * MMSGHDR_SIZE + MSG_IOVLEN, 1, true);
      this.setLength(i, stride);
    }
  }

  /** How much of a buffer is sent, or may be received into. */
  setLength(i: number, length: number): void {
    this.#iovecs.setUint32(i * IOVEC_SIZE + IOV_LEN, length, true);
  }

  /** @returns length of a datagram that the last `receive` brought */
  length(i: number): number {
    return this.#headers.getUint32(i * MMSGHDR_SIZE + MSG_LEN, true);
  }

  /** @returns how many were sent, or -errno */
  send(fd: number, count: number, flags: number): number {
    return ffi.orErrno(ffi.sendmmsg(fd, this.#address, count, flags));
  }

  /** @returns how many came, or -errno */
  receive(fd: number, flags: number): number {
    return ffi.orErrno(ffi.recvmmsg(fd, this.#address, this.count, flags, ffi.NULL));
  }
}
