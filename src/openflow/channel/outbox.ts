import type { Duplex } from 'node:stream';

/** What waits to be read by a peer: written in one piece a turn of the event loop, counted, so that whoever fills it knows when to stop. */
export class Outbox {
  readonly #stream: Duplex;
  #corked = false;
  #room: (() => void)[] = [];

  constructor(stream: Duplex) {
    this.#stream = stream;
    const wake = () => {
      const waiting = this.#room;
      this.#room = [];
      for (const resolve of waiting) resolve();
    };
    stream.on('drain', wake).on('close', wake);
  }

  /** Bytes that the peer has not taken. */
  get waiting(): number {
    return this.#stream.writableLength;
  }

  write(bytes: Uint8Array): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) return;
    if (!this.#corked) {
      this.#corked = true;
      stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        stream.uncork();
      });
    }
    stream.write(bytes);
  }

  /** @returns when no more than `most` bytes wait, or the stream is closed; null: at once */
  roomFor(most: number): Promise<void> | null {
    if (this.waiting <= most || this.#stream.destroyed) return null;
    return new Promise((resolve) => this.#room.push(resolve));
  }
}
