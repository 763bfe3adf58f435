/**
 * Limbo: memory that a table has unlinked, but that a worker may still be reading. Control sets `tag` to the epoch it is in; a
 * table retires what it frees under that tag; once every online worker has passed an epoch, control releases it, and whatever
 * was retired in it or before goes back to its table. One limbo serves any number of tables. Control side only.
 *
 * Idea: Fraser, "Practical lock-freedom", 2004, section 5.2.3 (epoch-based reclamation).
 */
export interface Reclaimer {
  /** Takes back `count` units from `start`, in the table's own units: no reader can see them any more. */
  reclaim(start: number, count: number): void;
}

interface Retired {
  readonly owner: Reclaimer;
  readonly start: number;
  readonly count: number;
  readonly tag: number;
}

export class Limbo {
  /** The epoch of what is retired from now on: the current one of `Epochs`, a 32-bit integer that grows and wraps. */
  tag = 0;
  #retired: Retired[] = [];
  #first = 0;

  /** Ranges that wait. */
  get size(): number {
    return this.#retired.length - this.#first;
  }

  retire(owner: Reclaimer, start: number, count: number): void {
    this.#retired.push({ owner, start, count, tag: this.tag });
  }

  /**
   * Gives back what was retired under `tag` or an earlier one: once `passedBy(e)` holds of an epoch that `bump` returned,
   * that is `release(e - 1)`.
   * @returns number of ranges given back
   */
  release(tag: number): number {
    const retired = this.#retired;
    const from = this.#first;
    let at = from;
    for (; at < retired.length && ((retired[at].tag - tag) | 0) <= 0; at++) {
      retired[at].owner.reclaim(retired[at].start, retired[at].count);
    }
    this.#first = at;
    // Shifting the rest down each time would be quadratic; doing it when half is dead is not.
    if (at * 2 >= retired.length) {
      this.#retired = retired.slice(at);
      this.#first = 0;
    }
    return at - from;
  }
}
