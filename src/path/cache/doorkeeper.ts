/** Cells of 16 bits: they fit into a second cache beside the frames. */
const CELLS = 1 << 15;
const EPOCH = 3;

/** A step of a linear congruential generator, whose upper bits are good enough for choices that nobody gains by guessing. */
export function nextRandom(seed: number): number {
  return (Math.imul(seed, 1664525) + 1013904223) | 0;
}

/**
 * Tells flows that come back from those that do not: the latter take no place in the flow cache then, which stays as small as the
 * flows need that do. It knows some of the flows that were met a short while ago, a cell for each, by 14 bits of their hash.
 * Source: the doorkeeper of Einziger, Friedman and Manes, TinyLFU, ACM Transactions on Storage 13(4), 2017; sticky cells are ours.
 */
export class Doorkeeper {
  readonly #cells = new Uint16Array(CELLS);
  #random = 1;

  /** Whether a flow was met before, most likely. @param epoch moves on once a second or oftener: what was met before it makes room at once */
  wasHere(hash: number, epoch: number): boolean {
    const at = hash & (CELLS - 1);
    const tag = ((hash >>> 18) << 2) | (epoch & EPOCH);
    const unlike = this.#cells[at] ^ tag;
    this.#random = nextRandom(this.#random);
    // Seldom in the same epoch: many that take turns at one cell would drive each other out for ever.
    if ((unlike & EPOCH) !== 0 || this.#random >>> 29 === 0) this.#cells[at] = tag;
    return unlike <= EPOCH;
  }
}
