import { POLLERR, POLLHUP } from '../../native-free/uring-abi.ts';
import type { Watch } from './io.ts';
import type { PollIo } from './poll-io.ts';

const POLLNVAL = 0x20;

/** A file that is polled among the TAPs. */
export class PollWatch implements Watch {
  ready = false;
  ended = false;
  readonly fd: number;
  /** Its place among what is polled. */
  readonly file: number;
  readonly #io: PollIo;

  constructor(io: PollIo, fd: number, file: number) {
    this.#io = io;
    this.fd = fd;
    this.file = file;
  }

  /** @param events what poll said of it */
  heard(events: number): void {
    if (events === 0) return;
    this.ready = true;
    if ((events & (POLLERR | POLLHUP | POLLNVAL)) !== 0) this.ended = true;
  }

  end(): void {
    this.#io.endWatch(this);
  }
}
