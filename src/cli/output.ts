import { once } from 'node:events';
import { write as writeFile } from 'node:fs';
import { promisify } from 'node:util';

const writeSome = promisify(writeFile);

/** Where a command writes much: stdout, whose reader may go away, or a file. */
export class Output {
  readonly #fd: number;
  readonly #gone = new AbortController();
  readonly #onError = () => this.#gone.abort();

  /** @param fd 1: stdout */
  constructor(fd: number) {
    this.#fd = fd;
    if (fd === 1) process.stdout.on('error', this.#onError);
  }

  /** Aborted when nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when there is room for more, or nobody reads any more. @throws when a file cannot be written */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#gone.signal.aborted) return;
    if (this.#fd === 1) {
      if (process.stdout.write(bytes)) return;
      await once(process.stdout, 'drain', { signal: this.#gone.signal }).catch(() => this.#gone.abort());
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await writeSome(this.#fd, bytes, at, bytes.length - at, null);
      at += bytesWritten;
    }
  }

  /** Resolves when all is on its way. */
  async end(): Promise<void> {
    if (this.#fd !== 1 || this.#gone.signal.aborted) return;
    if (process.stdout.writableLength > 0)
      await once(process.stdout, 'drain', { signal: this.#gone.signal }).catch(() => {});
  }
}
