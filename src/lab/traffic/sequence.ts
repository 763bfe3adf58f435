/**
 * Sorts the sequence numbers of many flows into new, lost, late and doubled. Each flow remembers the highest number and a window
 * of those before it, a bit each; what comes from before the window counts as late, since nobody can tell any more.
 * Numbers are signed 32-bit, from 0.
 */
const WINDOW = 1 << 16;
const WORDS = WINDOW / 32;

export class SequenceCheck {
  readonly flows: number;
  received = 0;
  /** Numbers passed over that have not come since. */
  lost = 0;
  outOfOrder = 0;
  duplicated = 0;
  /** Next number of each flow, so also how many were sent at least. */
  readonly next: Int32Array;
  readonly #seen: Uint32Array;

  constructor(flows: number) {
    this.flows = flows;
    this.next = new Int32Array(flows);
    this.#seen = new Uint32Array(flows * WORDS);
  }

  /** @param flow below `flows` @param sequence 0 or more */
  add(flow: number, sequence: number): void {
    const next = this.next[flow];
    if (sequence === next) {
      this.received++;
      this.next[flow] = next + 1;
      this.#mark(flow, sequence);
    } else if (sequence > next) {
      this.received++;
      this.lost += sequence - next;
      if (sequence - next >= WINDOW) this.#seen.fill(0, flow * WORDS, (flow + 1) * WORDS);
      else for (let n = next; n < sequence; n++) this.#unmark(flow, n);
      this.next[flow] = sequence + 1;
      this.#mark(flow, sequence);
    } else if (next - sequence <= WINDOW && this.#isMarked(flow, sequence)) {
      this.duplicated++;
    } else {
      this.received++;
      this.outOfOrder++;
      this.lost--;
      if (next - sequence <= WINDOW) this.#mark(flow, sequence);
    }
  }

  #mark(flow: number, sequence: number): void {
    this.#seen[flow * WORDS + ((sequence & (WINDOW - 1)) >>> 5)] |= 1 << (sequence & 31);
  }

  #unmark(flow: number, sequence: number): void {
    this.#seen[flow * WORDS + ((sequence & (WINDOW - 1)) >>> 5)] &= ~(1 << (sequence & 31));
  }

  #isMarked(flow: number, sequence: number): boolean {
    return (this.#seen[flow * WORDS + ((sequence & (WINDOW - 1)) >>> 5)] & (1 << (sequence & 31))) !== 0;
  }
}
