/**
 * Numbers that stay with their names, so that what lies in shared arrays keeps its place through every change. The number of a
 * name that has left is given to another only after `free`: somebody may still look at what lies there.
 */
export class Numbers {
  readonly most: number;
  readonly #numbers = new Map<string, number>();
  /** Name at each number, also of those that have left; null: free. */
  readonly #names: (string | null)[] = [];

  constructor(most: number) {
    this.most = most;
  }

  /** Numbers in use, and numbers of names that have left, lie below. */
  get size(): number {
    return this.#names.length;
  }

  /** @returns -1 when the name has none */
  of(name: string): number {
    return this.#numbers.get(name) ?? -1;
  }

  /** The name at a number, also of one that has left; null: nobody's. */
  at(number: number): string | null {
    return this.#names[number] ?? null;
  }

  isLive(number: number): boolean {
    const name = this.at(number);
    return name !== null && this.#numbers.get(name) === number;
  }

  /** How many more names there may be now. */
  get room(): number {
    return this.most - this.#names.filter((name) => name !== null).length;
  }

  /** Gives a name a number, or the one that it has. @throws Error when all are taken: `room` tells before */
  take(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    let number = this.#names.indexOf(null);
    if (number < 0) number = this.#names.length;
    if (number >= this.most) throw new Error(`more than ${this.most} numbers`);
    this.#names[number] = name;
    this.#numbers.set(name, number);
    return number;
  }

  /** The name leaves; its number waits for `free`. */
  leave(name: string): void {
    this.#numbers.delete(name);
  }

  /** The names that remain; all others leave. @returns numbers that were left */
  keep(names: Iterable<string>): number[] {
    const kept = new Set(names);
    const left = [...this.#numbers].filter(([name]) => !kept.has(name));
    for (const [name] of left) this.leave(name);
    return left.map(([, number]) => number);
  }

  free(number: number): void {
    if (!this.isLive(number)) this.#names[number] = null;
  }
}
