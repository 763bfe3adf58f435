import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Switch } from '../control/switch.ts';
import { UserError } from '../errors.ts';

/** Frames of a batch, unless told otherwise. */
const MOST = 256;
/** So often an empty port is looked at before the waiting slows down to a look every millisecond. */
const EAGER_LOOKS = 64;

export interface WaitOptions {
  /** Ends the waiting; what has not been received stays where it is. */
  readonly signal?: AbortSignal;
}

export interface BatchOptions extends WaitOptions {
  /** Frames of a batch at most: 256 unless given. */
  readonly most?: number;
}

export interface NextOptions extends WaitOptions {
  /** 1000 unless given. */
  readonly timeoutMs?: number;
  readonly match?: (frame: Uint8Array) => boolean;
}

/**
 * The far end of a memory port, in the place of a cable with a host at it. Frames are whole Ethernet frames without FCS, from the
 * destination address on. Up to 1 MiB of frames lie in each direction: what leaves the switch and is not received in time is dropped
 * there, as `tx-full`. A frame is received once, by whoever asks first.
 */
export class Cable implements AsyncIterable<Uint8Array> {
  readonly tenant: string;
  readonly port: string;
  readonly #running: Switch;
  readonly #stopped: AbortSignal;

  /** @internal */
  constructor(running: Switch, stopped: AbortSignal, tenant: string, port: string) {
    this.#running = running;
    this.#stopped = stopped;
    this.tenant = tenant;
    this.port = port;
    this.#end();
  }

  /** @returns false when there is no room, or the frame is longer than half of it @throws UserError `port-unusable` */
  send(frame: Uint8Array): boolean {
    const { memory, wake } = this.#end();
    if (!memory.send(frame)) return false;
    wake();
    return true;
  }

  /** Sends all, and waits for room where there is none. @returns how many were sent: fewer when the signal or the end of the switch came first */
  async sendAll(frames: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, options: WaitOptions = {}): Promise<number> {
    let sent = 0;
    for await (const frame of frames) {
      let looks = 0;
      while (!this.#ended(options.signal) && !this.send(frame)) await pause(looks++);
      if (this.#ended(options.signal)) return sent;
      sent++;
    }
    return sent;
  }

  /** @returns the oldest frame that has left the switch by this port, or null: none is there now @throws UserError `port-unusable` */
  receive(): Uint8Array | null {
    return this.#end().memory.receive();
  }

  /**
   * Waits for a frame; those that do not match are let go: what a router announces, say.
   * @returns null when none came in time
   */
  async next(options: NextOptions = {}): Promise<Uint8Array | null> {
    const { timeoutMs = 1000, match } = options;
    const late = AbortSignal.timeout(timeoutMs);
    const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
    for await (const [frame] of this.batches({ most: 1, signal })) if (match?.(frame) !== false) return frame;
    return null;
  }

  /** Batches as they come, until the signal, the end of the switch, or the removal of the port. */
  async *batches(options: BatchOptions = {}): AsyncGenerator<Uint8Array[], void, undefined> {
    const { most = MOST, signal } = options;
    for (let looks = 0; !this.#ended(signal); ) {
      const batch = this.#take(most);
      if (batch === null) return;
      if (batch.length === 0) await pause(looks++);
      else {
        looks = 0;
        yield batch;
      }
    }
  }

  /** Frames one by one, until the end of the switch or the removal of the port. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const [frame] of this.batches({ most: 1 })) yield frame;
  }

  /**
   * Calls back with batches as they come.
   * @param options.onError hears what the listener throws, which ends the listening; without it, that is an unhandled rejection
   * @returns what ends it
   */
  onFrames(
    listener: (batch: readonly Uint8Array[]) => void | Promise<void>,
    options: { readonly most?: number; readonly onError?: (error: unknown) => void } = {},
  ): () => void {
    const ending = new AbortController();
    const listen = async () => {
      const { most = MOST } = options;
      for await (const batch of this.batches({ most, signal: ending.signal })) await listener(batch);
    };
    const done = listen();
    if (options.onError !== undefined) done.catch(options.onError);
    return () => ending.abort();
  }

  /** @returns null when the port is no longer there */
  #take(most: number): Uint8Array[] | null {
    const memory = this.#running.devices.find(`${this.tenant}/${this.port}`)?.open.memory;
    if (memory === undefined || memory === null) return null;
    const batch: Uint8Array[] = [];
    while (batch.length < most) {
      const frame = memory.receive();
      if (frame === null) break;
      batch.push(frame);
    }
    return batch;
  }

  #ended(signal: AbortSignal | undefined): boolean {
    return this.#stopped.aborted || signal?.aborted === true;
  }

  /** Looked up each time: a change may have opened the port anew. */
  #end() {
    const entry = this.#running.devices.find(`${this.tenant}/${this.port}`);
    const memory = entry?.open.memory ?? null;
    if (this.#stopped.aborted) throw unusable(`The switch of ${this.tenant}/${this.port} has been stopped`);
    if (entry === undefined) throw unusable(`There is no port ${this.tenant}/${this.port} with a device of its own`);
    if (memory === null) throw unusable(`${this.tenant}/${this.port} is a port of kind ${entry.wish.device.kind}`);
    return { memory, wake: () => this.#running.workers[entry.open.owner]?.wake() };
  }
}

function unusable(message: string): UserError {
  return new UserError('port-unusable', message, 'name a port that the configuration has as {memory: true}');
}

/** Lets others run: at first no longer than that, then a millisecond. */
async function pause(looks: number): Promise<void> {
  if (looks < EAGER_LOOKS) await turn();
  else await sleep(1);
}
