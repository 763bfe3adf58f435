/**
 * When everybody has stopped looking at something old. Control unpublishes it, bumps the epoch, and reclaims once every worker has
 * either entered that epoch or gone offline. A worker enters the current epoch once a batch, holding nothing from the tables
 * of the batch before, and goes offline before it blocks.
 *
 * Safe because both sides are sequentially consistent: a worker that control saw offline stores its epoch before it reads any
 * table, so it reads them as they are after the unpublication.
 * Sources: Fraser, "Practical lock-freedom", 2004, section 5.2.3; quiescent states: McKenney and Slingwine, "Read-copy update",
 * PDCS 1998.
 */
const OFFLINE = 0;
const NOW = 0;
const WAITERS = 1;
/** A cache line a worker, and one before for control. */
const LINE = 16;
/** A waiter looks again after so long at the latest, should a notification be missed. */
const RECHECK_MS = 50;

export interface EpochsHandles {
  readonly memory: SharedArrayBuffer;
}

export class Epochs {
  readonly workers: number;
  readonly #words: Int32Array;
  readonly #memory: SharedArrayBuffer;

  /** @param workers all of them offline at first */
  static create(workers: number): Epochs {
    const memory = new SharedArrayBuffer((workers + 1) * LINE * 4);
    new Int32Array(memory)[NOW] = 1;
    return new Epochs({ memory });
  }

  static attach(handles: EpochsHandles): Epochs {
    return new Epochs(handles);
  }

  private constructor({ memory }: EpochsHandles) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.workers = this.#words.length / LINE - 1;
  }

  handles(): EpochsHandles {
    return { memory: this.#memory };
  }

  /** The epoch that workers enter; never 0. */
  current(): number {
    return Atomics.load(this.#words, NOW);
  }

  /** Worker: has let go of all that it read before. @param epoch `current()`, loaded just before */
  enter(worker: number, epoch: number): void {
    const words = this.#words;
    const at = (worker + 1) * LINE;
    if (words[at] === epoch) return;
    Atomics.store(words, at, epoch);
    if (Atomics.load(words, WAITERS) !== 0) Atomics.notify(words, at);
  }

  /** Worker: holds nothing until it enters again. */
  offline(worker: number): void {
    const words = this.#words;
    const at = (worker + 1) * LINE;
    Atomics.store(words, at, OFFLINE);
    if (Atomics.load(words, WAITERS) !== 0) Atomics.notify(words, at);
  }

  /** Control, after it has unpublished something. @returns the new epoch, to wait for */
  bump(): number {
    const epoch = (this.#words[NOW] + 1) | 0 || 1;
    Atomics.store(this.#words, NOW, epoch);
    return epoch;
  }

  /** Whether no worker can still see what was unpublished before `bump` returned this epoch. */
  passedBy(epoch: number): boolean {
    for (let worker = 0; worker < this.workers; worker++) {
      if (!passed(Atomics.load(this.#words, (worker + 1) * LINE), epoch)) return false;
    }
    return true;
  }

  /** Control: resolves when `passedBy(epoch)`. A worker that never returns keeps it waiting. */
  async whenPassed(epoch: number): Promise<void> {
    const words = this.#words;
    Atomics.add(words, WAITERS, 1);
    try {
      for (let worker = 0; worker < this.workers; worker++) {
        const at = (worker + 1) * LINE;
        for (let seen = Atomics.load(words, at); !passed(seen, epoch); seen = Atomics.load(words, at)) {
          await Atomics.waitAsync(words, at, seen, RECHECK_MS).value;
        }
      }
    } finally {
      Atomics.sub(words, WAITERS, 1);
    }
  }
}

function passed(seen: number, epoch: number): boolean {
  return seen === OFFLINE || ((seen - epoch) | 0) >= 0;
}
