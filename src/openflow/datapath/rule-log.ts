import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Ring } from '../../frame/ring.ts';
import { CATCH_UP, LogRecord, type RulesImage, Shared } from '../../path/rules/log.ts';
import { RecordQueue } from './record-queue.ts';

/** Words that wait for room in a ring: beyond the first controllers are no longer read from, beyond the second their frames are dropped. */
const MANY = 1 << 18;
const TOO_MANY = 1 << 21;

/** How often a barrier looks whether workers have come to it: at once, in turns of the event loop; then it waits to be told. */
const LOOKS = 2000;
const TURNS = 100;

const BEGIN = [LogRecord.BundleBegin];
const END = [LogRecord.BundleEnd];

/** A record of the log. */
type Words = readonly number[] | Int32Array;

/**
 * Writes records into the ring of every worker, in order; what finds no room waits here. A barrier is answered when it is certain that
 * every later frame sees all that was written before it: a worker has carried it out, or has no frame in hand and little in its ring,
 * which it will carry out before it looks at one. So rules one by one, each with its barrier, wake nobody and wait for nobody.
 */
export class RuleLog {
  readonly #rings: readonly Ring[];
  readonly #views: readonly Int32Array[];
  readonly #words: readonly Int32Array[];
  readonly #waiting: readonly RecordQueue[];
  readonly #wake: (worker: number) => void;
  /** Workers that have been woken since there was little in their rings. */
  readonly #woken: boolean[];
  /** Whether the first worker has a frame to send, which waits for no other. */
  #frames = false;
  #sequence = 0;
  #written = false;
  #closed = false;
  /** What is written while `hold` is in force. */
  #held: RecordQueue | null = null;
  packetOutsDropped = 0;

  /** @param wake tells a worker that its ring holds something */
  constructor(image: RulesImage, wake: (worker: number) => void) {
    this.#rings = image.workers.map(({ log }) => new Ring(log));
    this.#views = this.#rings.map(({ octets }) => new Int32Array(octets.buffer, octets.byteOffset));
    this.#words = image.workers.map(({ words }) => new Int32Array(words));
    this.#waiting = image.workers.map(() => new RecordQueue());
    this.#wake = wake;
    this.#woken = image.workers.map(() => false);
  }

  /** Whether so much waits that nothing more should be asked for. */
  get full(): boolean {
    return this.#waiting.some(({ size }) => size > MANY);
  }

  /** @returns when there is room for more changes; null: now */
  room(): Promise<void> | null {
    return this.full ? this.#emptied() : null;
  }

  async #emptied(): Promise<void> {
    while (this.full) {
      await sleep(1);
      this.flush();
    }
  }

  /** Ends the log: nobody is woken any more, and barriers that are waited for are answered. */
  close(): void {
    this.#closed = true;
  }

  /** @param record read before it returns: as many words as `length` says */
  write(record: Words, length: number = record.length): void {
    if (this.#held !== null) {
      this.#held.push(record, length);
      return;
    }
    for (let worker = 0; worker < this.#rings.length; worker++) this.#write(worker, record, length);
    if (this.#waiting.some(({ count }) => count > 0)) this.#wakeLater();
  }

  /** From now on records are kept back, until `release`. */
  hold(): void {
    this.#held = new RecordQueue();
  }

  /** Writes what was kept back, as a bundle that is there at once for every frame; or forgets it. */
  release(keep: boolean): void {
    const held = this.#held;
    this.#held = null;
    if (!keep || held === null || held.count === 0) return;
    // One record is whole as it is.
    const several = held.count > 1;
    if (several) this.#writeAll(BEGIN);
    for (let words = held.peek(); words !== null; words = held.peek()) {
      this.#writeAll(words);
      held.pop();
    }
    if (several) this.#writeAll(END);
    this.#wakeLater();
  }

  /**
   * A worker has died, and another begins in its place: it is told all, and not what the dead one has not carried out.
   * @param records of all that the datapath is now
   */
  refill(worker: number, records: Iterable<Int32Array>): void {
    const ring = this.#rings[worker];
    const dropped = (kind: number) => {
      if (kind === LogRecord.PacketOut) this.packetOutsDropped++;
    };
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      dropped(this.#views[worker][at >> 2]);
      ring.pop();
    }
    const waiting = this.#waiting[worker];
    for (let words = waiting.peek(); words !== null; words = waiting.peek()) {
      dropped(words[0]);
      waiting.pop();
    }
    for (const words of records) this.#write(worker, words, words.length);
    this.#write(worker, [LogRecord.Barrier, this.#sequence], 2);
    this.#wakeLater();
  }

  /** Into the ring of every worker; a frame of a packet-out is for the first alone. */
  #writeAll(words: Words): void {
    const frame = words[0] === LogRecord.PacketOut;
    this.#frames ||= frame;
    for (let worker = 0; worker < (frame ? 1 : this.#rings.length); worker++) this.#write(worker, words, words.length);
  }

  #write(worker: number, words: Words, length: number): void {
    const waiting = this.#waiting[worker];
    if (waiting.count === 0 && this.#put(worker, words, length)) this.#nudge(worker, length * 4);
    else waiting.push(words, length);
  }

  /** Wakes a worker while what it has to do is still little, so that nobody need wait for it. @param bytes just written */
  #nudge(worker: number, bytes: number): void {
    const much = this.#unread(worker) > CATCH_UP >> 1;
    if (much && !this.#closed && (!this.#woken[worker] || bytes > CATCH_UP >> 1)) this.#wake(worker);
    this.#woken[worker] = much;
  }

  #unread(worker: number): number {
    const ring = this.#rings[worker];
    return ring.capacity - ring.room;
  }

  #wakeLater(): void {
    if (this.#written || this.#closed) return;
    this.#written = true;
    // One wake-up for all that is written in this turn.
    setImmediate(() => {
      this.#written = false;
      if (this.#closed) return;
      this.flush();
      this.#wakeAll();
    });
  }

  /** Wakes whom it concerns now. */
  #wakeAll(): void {
    for (let worker = 0; worker < this.#rings.length; worker++)
      if ((worker === 0 && this.#frames) || !this.#isAhead(worker)) this.#wake(worker);
    this.#frames = false;
  }

  /** Whether a worker will have carried out all that is written before it looks at a frame. */
  #isAhead(worker: number): boolean {
    if (this.#waiting[worker].count > 0 || this.#unread(worker) > CATCH_UP) return false;
    return Atomics.load(this.#words[worker], Shared.Looking) === 0;
  }

  /** A frame that a controller sends: the first worker carries it out, behind all changes that were made before. */
  packetOut(inPort: number, actions: readonly number[], frame: Uint8Array): void {
    const record = new Int32Array(4 + actions.length + ((frame.length + 3) >> 2));
    record.set([LogRecord.PacketOut, inPort | 0, actions.length, frame.length, ...actions]);
    new Uint8Array(record.buffer).set(frame, (4 + actions.length) * 4);
    if (this.#held !== null) this.#held.push(record, record.length);
    else if (this.#waiting[0].size > TOO_MANY) this.packetOutsDropped++;
    else {
      this.#frames = true;
      this.#write(0, record, record.length);
      this.#wakeLater();
    }
  }

  /** Writes what waits, as far as there is room. */
  flush(): void {
    for (const [worker, waiting] of this.#waiting.entries())
      for (let words = waiting.peek(); words !== null && this.#put(worker, words, words.length); words = waiting.peek())
        waiting.pop();
  }

  /** @returns when every worker has carried out what was written until now; null: they have */
  barrier(): Promise<void> | null {
    const sequence = (this.#sequence + 1) | 0;
    this.#sequence = sequence;
    this.write([LogRecord.Barrier, sequence]);
    if (this.#closed) return null;
    this.flush();
    if (this.#reached(sequence)) return null;
    this.#wakeAll();
    // A worker that is awake looks into its ring every few microseconds: sooner than we could be woken.
    for (let looks = 0; looks < LOOKS; looks++) if (this.#reached(sequence)) return null;
    return this.#whenReached(sequence);
  }

  #reached(sequence: number): boolean {
    for (let worker = 0; worker < this.#words.length; worker++) {
      const seen = Atomics.load(this.#words[worker], Shared.Barrier);
      if (((seen - sequence) | 0) < 0 && !this.#isAhead(worker)) return false;
    }
    return true;
  }

  async #whenReached(sequence: number): Promise<void> {
    for (let turns = 0; turns < TURNS; turns++) {
      await nextTurn();
      if (this.#closed || this.#reached(sequence)) return;
      this.flush();
    }
    // Nobody tells when a ring has room again.
    while (!this.#closed && this.#waiting.some(({ count }) => count > 0)) {
      await sleep(1);
      this.flush();
    }
    for (const words of this.#words) {
      while (!this.#closed && !this.#reached(sequence)) {
        const seen = Atomics.load(words, Shared.Barrier);
        if (((seen - sequence) | 0) >= 0) break;
        const wait = Atomics.waitAsync(words, Shared.Barrier, seen, 50);
        if (wait.async) await wait.value;
        this.flush();
      }
    }
  }

  #put(worker: number, words: Words, length: number): boolean {
    const ring = this.#rings[worker];
    const at = ring.reserve(length * 4);
    if (at < 0) return false;
    const view = this.#views[worker];
    for (let k = 0; k < length; k++) view[(at >> 2) + k] = words[k];
    ring.commit();
    return true;
  }
}
