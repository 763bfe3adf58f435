import type { Timers } from './timers.ts';

export interface KeepAliveOptions {
  /** Milliseconds of silence after which the peer is asked for an echo, and then given for its answer. */
  readonly idleMs: number;
  readonly answerMs: number;
  readonly probe: () => void;
  readonly dead: () => void;
  /** Whether the peer cannot be blamed for silence: it is not being read from. */
  readonly excused: () => boolean;
}

/** Tells a connection whose peer has gone from one that has nothing to say: whatever is heard is a sign of life. */
export class KeepAlive {
  readonly #timers: Timers;
  readonly #options: KeepAliveOptions;
  #heardMs: number;
  #probed = false;
  #cancel: () => void;

  constructor(timers: Timers, options: KeepAliveOptions) {
    this.#timers = timers;
    this.#options = options;
    this.#heardMs = timers.nowMs();
    this.#cancel = timers.after(options.idleMs, () => this.#look());
  }

  heard(): void {
    this.#heardMs = this.#timers.nowMs();
    this.#probed = false;
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { idleMs, answerMs, probe, dead, excused } = this.#options;
    if (excused()) this.heard();
    const silentMs = this.#timers.nowMs() - this.#heardMs;
    if (silentMs < idleMs) {
      this.#again(idleMs - silentMs);
      return;
    }
    if (this.#probed) {
      dead();
      return;
    }
    this.#probed = true;
    probe();
    this.#again(answerMs);
  }

  #again(ms: number): void {
    this.#cancel = this.#timers.after(ms, () => this.#look());
  }
}
