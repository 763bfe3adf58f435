/** Time as the channel sees it; tests turn a clock of their own. */
export interface Timers {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Runs it once, later. @returns what calls it off */
  after(ms: number, run: () => void): () => void;
  /** From 0 to below 1. */
  random(): number;
}

/** The machine's clock. Timers of a channel keep no process alive. */
export const SYSTEM_TIMERS: Timers = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
