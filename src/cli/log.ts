import { closeSync, constants, openSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SwitchEvent, TimedEvent } from '../control/events.ts';
import { describeEvent, lineOf } from './describe-event.ts';

const MOST_WAITING = 1 << 20;
const RETRY_MS = 50;
const PATIENCE_MS = 1000;
const STDERR = 2;
/** As pino numbers them. */
const INFO = 30;
const WARN = 40;
const WARNINGS: readonly SwitchEvent['type'][] = ['trouble', 'worker', 'quota'];

/**
 * The log of a switch on standard error: lines for people, or JSON with the fields that pino gives (level, time, pid, msg). The main
 * thread writes it and never waits for who reads it: what does not fit is kept, up to a bound, then lost, and the number of lost lines
 * is told.
 */
export class Log {
  readonly #json: boolean;
  readonly #fd: number;
  readonly #most: number;
  #waiting: Uint8Array[] = [];
  #length = 0;
  #lost = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param path what is written to, opened anew so that it need not block others who write there @param most bytes that may wait */
  constructor(json: boolean, path = '/proc/self/fd/2', most = MOST_WAITING) {
    this.#json = json;
    this.#most = most;
    this.#fd = open(path);
  }

  event({ at, event }: Pick<TimedEvent, 'at' | 'event'>): void {
    if (!this.#json) {
      this.#line(lineOf(at, event));
      return;
    }
    const level = WARNINGS.includes(event.type) ? WARN : INFO;
    const fields = { level, time: at, pid: process.pid, msg: describeEvent(event), at, ...event };
    this.#line(
      `${JSON.stringify(fields, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value))}\n`,
    );
  }

  /** Gives the reader a moment, then ends. */
  async close(): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    while (this.#waiting.length > 0 && performance.now() < until) {
      this.#flush();
      if (this.#waiting.length > 0) await sleep(RETRY_MS);
    }
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#fd !== STDERR) closeSync(this.#fd);
  }

  #line(text: string): void {
    if (this.#closed) return;
    if (this.#length + text.length > this.#most) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) this.#keep(this.#lostText());
    this.#keep(text);
    if (this.#timer === undefined) this.#flush();
  }

  #keep(text: string): void {
    const bytes = Buffer.from(text);
    this.#waiting.push(bytes);
    this.#length += bytes.length;
  }

  #lostText(): string {
    const msg = `${this.#lost} lines of the log were lost: nobody read them`;
    const lost = this.#lost;
    this.#lost = 0;
    const time = Date.now();
    return this.#json
      ? `${JSON.stringify({ level: WARN, time, pid: process.pid, msg, lost })}\n`
      : `${new Date(time).toISOString()} ${msg}\n`;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.concat(this.#waiting);
    const rest = bytes.subarray(this.#write(bytes));
    this.#waiting = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    if (rest.length > 0) this.#timer = setTimeout(() => this.#flush(), RETRY_MS).unref();
  }

  /** @returns bytes that need not be written any more */
  #write(bytes: Buffer): number {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
    } catch (error) {
      // Who has gone reads nothing any more.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return bytes.length;
    }
    return written;
  }
}

/** A pipe or terminal is opened anew, so that writing need not wait; a file never makes anybody wait, and a socket cannot be opened. */
function open(path: string): number {
  try {
    const { O_WRONLY, O_NONBLOCK } = constants;
    const found = statSync(path);
    return found.isFIFO() || found.isCharacterDevice() ? openSync(path, O_WRONLY | O_NONBLOCK) : STDERR;
  } catch {
    return STDERR;
  }
}
