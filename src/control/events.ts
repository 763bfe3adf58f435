import type { LinkState } from '../../native-free/watch.ts';
import type { ChannelEvent } from '../openflow/channel/options.ts';
import type { QemuNews } from '../port/qemu-port.ts';
import type { SlowEvent } from '../slow/events.ts';

export interface LinkChange {
  readonly type: 'link';
  readonly device: string;
  readonly netns: string | null;
  readonly state: LinkState;
}

export type SwitchEvent =
  | LinkChange
  | OpenFlowEvent
  /** Who is behind a socket port has come, has gone, has sent what is no frame, or was turned away. */
  | { readonly type: 'peer'; readonly device: string; readonly news: QemuNews }
  /** A server of the lab has started, has ended, or will be started again. */
  | {
      readonly type: 'server';
      readonly tenant: string;
      readonly server: string;
      readonly state: string;
      readonly detail: string;
    }
  /** A worker has died, with so many frames, or forwards again. */
  | {
      readonly type: 'worker';
      readonly worker: number;
      readonly state: 'died' | 'restarted';
      readonly lost: number;
      readonly detail: string;
    }
  /** Something could not be done while the switch runs. */
  | { readonly type: 'trouble'; readonly message: string }
  /** A change that nobody confirmed in time was taken back. */
  | { readonly type: 'rolled-back'; readonly seconds: number }
  | QuotaEvent
  /** `port`: name of the port that the event names by its number. */
  | { readonly type: 'slow'; readonly tenant: string; readonly port: string | null; readonly event: SlowEvent };

/** So many frames more have met a quota of the tenant: a MAC not learned, or frames dropped. */
export interface QuotaEvent {
  readonly type: 'quota';
  readonly tenant: string;
  readonly quota: 'macs' | 'frames' | 'rate';
  readonly frames: number;
}

export interface OpenFlowEvent {
  readonly type: 'openflow';
  readonly tenant: string;
  readonly event: ChannelEvent;
}

export interface TimedEvent {
  /** Counts up from 1: what comes after a number has not been seen by who has seen that. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly event: SwitchEvent;
}

const MOST = 1000;

/** The latest things that happened, for whoever asks or listens: bounded, the oldest go first. */
export class Events {
  readonly #recent: TimedEvent[] = [];
  #number = 0;
  readonly #listeners = new Set<(event: TimedEvent) => void>();

  add(event: SwitchEvent): void {
    const timed = { number: ++this.#number, at: Date.now(), event };
    this.#recent.push(timed);
    if (this.#recent.length > MOST) this.#recent.shift();
    for (const listener of this.#listeners) listener(timed);
  }

  slow(tenant: string, port: string | null, event: SlowEvent): void {
    this.add({ type: 'slow', tenant, port, event });
  }

  openflow(tenant: string, event: ChannelEvent): void {
    this.add({ type: 'openflow', tenant, event });
  }

  get recent(): readonly TimedEvent[] {
    return this.#recent;
  }

  /** Those after a number, as many as are remembered. */
  after(number: number): readonly TimedEvent[] {
    return this.#recent.filter((event) => event.number > number);
  }

  /** @returns what ends the listening */
  listen(listener: (event: TimedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
