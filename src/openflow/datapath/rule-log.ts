import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { Ring } from '../../frame/ring.ts';
import { LogRecord, type RulesImage, Shared } from '../../path/rules/log.ts';

/** Words that wait for room in a ring: beyond the first controllers are no longer read from, beyond the second their frames are dropped. */
const MANY = 1 << 18;
const TOO_MANY = 1 << 21;

/** How often a barrier looks whether workers have come to it: at once, in turns of the event loop; then it waits to be told. */
const LOOKS = 2000;
const TURNS = 100;

/**
 * Writes records into the ring of every worker, in order; what finds no room waits here. A barrier is answered when every worker has
 * carried out all that was written before it.
 */
export class RuleLog {
  readonly #rings: readonly Ring[];
  readonly #views: readonly Int32Array[];
  readonly #words: readonly Int32Array[];
  readonly #waiting: Int32Array[][];
  readonly #waitingWords: number[];
  readonly #wake: (worker: number) => void;
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

  write(record: readonly number[] | Int32Array): void {
    const words = record instanceof Int32Array ? record : Int32Array.from(record);
    if (this.#held !== null) {
      this.#held.push({ words, first: false });
      return;
    }
    for (let worker = 0; worker < this.#rings.length; worker++) this.#write(worker, words);
    this.#wakeLater();
  }

  /** From now on records are kept back, until `release`. */
  hold(): void {
    this.#held = [];
  }

  /** Writes what was kept back, or forgets it. */
  release(keep: boolean): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (!keep || held.length === 0) return;
    for (const { words, first } of held)
      for (let worker = 0; worker < (first ? 1 : this.#rings.length); worker++) this.#write(worker, words);
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
    for (const words of records) this.#write(worker, words);
    this.#write(worker, Int32Array.of(LogRecord.Barrier, this.#sequence));
    this.#wakeLater();
  }

  #write(worker: number, words: Int32Array): void {
    const waiting = this.#waiting[worker];
    if (waiting.length === 0 && this.#put(worker, words)) return;
    waiting.push(words);
    this.#waitingWords[worker] += words.length;
  }

  #wakeLater(): void {
    if (this.#written || this.#closed) return;
    this.#written = true;
    // One wake-up for all that is written in this turn.
    setImmediate(() => {
      this.#written = false;
      if (this.#closed) return;
      this.flush();
      for (let worker = 0; worker < this.#rings.length; worker++) this.#wake(worker);
    });
  }

  /** A frame that a controller sends: the first worker carries it out, behind all changes that were made before. */
  packetOut(inPort: number, actions: readonly number[], frame: Uint8Array): void {
    const record = new Int32Array(4 + actions.length + ((frame.length + 3) >> 2));
    record.set([LogRecord.PacketOut, inPort | 0, actions.length, frame.length, ...actions]);
    new Uint8Array(record.buffer).set(frame, (4 + actions.length) * 4);
    if (this.#held !== null) this.#held.push({ words: record, first: true });
    else if (this.#waitingWords[0] > TOO_MANY) this.packetOutsDropped++;
    else {
      this.#write(0, record);
      this.#wakeLater();
    }
  }

  /** Writes what waits, as far as there is room. */
  flush(): void {
    for (const [worker, waiting] of this.#waiting.entries()) {
      let done = 0;
      while (done < waiting.length && this.#put(worker, waiting[done]))
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
    for (let worker = 0; worker < this.#rings.length; worker++) this.#wake(worker);
    // A worker that is awake looks into its ring every few microseconds: sooner than we could be woken.
    for (let looks = 0; looks < LOOKS; looks++) if (this.#reached(sequence)) return null;
    return this.#whenReached(sequence);
  }

  #reached(sequence: number): boolean {
    for (const words of this.#words) if (((Atomics.load(words, Shared.Barrier) - sequence) | 0) < 0) return false;
    return true;
  }

  async #whenReached(sequence: number): Promise<void> {
    for (let turns = 0; turns < TURNS; turns++) {
      await nextTurn();
      if (this.#closed || this.#reached(sequence)) return;
      this.flush();
    }
    for (const words of this.#words) {
      while (!this.#closed) {
        const seen = Atomics.load(words, Shared.Barrier);
        if (((seen - sequence) | 0) >= 0) break;
        const wait = Atomics.waitAsync(words, Shared.Barrier, seen, 50);
        if (wait.async) await wait.value;
        this.flush();
      }
    }
  }

  #put(worker: number, words: Int32Array): boolean {
    const ring = this.#rings[worker];
    const at = ring.reserve(words.length * 4);
    if (at < 0) return false;
    this.#views[worker].set(words, at >> 2);
    ring.commit();
    return true;
  }
}
