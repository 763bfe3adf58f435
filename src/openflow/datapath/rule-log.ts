import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Ring } from '../../frame/ring.ts';
import { CATCH_UP, LogRecord, type RulesImage, Shared } from '../../path/rules/log.ts';

/** Words that wait for room in a ring: beyond the first controllers are no longer read from, beyond the second their frames are dropped. */
const MANY = 1 << 18;
const TOO_MANY = 1 << 21;

/** How often a barrier looks whether workers have come to it: at once, in turns of the event loop; then it waits to be told. */
const LOOKS = 2000;
const TURNS = 100;

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
  readonly #waiting: Int32Array[][];
  readonly #waitingWords: number[];
  readonly #wake: (worker: number) => void;
  /** Workers that have been woken since there was little in their rings. */
  readonly #woken: boolean[];
  /** Whether the first worker has a frame to send, which waits for no other. */
  #frames = false;
  #sequence = 0;
  #written = false;
  #closed = false;
  /** What is written while `hold` is in force; a frame of a packet-out is for the first worker alone. */
  #held: { readonly words: Int32Array; readonly first: boolean }[] | null = null;
  packetOutsDropped = 0;

  /** @param wake tells a worker that its ring holds something */
  constructor(image: RulesImage, wake: (worker: number) => void) {
    this.#rings = image.workers.map(({ log }) => new Ring(log));
    this.#views = this.#rings.map(({ octets }) => new Int32Array(octets.buffer, octets.byteOffset));
    this.#words = image.workers.map(({ words }) => new Int32Array(words));
    this.#waiting = image.workers.map(() => []);
    this.#waitingWords = image.workers.map(() => 0);
    this.#wake = wake;
    this.#woken = image.workers.map(() => false);
  }

  /** Whether so much waits that nothing more should be asked for. */
  get full(): boolean {
    return this.#waitingWords.some((words) => words > MANY);
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
      this.#held.push({ words: copyOf(record, length), first: false });
      return;
    }
    for (let worker = 0; worker < this.#rings.length; worker++) this.#write(worker, record, length);
    if (this.#waitingWords.some((words) => words > 0)) this.#wakeLater();
  }

  /** From now on records are kept back, until `release`. */
  hold(): void {
    this.#held = [];
  }

  /** Writes what was kept back, as a bundle that is there at once for every frame; or forgets it. */
  release(keep: boolean): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (!keep || held.length === 0) return;
    this.#frames ||= held.some(({ first }) => first);
    // One record is whole as it is.
    if (held.length > 1) {
      held.unshift({ words: Int32Array.of(LogRecord.BundleBegin), first: false });
      held.push({ words: Int32Array.of(LogRecord.BundleEnd), first: false });
    }
    for (const { words, first } of held)
      for (let worker = 0; worker < (first ? 1 : this.#rings.length); worker++)
        this.#write(worker, words, words.length);
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
    for (const [kind] of this.#waiting[worker]) dropped(kind);
    this.#waiting[worker] = [];
    this.#waitingWords[worker] = 0;
    for (const words of records) this.#write(worker, words, words.length);
    this.#write(worker, [LogRecord.Barrier, this.#sequence], 2);
    this.#wakeLater();
  }

  #write(worker: number, words: Words, length: number): void {
    const waiting = this.#waiting[worker];
    if (waiting.length === 0 && this.#put(worker, words, length)) {
      this.#nudge(worker, length * 4);
      return;
    }
    waiting.push(copyOf(words, length));
    this.#waitingWords[worker] += length;
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
    if (this.#waiting[worker].length > 0 || this.#unread(worker) > CATCH_UP) return false;
    return Atomics.load(this.#words[worker], Shared.Looking) === 0;
  }

  /** A frame that a controller sends: the first worker carries it out, behind all changes that were made before. */
  packetOut(inPort: number, actions: readonly number[], frame: Uint8Array): void {
    const record = new Int32Array(4 + actions.length + ((frame.length + 3) >> 2));
    record.set([LogRecord.PacketOut, inPort | 0, actions.length, frame.length, ...actions]);
    new Uint8Array(record.buffer).set(frame, (4 + actions.length) * 4);
    if (this.#held !== null) this.#held.push({ words: record, first: true });
    else if (this.#waitingWords[0] > TOO_MANY) this.packetOutsDropped++;
    else {
      this.#frames = true;
      this.#write(0, record, record.length);
      this.#wakeLater();
    }
  }

  /** Writes what waits, as far as there is room. */
  flush(): void {
    for (const [worker, waiting] of this.#waiting.entries()) {
      let done = 0;
      while (done < waiting.length && this.#put(worker, waiting[done], waiting[done].length))
        this.#waitingWords[worker] -= waiting[done++].length;
      if (done > 0) waiting.splice(0, done);
    }
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

function copyOf(words: Words, length: number): Int32Array {
  const copy = new Int32Array(length);
  for (let k = 0; k < length; k++) copy[k] = words[k];
  return copy;
}
