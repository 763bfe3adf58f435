import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { type Failure, LinuxError } from '../../native-free/errors.ts';
import { closeEventfd, createEventfd, signalEventfd } from '../../native-free/eventfd.ts';
import { Ledger } from '../observe/ledger.ts';
import type { QemuNews } from '../port/qemu-port.ts';
import type { EpochsHandles } from '../table/epoch.ts';
import type { SharedBucketsHandles } from '../table/shared-buckets.ts';
import {
  Control,
  type Envelope,
  type FromWorker,
  type PoolAudit,
  type ToWorker,
  type WorkerSettings,
} from '../worker/messages.ts';

/** How long a worker may take to carry a message out, to start on a machine with much else to do, and to end. */
const PATIENCE_MS = 5000;
const START_MS = 20_000;
const STOP_MS = 500;

export interface WorkerOptions {
  readonly worker: number;
  readonly workers: number;
  readonly heads: number;
  readonly bodies: number;
  readonly tenants: number;
  readonly devices: number;
  readonly buckets: SharedBucketsHandles;
  readonly epochs: EpochsHandles;
  readonly linkUp: SharedArrayBuffer;
  readonly uplinkRows: number;
  readonly origin: number;
  readonly io: string | null;
}

interface Waiting {
  readonly resolve: (audit: PoolAudit | null) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The main thread's end of one worker: sends it messages, in order, each answered when it has been carried out (after which every
 * later frame sees the change), wakes it, hears its bell, and ends it. A worker runs no JavaScript events, so all of this
 * goes by shared words, a message port that it drains itself, and an eventfd.
 */
export class WorkerHandle {
  readonly index: number;
  readonly wakeFd: number;
  /** Books of the shared uplinks as this worker keeps them. */
  readonly uplinks: Ledger;
  /** How the worker reaches TAPs, once `ready`. */
  io: 'uring' | 'poll' = 'uring';
  fallback: string | null = null;
  readonly #control = new Int32Array(new SharedArrayBuffer(Control.WORDS * 4));
  readonly #channel: MessagePort;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onFailure: (error: Error) => void;
  /** Hears of the peers of devices that this worker owns. */
  onPeer: (device: number, news: QemuNews) => void = () => {};
  #number = 0;
  #stopping = false;
  #ended = false;
  #ready: Promise<void>;

  /** @param onFailure the worker ended by itself; whatever waits for it is refused */
  constructor(options: WorkerOptions, onFailure: (error: Error) => void) {
    const { port1, port2 } = new MessageChannel();
    this.index = options.worker;
    this.wakeFd = createEventfd();
    this.uplinks = new Ledger(options.uplinkRows);
    this.#channel = port1;
    this.#onFailure = onFailure;
    const settings: WorkerSettings = {
      ...options,
      control: this.#control.buffer,
      uplinks: this.uplinks.memory,
      wakeFd: this.wakeFd,
      channel: port2,
    };
    const file = import.meta.url.endsWith('.ts') ? '../worker/thread.ts' : '../worker/thread.js';
    this.#ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve: () => resolve(), reject });
    });
    this.#thread = new Worker(new URL(file, import.meta.url), {
      workerData: settings,
      transferList: [port2],
      name: `tapyard-worker-${options.worker}`,
    });
    this.#thread.on('error', (error) => this.#fail(revive(error)));
    this.#thread.on('exit', (code) => {
      if (!this.#stopping) this.#fail(new Error(`worker ${this.index} ended with code ${code}`));
    });
    port1.on('message', (message: FromWorker) => this.#hear(message));
  }

  /** Resolves when the worker's loop runs. */
  async ready(): Promise<void> {
    await within(this.#ready, START_MS, `worker ${this.index} did not start`);
  }

  /** @returns when the worker has carried the message out, with its answer. @throws what it said went wrong */
  send(message: ToWorker): Promise<PoolAudit | null> {
    const number = ++this.#number;
    const answer = new Promise<PoolAudit | null>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
    const envelope: Envelope = { number, message };
    this.#channel.postMessage(envelope);
    Atomics.store(this.#control, Control.Sent, number);
    this.wake();
    return within(answer, PATIENCE_MS, `worker ${this.index} does not answer (${message.type})`);
  }

  /** Does nothing once the worker has ended: its eventfd's number may be another file's by then. */
  wake(): void {
    if (!this.#ended) signalEventfd(this.wakeFd);
  }

  /** Resolves when the worker has rung since `seen`, the value that this returned last (0 at first). */
  async bell(seen: number): Promise<number> {
    const wait = Atomics.waitAsync(this.#control, Control.Bell, seen);
    if (wait.async) await wait.value;
    return Atomics.load(this.#control, Control.Bell);
  }

  /** Turns made and turns without a frame, wrapped to 32 bits. */
  get turns(): { readonly all: number; readonly idle: number } {
    return { all: this.#control[Control.Turns] >>> 0, idle: this.#control[Control.IdleTurns] >>> 0 };
  }

  /** Asks the worker to end, without waiting: all that an `exit` handler can do. */
  askToStop(): void {
    this.#stopping = true;
    Atomics.store(this.#control, Control.Stop, 1);
    this.wake();
    // Whoever waits for the bell is let go.
    Atomics.notify(this.#control, Control.Bell);
  }

  /** Ends the worker, by force if it does not end by itself. */
  async stop(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
    this.askToStop();
    try {
      await within(exited, STOP_MS, 'slow');
    } catch {
      await this.#thread.terminate();
    }
    this.#channel.close();
    this.#ended = true;
    closeEventfd(this.wakeFd);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.io = message.io;
        this.fallback = message.fallback;
        this.#settle(0, null, null);
        break;
      case 'done':
        this.#settle(message.number, message.error, message.audit);
        break;
      case 'peer':
        this.onPeer(message.index, message.news);
        break;
      default:
        this.#fail(new Error(`worker ${this.index} failed: ${message.error}`));
    }
  }

  #settle(number: number, error: string | null, audit: PoolAudit | null): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === null) waiting?.resolve(audit);
    else waiting?.reject(new Error(error));
  }

  #fail(error: Error): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    this.#onFailure(error);
  }
}

/** An error that came from another thread has lost its class, and kept its fields. */
function revive(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.name === 'LinuxError' && 'code' in error ? new LinuxError(error as unknown as Failure) : error;
}

async function within<Value>(value: Promise<Value>, ms: number, complaint: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${complaint} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
