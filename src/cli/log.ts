import { constants, openSync, statSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import sonic from 'sonic-boom';
import { eventAsJson } from '../control/event-json.ts';
import type { SwitchEvent, TimedEvent } from '../control/events.ts';
import { describeEvent, lineOf } from './describe-event.ts';

const MOST_WAITING = 1 << 20;
const PATIENCE_MS = 1000;
const RETRY_MS = 200;
const STDERR = 2;
const WARNINGS: readonly SwitchEvent['type'][] = ['trouble', 'worker', 'quota'];

/**
 * The log of a switch on standard error: lines for people, or JSON of pino. The main thread never waits for who reads it: what does not
 * fit is kept, up to a bound, then lost, and the number of lost lines is told as soon as somebody reads again.
 */
export class Log {
  readonly #json: boolean;
  readonly #out: sonic.SonicBoom;
  readonly #pino: Logger;
  #lost = 0;
  #ending = false;
  #patient = true;

  /** @param path what is written to, opened anew so that it need not block others who write there @param most bytes that may wait */
  constructor(json: boolean, path = '/proc/self/fd/2', most = MOST_WAITING) {
    this.#json = json;
    this.#out = new sonic.SonicBoom({ fd: open(path), maxLength: most, retryEAGAIN: () => this.#patient });
    this.#pino = pino({ base: { pid: process.pid }, timestamp: false }, this.#out);
    this.#out.on('drop', () => this.#lost++);
    this.#out.on('drain', () => this.#tellLost());
    this.#out.on('error', () => this.#fail());
  }

  event({ at, event }: Pick<TimedEvent, 'at' | 'event'>): void {
    if (this.#ending) return;
    if (!this.#json) this.#out.write(lineOf(at, event));
    else {
      const level = WARNINGS.includes(event.type) ? 'warn' : 'info';
      this.#pino[level]({ time: at, at, ...eventAsJson(event) }, describeEvent(event));
    }
  }

  /** Gives the reader a moment, then ends. */
  async close(): Promise<void> {
    this.#tellLost();
    this.#ending = true;
    const timer = setTimeout(() => {
      this.#patient = false;
    }, PATIENCE_MS);
    await new Promise((resolve) => {
      this.#out.on('close', resolve);
      this.#out.end();
    });
    clearTimeout(timer);
  }

  /** Who has gone may come back, and what was kept is tried again then; at the end nobody is waited for. */
  #fail(): void {
    if (this.#ending) this.#out.destroy();
    else setTimeout(() => this.#ending || this.#out.write(''), RETRY_MS).unref();
  }

  #tellLost(): void {
    const lost = this.#lost;
    if (lost === 0) return;
    this.#lost = 0;
    const msg = `${lost} lines of the log were lost: nobody read them`;
    const time = Date.now();
    if (this.#json) this.#pino.warn({ time, lost }, msg);
    else this.#out.write(`${new Date(time).toISOString()} ${msg}\n`);
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
