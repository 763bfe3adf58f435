import type { SlowCounters } from './counters.ts';
import type { EventGate } from './events.ts';
import type { Links } from './links.ts';
import type { Outbox } from './record.ts';
import type { Timers } from './timers.ts';

/** What the protocols of one tenant share. */
export interface Context {
  readonly links: Links;
  readonly outbox: Outbox;
  readonly timers: Timers;
  readonly counters: SlowCounters;
  readonly events: EventGate;
  /** Uniform in [0, 1). */
  random(): number;
}
