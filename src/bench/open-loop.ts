/** Frames that are due by the clock, whatever became of those before. */
export class OpenLoop {
  readonly #perMs: number;
  readonly #beganMs: number;
  #sent = 0;

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#beganMs = nowMs;
  }

  /** @returns how many are due and not sent yet */
  due(nowMs: number): number {
    return Math.floor((nowMs - this.#beganMs) * this.#perMs) - this.#sent;
  }

  /** So many were sent, or given up. */
  sent(count: number): void {
    this.#sent += count;
  }
}
