import { readSync, writeSync } from 'node:fs';
import { closeSocket, SocketAddress } from '../../native-free/unix-socket.ts';

const buffer = Buffer.alloc(1 << 20);

function orAgain(work: () => number): number {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return -1;
    throw error;
  }
}

/** A frame as the stream carries it: its length, 4 bytes, before it. */
export function framed(frame: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

/** What QEMU is to a `qemu` port: the other end of its socket. Nothing waits: what does not fit now is sent by a later `push`. */
export class StreamEnd {
  readonly fd: number;
  #out = Buffer.alloc(0);
  #in = Buffer.alloc(0);
  /** Whether the port has closed the connection. */
  closed = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  static connect(path: string): StreamEnd {
    const fd = new SocketAddress(path).connect();
    if (fd < 0) throw new Error(`connect: ${fd}`);
    return new StreamEnd(fd);
  }

  send(frame: Uint8Array): void {
    this.sendBytes(framed(frame));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#out = Buffer.concat([this.#out, bytes]);
    this.push();
  }

  push(): void {
    while (this.#out.length > 0) {
      const sent = orAgain(() => writeSync(this.fd, this.#out));
      if (sent < 0) return;
      this.#out = this.#out.subarray(sent);
    }
  }

  /** Reads what is there. @returns frames that are complete */
  receive(): Uint8Array[] {
    for (;;) {
      const got = orAgain(() => readSync(this.fd, buffer));
      if (got === 0) this.closed = true;
      if (got <= 0) break;
      this.#in = Buffer.concat([this.#in, buffer.subarray(0, got)]);
    }
    const frames: Uint8Array[] = [];
    let at = 0;
    while (this.#in.length - at >= 4) {
      const length = this.#in.readUInt32BE(at);
      if (this.#in.length - at - 4 < length) break;
      frames.push(new Uint8Array(this.#in.subarray(at + 4, at + 4 + length)));
      at += 4 + length;
    }
    this.#in = this.#in.subarray(at);
    return frames;
  }

  /** Bytes received of a frame that is not complete. */
  get partial(): number {
    return this.#in.length;
  }

  close(): void {
    closeSocket(this.fd);
  }
}
