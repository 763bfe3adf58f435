/** A fast generator of known quality, so that a seed repeats a run: sfc32 of Chris Doty-Humphrey's PractRand. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.imul(seed, 0x9e3779b1);
    this.#c = ~seed;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Any 32-bit integer, not negative. */
  next(): number {
    const mixed = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + mixed) | 0;
    return mixed >>> 0;
  }

  /** @returns an integer of 0 to n - 1 */
  below(n: number): number {
    return this.next() % n;
  }

  /** Whether a thing of that many in a thousand happens. */
  perMille(parts: number): boolean {
    return this.next() % 1000 < parts;
  }

  pick<Item>(items: ArrayLike<Item>): Item {
    return items[this.next() % items.length];
  }
}

/** The seed that a run is told by TAPYARD_SEED, or one of its own. */
export function seedOfRun(): number {
  return Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}
