import { monotonicSeconds } from '../../native-free/clock.ts';
import { sendDatagram } from '../../native-free/unix-socket.ts';

/** Twice as often as the manager wants to hear of us. */
const HALF = 2;

/**
 * What a service manager is told, where there is one: datagrams of words to the socket that NOTIFY_SOCKET names. That all is well is
 * said only while every worker makes progress, so that a switch that stands still is started again.
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
export class Service {
  readonly #socket: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(environment: Readonly<NodeJS.ProcessEnv> = process.env) {
    this.#socket = environment['NOTIFY_SOCKET'];
  }

  /** @param isWell asked time and again from now on, if the manager wants to know */
  ready(status: string, isWell: () => boolean, environment: Readonly<NodeJS.ProcessEnv> = process.env): void {
    this.#tell('READY=1', `STATUS=${status}`);
    const { WATCHDOG_USEC: microseconds, WATCHDOG_PID: pid = String(process.pid) } = environment;
    if (microseconds === undefined || pid !== String(process.pid) || this.#timer !== undefined) return;
    const look = () => {
      if (isWell()) this.#tell('WATCHDOG=1');
    };
    this.#timer = setInterval(look, Number(microseconds) / 1000 / HALF);
    this.#timer.unref();
  }

  reloading(): void {
    this.#tell(
      'RELOADING=1',
      `MONOTONIC_USEC=${Math.trunc(monotonicSeconds() * 1e6)}`,
      'STATUS=Reading the file again',
    );
  }

  stopping(): void {
    clearInterval(this.#timer);
    this.#tell('STOPPING=1', 'STATUS=Ending');
  }

  #tell(...words: readonly string[]): void {
    if (this.#socket !== undefined) sendDatagram(this.#socket, words.join('\n'));
  }
}
