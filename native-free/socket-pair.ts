import { linuxError } from './errors.ts';
import * as ffi from './ffi.ts';

/** Source: unix(7), bits/socket.h, asm-generic/socket.h. */
const AF_UNIX = 1;
const DATAGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const MOST = 128;

/** Two sockets that are connected and keep messages apart: to who reads and writes one end it looks like a TAP. Neither end waits. */
export class SocketPair {
  readonly near: number;
  readonly #far: number;
  readonly #bytes = ffi.sharedBytes(2 * MOST);
  readonly #address = ffi.address(this.#bytes);

  /** @throws LinuxError */
  constructor() {
    const fds = new Int32Array(new SharedArrayBuffer(8));
    if (ffi.socketpair(AF_UNIX, DATAGRAM_NONBLOCK_CLOEXEC, 0, ffi.address(fds)) < 0) {
      throw linuxError('socketpair', 'the process', ffi.errno());
    }
    this.near = fds[0];
    this.#far = fds[1];
  }

  /** Sends what the near end can read then. @param message at most 128 bytes; the rest of them is as it was */
  send(message: Uint8Array): void {
    this.#bytes.set(message);
    ffi.write(this.#far, this.#address, 128n);
  }

  /** Throws away a message that the near end has written. @returns whether there was one */
  drain(): boolean {
    return ffi.read(this.#far, this.#address + 128n, 128n) > 0;
  }

  close(): void {
    ffi.close(this.near);
    ffi.close(this.#far);
  }
}
