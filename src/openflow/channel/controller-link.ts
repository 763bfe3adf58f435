import type { Duplex } from 'node:stream';
import { Backoff } from './backoff.ts';
import type { ChannelTls } from './options.ts';
import type { Target } from './target.ts';
import type { Timers } from './timers.ts';
import { openStream, tlsFailure } from './transport.ts';

const CONNECT_MS = 5000;

/** What a link asks of the channel. */
export interface LinkEvents {
  /** Bytes may be sent. @param ended to be called once when the connection is over @returns how to close it */
  connected(stream: Duplex, ended: (reason: string, worked: boolean) => void): (reason: string) => void;
  /** There is no connection, and will be none for a while. */
  failed(reason: string): void;
}

/** Sees to it that there is a connection to one controller: tries, waits longer and longer, and tries again. */
export class ControllerLink {
  readonly target: Target;
  state: 'connecting' | 'waiting' | 'connected' = 'connecting';
  lastFailure: string | null = null;
  readonly #tls: ChannelTls | undefined;
  readonly #timers: Timers;
  readonly #events: LinkEvents;
  readonly #backoff: Backoff;
  #cancel: () => void = () => undefined;
  #stream: Duplex | null = null;
  #hangUp: ((reason: string) => void) | null = null;
  #closed = false;

  constructor(target: Target, tls: ChannelTls | undefined, timers: Timers, events: LinkEvents) {
    this.target = target;
    this.#tls = tls;
    this.#timers = timers;
    this.#events = events;
    this.#backoff = new Backoff(timers);
  }

  start(): void {
    this.state = 'connecting';
    let reason = 'closed while connecting';
    const stream = openStream(this.target, this.#tls, () => this.#connected(stream));
    this.#stream = stream;
    // Also for errors that come when the connection has its own listener.
    stream.on('error', (error) => {
      reason = this.target.kind === 'ssl' ? tlsFailure(error) : error.message || String(error);
    });
    stream.once('close', () => {
      if (this.state === 'connecting') this.#lost(reason);
    });
    this.#cancel = this.#timers.after(CONNECT_MS, () => {
      reason = 'no answer';
      stream.destroy();
    });
  }

  close(reason: string): void {
    this.#closed = true;
    this.#cancel();
    if (this.#hangUp !== null) this.#hangUp(reason);
    else this.#stream?.destroy();
  }

  #connected(stream: Duplex): void {
    this.#cancel();
    this.state = 'connected';
    this.#hangUp = this.#events.connected(stream, (reason, worked) => {
      this.#hangUp = null;
      if (worked) this.#backoff.reset();
      this.#lost(reason);
    });
  }

  #lost(reason: string): void {
    this.#cancel();
    this.state = 'waiting';
    this.lastFailure = reason;
    this.#stream = null;
    if (this.#closed) return;
    this.#events.failed(reason);
    this.#cancel = this.#timers.after(this.#backoff.next(), () => this.start());
  }
}
