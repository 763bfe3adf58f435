import type { HeapInfo } from 'node:v8';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { type Failure, LinuxError } from '../../native-free/errors.ts';
import { closeEventfd, createEventfd, signalEventfd } from '../../native-free/eventfd.ts';
import { hangUp } from '../../native-free/unix-socket.ts';
import { releaseRing } from '../../native-free/uring-setup.ts';
import { Bell } from '../frame/bell.ts';
import { Ledger } from '../observe/ledger.ts';
import type { RingRemains } from '../port/io.ts';
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
import { startThread } from './start-thread.ts';
import { Told } from './told.ts';
import { within } from './within.ts';

/** How long a worker may take to carry a message out, to start on a machine with much else to do, and to end. */
/** How the names of the workers' threads begin; what follows is a number. */
export const WORKER_THREAD = 'tapyard-worker-';
const PATIENCE_MS = 5000;
const START_MS = 20_000;
const STOP_MS = 500;
/** A worker that dies so often within a minute is not started again. */
const MOST_DEATHS = 5;
const MINUTE_MS = 60_000;
/** Looks, a second apart, that find no turn made since the last: a loop without end. */
const MOST_STILL = 10;
/** More of V8's heap than any worker has use for: frames and tables are not in it. */
const HEAP_MIB = 1024;

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

/** Who hears of the lives of workers. */
export interface WorkerHooks {
  /** It cannot be had any more: it did not start, or dies again and again. Whatever waits for it is refused. */
  failed(error: Error): void;
  /** Its thread has ended by itself; another is about to begin in its place. */
  died(worker: number, error: Error): void;
  /** The other has its devices and tenants. @returns when it has all else that it must know of these tenants before it forwards */
  filled(worker: number, tenants: readonly number[]): Promise<void>;
  /** It forwards again. */
  restarted(worker: number): void;
  /** Something could not be told to it again. */
  trouble(message: string): void;
  /** Of a device that it owns, the peer has come or gone. */
  peer(device: number, news: QemuNews): void;
}

interface Waiting {
  readonly resolve: (audit: PoolAudit | null) => void;
  readonly reject: (error: Error) => void;
  readonly message: ToWorker | null;
}

/**
 * The main thread's end of one worker: sends it messages, in order, each answered when it has been carried out (after which every
 * later frame sees the change), wakes it, hears its bell, and ends it. A worker runs no JavaScript events, so all of this
 * goes by shared words, a message port that it drains itself, and an eventfd.
 *
 * When its thread dies, another begins and is told what the dead one knew; who sends messages meanwhile waits a little longer.
 */
export class WorkerHandle {
  readonly index: number;
  readonly wakeFd: number;
  /** Books of the shared uplinks as this worker keeps them. */
  readonly uplinks: Ledger;
  /** How the worker reaches TAPs, once `ready`. */
  io: 'uring' | 'poll' = 'uring';
  fallback: string | null = null;
  /** How often it was started again. */
  restarts = 0;
  readonly #options: WorkerOptions;
  readonly #hooks: WorkerHooks;
  readonly #control = new Int32Array(new SharedArrayBuffer(Control.WORDS * 4));
  /** Rung by the worker when it has something for the slow path, or for controllers. */
  readonly bell = new Bell(this.#control, Control.Bell);
  readonly #waiting = new Map<number, Waiting>();
  readonly #told = new Told();
  /** Messages for the worker that begins, sent while it is told what was before; null: none begins. */
  #later: Envelope[] | null = null;
  /** Those whose messages the dead one has not answered. */
  readonly #owed: Waiting[] = [];
  #thread!: Worker;
  #channel!: MessagePort;
  #error: Error | null = null;
  #ring: RingRemains | null = null;
  /** Descriptors of the peers of its devices, which only it uses. */
  readonly #peers = new Map<number, number>();
  #deaths: number[] = [];
  #stillTurns = -1;
  #still = 0;
  #number = 0;
  #stopping = false;
  #ended = false;
  #failure: Error | null = null;
  readonly #ready: Promise<void>;

  constructor(options: WorkerOptions, hooks: WorkerHooks) {
    this.index = options.worker;
    this.wakeFd = createEventfd();
    this.uplinks = new Ledger(options.uplinkRows);
    this.#options = options;
    this.#hooks = hooks;
    this.#ready = this.#begin();
  }

  /** @returns when its loop runs */
  #begin(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const settings: WorkerSettings = {
      ...this.#options,
      control: this.#control.buffer,
      uplinks: this.uplinks.memory,
      wakeFd: this.wakeFd,
      channel: port2,
    };
    const ready = new Promise<void>((resolve, reject) => {
      this.#waiting.set(0, { resolve: () => resolve(), reject, message: null });
    });
    this.#channel = port1;
    for (const word of [Control.Sent, Control.Done]) Atomics.store(this.#control, word, this.#number);
    this.#thread = startThread('../worker/thread', import.meta.url, {
      workerData: settings,
      transferList: [port2],
      name: `${WORKER_THREAD}${this.index}`,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    this.#error = null;
    this.#thread.on('error', (error) => {
      this.#error ??= revive(error);
    });
    this.#thread.on('exit', (code) => {
      this.#died(this.#error ?? new Error(`worker ${this.index} ended with code ${code}`));
    });
    port1.on('message', (message: FromWorker) => this.#hear(message));
    return ready;
  }

  /** Resolves when the worker's loop runs. */
  async ready(): Promise<void> {
    await within(this.#ready, START_MS, `worker ${this.index} did not start`);
  }

  /** @returns when the worker has carried the message out, with its answer. @throws what it said went wrong */
  async send(message: ToWorker): Promise<PoolAudit | null> {
    if (this.#failure !== null) throw this.#failure;
    this.#told.note(message);
    const { envelope, answer } = this.#wrap(message);
    if (this.#later === null) this.#post(envelope);
    else this.#later.push(envelope);
    return within(answer, PATIENCE_MS, `worker ${this.index} does not answer (${message.type})`);
  }

  /** @param owed what is to be answered by another worker, should this one die: null for what that is told anyway */
  #wrap(message: ToWorker, owed: ToWorker | null = message): { envelope: Envelope; answer: Promise<PoolAudit | null> } {
    const number = ++this.#number;
    const answer = new Promise<PoolAudit | null>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject, message: owed });
    });
    return { envelope: { number, message }, answer };
  }

  #post(envelope: Envelope): void {
    this.#channel.postMessage(envelope);
    Atomics.store(this.#control, Control.Sent, envelope.number);
    this.wake();
  }

  /** Does nothing once the worker has ended: its eventfd's number may be another file's by then. */
  wake(): void {
    if (!this.#ended) signalEventfd(this.wakeFd);
  }

  /** Bytes that its thread has allocated so far; asking costs it some. */
  async allocated(): Promise<number> {
    const heap = (await this.#thread.getHeapStatistics()) as HeapInfo & { readonly total_allocated_bytes: number };
    return heap.total_allocated_bytes;
  }

  /** Turns made, turns without a frame, and system calls made for all TAPs at once, wrapped to 32 bits. */
  get turns(): { readonly all: number; readonly idle: number; readonly enters: number } {
    const [all, idle, enters] = [Control.Turns, Control.IdleTurns, Control.Enters].map(
      (word) => this.#control[word] >>> 0,
    );
    return { all, idle, enters };
  }

  /** Whether it forwards, as far as can be told: it has made turns lately. */
  get isAlive(): boolean {
    return this.#later === null && this.#still < MOST_STILL / 2;
  }

  /** To be called once a second: a worker that has made no turn for long is ended, and so started again. */
  look(): void {
    const { all } = this.turns;
    this.#still = all === this.#stillTurns && this.#later === null ? this.#still + 1 : 0;
    this.#stillTurns = all;
    if (this.#still < MOST_STILL || this.#stopping) return;
    this.#still = 0;
    this.#error = new Error(`worker ${this.index} has made no turn for ${MOST_STILL} s`);
    void this.#thread.terminate();
  }

  /** Asks the worker to end, without waiting: all that an `exit` handler can do. */
  askToStop(): void {
    this.#stopping = true;
    Atomics.store(this.#control, Control.Stop, 1);
    this.wake();
    // Whoever waits for the bell is let go.
    this.bell.wake();
  }

  /** Ends the worker, by force if it does not end by itself. */
  async stop(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
    this.askToStop();
    try {
      if (this.#thread.threadId >= 0) await within(exited, STOP_MS, 'slow');
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
        this.#ring = message.ring;
        this.#settle(0, null, null);
        break;
      case 'done':
        this.#settle(message.number, message.error, message.audit);
        break;
      case 'peer':
        if (message.fd < 0) this.#peers.delete(message.index);
        else this.#peers.set(message.index, message.fd);
        this.#hooks.peer(message.index, message.news);
        break;
      default:
        this.#error ??= new Error(`worker ${this.index} failed: ${message.error}`);
    }
  }

  #settle(number: number, error: string | null, audit: PoolAudit | null): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === null) waiting?.resolve(audit);
    else waiting?.reject(new Error(error));
  }

  /** Its thread has ended, which nobody asked for. */
  #died(error: Error): void {
    if (this.#stopping) return;
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < MINUTE_MS), now];
    this.#release();
    if (this.restarts === 0 && this.#waiting.has(0)) this.#fail(error);
    else if (this.#deaths.length < MOST_DEATHS) {
      this.restarts++;
      this.#hooks.died(this.index, error);
      void this.#restart();
    } else {
      const often = `worker ${this.index} has died ${MOST_DEATHS} times within a minute, the last time of: ${error.message}`;
      this.#fail(new Error(often, { cause: error }));
    }
  }

  /** What the dead thread has left open. */
  #release(): void {
    this.#channel.close();
    if (this.#ring !== null) releaseRing(this.#ring);
    this.#ring = null;
    for (const fd of this.#peers.values()) hangUp(fd);
    for (const device of this.#peers.keys()) this.#hooks.peer(device, 'closed');
    this.#peers.clear();
  }

  /** Another thread in the place of the dead one, told what that knew. What was sent and not answered is among it. */
  async #restart(): Promise<void> {
    this.#later ??= [];
    const queued = new Set(this.#later.map(({ number }) => number));
    for (const [number, waiting] of this.#waiting) {
      if (queued.has(number)) continue;
      this.#waiting.delete(number);
      if (waiting.message !== null) this.#owed.push(waiting);
    }
    const { world, assignments, tenants } = this.#told;
    const life = this.restarts;
    await this.#begin();
    await this.#repeat(world);
    await this.#hooks.filled(this.index, tenants);
    // It may have died once more while others were waited for.
    if (life !== this.restarts || this.#stopping) return;
    await this.#repeat(assignments);
    const later = this.#later;
    this.#later = null;
    for (const { resolve, reject, message } of this.#owed.splice(0)) {
      if (message?.type === 'audit') this.send(message).then(resolve, reject);
      else resolve(null);
    }
    for (const envelope of later) this.#post(envelope);
    this.#hooks.restarted(this.index);
  }

  /** Should the worker die meanwhile, this never ends. */
  async #repeat(messages: readonly ToWorker[]): Promise<void> {
    for (const message of messages) {
      const { envelope, answer } = this.#wrap(message, null);
      this.#post(envelope);
      await answer.catch((error: Error) => this.#hooks.trouble(`worker ${this.index}: ${error.message}`));
    }
  }

  #fail(error: Error): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#failure = error;
    for (const waiting of [...this.#waiting.values(), ...this.#owed]) waiting.reject(error);
    this.#waiting.clear();
    this.#hooks.failed(error);
  }
}

/** An error that came from another thread has lost its class, and kept its fields. */
function revive(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.name === 'LinuxError' && 'code' in error ? new LinuxError(error as unknown as Failure) : error;
}
