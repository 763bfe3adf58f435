/** What a timer belongs to. `place` is the item's own place in the heap, -1 while it waits for nothing. */
export interface Timed {
  due: number;
  place: number;
  fire(nowMs: number): void;
}

/**
 * Timers of one tenant: a binary heap by due time in which every item knows its place, so that moving or cancelling one costs
 * a logarithm and an item is never in it twice, however often a neighbour's packets move its deadline.
 */
export class Timers {
  readonly #heap: Timed[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest item is due, Infinity when there is none. */
  get next(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].due;
  }

  /** Sets, or moves, the deadline of an item. */
  set(item: Timed, due: number): void {
    if (item.place < 0) {
      item.place = this.#heap.length;
      this.#heap.push(item);
    }
    item.due = due;
    this.#up(item);
    this.#down(item);
  }

  cancel(item: Timed): void {
    const place = item.place;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#heap[place] = last;
    last.place = place;
    this.#up(last);
    this.#down(last);
  }

  /** Fires what is due, at most `most` items. */
  run(nowMs: number, most: number): void {
    for (let i = 0; i < most && this.next <= nowMs; i++) {
      const item = this.#heap[0];
      this.cancel(item);
      item.fire(nowMs);
    }
  }

  #up(item: Timed): void {
    const heap = this.#heap;
    let place = item.place;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (heap[parent].due <= item.due) break;
      heap[place] = heap[parent];
      heap[place].place = place;
      place = parent;
    }
    heap[place] = item;
    item.place = place;
  }

  #down(item: Timed): void {
    const heap = this.#heap;
    let place = item.place;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].due < heap[child].due) child++;
      if (heap[child].due >= item.due) break;
      heap[place] = heap[child];
      heap[place].place = place;
      place = child;
    }
    heap[place] = item;
    item.place = place;
  }
}

/** A timer that runs a function: for the few things that have no object of their own. */
export class Task implements Timed {
  due = 0;
  place = -1;
  readonly #run: (nowMs: number) => void;

  constructor(run: (nowMs: number) => void) {
    this.#run = run;
  }

  fire(nowMs: number): void {
    this.#run(nowMs);
  }
}
