import type { Batch } from '../frame/batch.ts';
import * as layout from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { ReleaseHeads } from '../frame/pool-loops.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { apart, type Loop, ownText } from '../own-text.ts';
import { answerTo, isResolution } from './answer.ts';
import { Delays } from './delays.ts';
import { Pace, STAMP } from './pace.ts';
import type { Port, TxSink } from './port.ts';
import { alikeLoop, type Fill, fillLoop, sumLoop } from './replay-loops.ts';

/**
 * Frames to replay, packed so that each begins two bytes into 64 bytes, as it does in a slot: a copy is whole lines of the cache. `control`: word
 * 0 is the number of frames still to be received (-1: without end), written by the main thread; word 1 turns the digest of what
 * leaves on.
 */
export interface ReplayHandles {
  readonly frames: SharedArrayBuffer;
  /** Two words a frame: position in double words, length in bytes. */
  readonly index: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  /** Float64, `ReplayResult`. */
  readonly results: SharedArrayBuffer;
  /** Not null: frames come by the clock (`PaceCell`), while there are any left; some carry in their last bytes the time at which they were due. */
  readonly pace: SharedArrayBuffer | null;
  /** Not null: what is transmitted may carry such times, or what is no number there, and its delays are counted (`Delays`). */
  readonly delays: SharedArrayBuffer | null;
}

/** A longer delay is no delay: the frame carries something else there, as one does that the router has made. */
const LONGEST_US = 10e6;

export const ReplayControl = { Left: 0, Digest: 1, WORDS: 2 } as const;
export const ReplayResult = {
  Received: 0,
  /** Frames and bytes. */
  Transmitted: 1,
  Bytes: 2,
  /** Sum of the hashes of transmitted frames, ARP and neighbour discovery left out. */
  Digest: 3,
  /** Frames of ARP and neighbour discovery: routers announce themselves and ask when it is time for it. */
  Resolving: 4,
  WIDTH: 5,
} as const;

/** Frames of others that wait to be answered. */
const ANSWERS = 64;

/**
 * A port for benchmarks: what it receives is copied from memory into slots as a network card would do it, over and over; what is
 * transmitted is counted and discarded, after an ARP request or neighbour solicitation in it was answered as a host would.
 */
export class ReplayPort implements Port {
  readonly name: string;
  readonly kind = 'memory';
  readonly offloads = 0;
  readonly gone = false;
  readonly #pool: Pool;
  readonly #sink: TxSink;
  readonly #frames: BigInt64Array;
  readonly #index: Int32Array;
  readonly #control: Int32Array;
  readonly #results: Float64Array;
  readonly #slots: BigInt64Array;
  readonly #count: number;
  readonly #answers: Uint8Array[] = [];
  /** Loops, and what they were made for: one batch, one queue. */
  #batch: Batch | null = null;
  #fill: Fill = () => 0;
  #queue: TxQueue | null = null;
  #alike: Loop = () => 0;
  #sum: Loop = () => 0;
  #release: ReleaseHeads = () => 0;
  /** What `#sum` has found. */
  readonly #found = new Int32Array(2);
  #next = 0;
  #credit = 0;
  #tenant = 0;
  readonly #pace: Pace | null;
  readonly #delays: Delays | null;
  readonly #clock: (into: Float64Array) => void;
  readonly #now = new Float64Array(1);

  /** @param clock of `pace` and `delays`: writes microseconds into the first element */
  constructor(name: string, handles: ReplayHandles, pool: Pool, sink: TxSink, clock: (into: Float64Array) => void) {
    this.name = name;
    this.#pace = handles.pace === null ? null : new Pace(handles.pace);
    this.#delays = handles.delays === null ? null : new Delays(handles.delays);
    this.#clock = clock;
    this.#pool = pool;
    this.#sink = sink;
    this.#frames = new BigInt64Array(handles.frames);
    this.#index = new Int32Array(handles.index);
    this.#control = new Int32Array(handles.control);
    this.#results = new Float64Array(handles.results);
    this.#slots = new BigInt64Array(pool.memory);
    this.#count = this.#index.length >> 1;
    // V8 tells lists that have never held anything from others: the first answer would stop the path.
    this.#answers.push(new Uint8Array(0));
    this.#answers.pop();
  }

  request(most: number, tenant: number): void {
    this.#credit = most;
    this.#tenant = tenant;
    if (this.#pace === null) return;
    this.#clock(this.#now);
    this.#pace.arrive(this.#now);
  }

  /** Frames that come by the clock are told of by nothing else: whoever waits is to look again at once. */
  get dueUs(): number {
    return this.#pace === null ? Number.POSITIVE_INFINITY : 0;
  }

  get pending(): boolean {
    if (this.#credit <= 0) return false;
    if (this.#answers.length > 0) return true;
    return this.#count > 0 && this.#control[0] !== 0 && (this.#pace === null || this.#pace.waiting > 0);
  }

  receive(batch: Batch, most: number): number {
    if (this.#answers.length > 0) return this.#answer(batch);
    const pool = this.#pool;
    const count = this.#count;
    const left = Atomics.load(this.#control, ReplayControl.Left);
    let limit = most < this.#credit ? most : this.#credit;
    if (left >= 0 && left < limit) limit = left;
    const pace = this.#pace;
    if (pace !== null && pace.waiting < limit) limit = pace.waiting;
    const taken = apart(pool.takeHeads, this.#tenant, limit, 0, 0);
    if (batch !== this.#batch) this.#fillInto(batch);
    const first = batch.count;
    batch.bytes += apart(this.#fill, first, taken, this.#next, pool.freeHeads);
    this.#next = (this.#next + taken) % count;
    const end = first + taken;
    if (pace !== null) pace.take(pool.bytes, batch.start, batch.headLength, first, end);
    batch.count = end;
    if (first === 0 && batch.plain) batch.bare = true;
    else batch.clean(first);
    this.#credit -= taken;
    this.#results[ReplayResult.Received] += taken;
    if (left >= 0) Atomics.sub(this.#control, ReplayControl.Left, taken);
    return taken;
  }

  transmit(queue: TxQueue): number {
    const { count, tenant, row, port } = queue;
    const digest = this.#control[ReplayControl.Digest] !== 0;
    if (this.#delays !== null) this.#time(this.#delays, queue);
    if (queue !== this.#queue) this.#emptyFrom(queue);
    const found = this.#found;
    // Frames of one row to one port are reported together.
    for (let first = 0; first < count; ) {
      const end =
        first < queue.alike ? (queue.alike < count ? queue.alike : count) : apart(this.#alike, first, count, 0, 0);
      apart(this.#sum, first, end, 0, 0);
      if (digest || found[1] > 0) for (let i = first; i < end; i++) this.#look(queue, i, digest);
      this.#sink.sent(tenant[first], row[first], port[first], end - first, found[0]);
      this.#results[ReplayResult.Bytes] += found[0];
      first = end;
    }
    apart(this.#release, count, 0, 0, 0);
    this.#results[ReplayResult.Transmitted] += count;
    return count;
  }

  #time(delays: Delays, { count, start, headLength }: TxQueue): void {
    const { bytes } = this.#pool;
    this.#clock(this.#now);
    const now = this.#now[0];
    for (let i = 0; i < count; i++) {
      const due = bytes.getFloat64(start[i] + headLength[i] - STAMP, true);
      const delay = now - due;
      if (due > 0 && delay >= 0 && delay < LONGEST_US) delays.add(delay);
    }
  }

  close(): boolean {
    this.#credit = 0;
    return true;
  }

  /** Takes the loop that fills a batch: a worker has one for what its ports receive. */
  #fillInto(batch: Batch): void {
    const { head, start, headLength } = batch;
    const { spares } = this.#pool;
    const [frames, index, slots] = [this.#frames, this.#index, this.#slots];
    const context = { frames, index, slots, spares, head, start, headLength };
    this.#batch = batch;
    this.#fill = ownText(
      fillLoop,
      { ...context, stride: layout.HEAD_STRIDE, begin: layout.HEAD_START },
      `replay/${this.name}`,
    );
  }

  /** Takes the loops that empty a queue: a device has one. */
  #emptyFrom(queue: TxQueue): void {
    const { start, headLength, body, bodyLength, tenant, row, port } = queue;
    const halves = new Uint16Array(this.#pool.memory);
    const found = this.#found;
    this.#queue = queue;
    this.#alike = ownText(alikeLoop, { tenant, row, port }, `replay/${this.name}`);
    this.#sum = ownText(sumLoop, { halves, start, headLength, body, bodyLength, found }, `replay/${this.name}`);
    this.#release = this.#pool.releaser(queue.head);
  }

  #look({ start, headLength, body }: TxQueue, i: number, digest: boolean): void {
    const { octets } = this.#pool;
    const at = start[i];
    const resolves = (octets[at + 12] !== 8 || octets[at + 13] !== 0) && this.#resolves(at, headLength[i]);
    if (resolves) this.#results[ReplayResult.Resolving]++;
    else if (digest) this.#results[ReplayResult.Digest] += hashOf(octets, at, headLength[i]);
    if (body[i] >= 0) this.#pool.release(body[i]);
  }

  /** What is no IPv4 may be ARP or neighbour discovery, a question to the hosts behind this port, which is answered. */
  #resolves(at: number, length: number): boolean {
    const { octets } = this.#pool;
    if (!isResolution(octets, at, at + length)) return false;
    const answer = answerTo(octets.subarray(at, at + length));
    if (answer !== null && this.#answers.length < ANSWERS) this.#answers.push(answer);
    return true;
  }

  #answer(batch: Batch): number {
    const head = this.#pool.takeHead(this.#tenant);
    const answer = head < 0 ? undefined : this.#answers.shift();
    if (answer === undefined) return 0;
    const start = this.#pool.frameStart(head);
    this.#pool.octets.set(answer, start);
    batch.push(head, start, answer.length, -1, 0, 0);
    return 1;
  }
}

/** FNV-1a of a frame's bytes: sums of it tell whether the same frames have left, in whatever order. */
function hashOf(octets: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5;
  for (let k = at; k < at + length; k++) hash = Math.imul(hash ^ octets[k], 0x01000193);
  return hash >>> 0;
}
