import type { Ledger } from '../../observe/ledger.ts';
import type { RuleCounts } from '../rules/counts.ts';
import { Programs } from './programs.ts';

/**
 * What the path does to the frames of a flow, as a line of words. Equal decisions are one line (they are interned), so that a
 * thousand flows to one host share one, and what a hit counts, it counts there: the books are brought up to date
 * once a decision and at most a millisecond late (`book`).
 *
 * What a hit reads and counts is the first cache line of three: where a thousand flows meet as many rules, each frame finds another decision.
 *
 * MACs and tags are little-endian words as they lie in a slot, whose frame begins two bytes into a word (frame/layout.ts).
 */
export const Decision = {
  /** What it has done that is not yet in the books; words below are what a decision is. */
  Frames: 0,
  Bytes: 1,
  /** Sum of `Does`. */
  Flags: 2,
  /** Tenant's port that frames leave by, and the device under it. */
  Port: 3,
  Device: 4,
  /** Longest frame, as it comes in, that fits the way out; longer ones are for the stages. */
  Longest: 5,
  /** First two bytes of the destination in the upper half; the rest of it; four bytes of the source; its last two in the lower half. */
  Mac0: 6,
  Mac1: 7,
  Mac2: 8,
  Mac3: 9,
  /** TPID in the upper half and TCI in the lower, each byte-swapped. */
  Tag: 10,
  /** Reason, where frames are dropped. */
  Reason: 11,
  /** How many counters to add to, and how many rules to count for. */
  Hits: 12,
  Rules: 13,
  /** Which counters, list << 20 | place in it, and which rules, table << 24 | rule (or `GROUPS` and a group or bucket), as many as there are: by turns, each `EACH` words from the next. */
  FirstHit: 14,
  FirstRule: 15,
  /** MAC that it goes to: slot and version; -1: none was asked. */
  MacSlot: 30,
  MacVersion: 31,
  /** Neighbour: slot and version. */
  NeighborSlot: 32,
  NeighborVersion: 33,
  /** Set of next hops that the destination must still lead to; -1: not routed. */
  Set: 34,
  /** VLAN in which the destination must still be known nowhere, so that the one other port of it, if any, gets the frame; 0: it is known. */
  Flooded: 35,
  /** Meter that each frame is weighed by first, plus 1; 0: none. */
  Meter: 36,
  /** Edits besides: position and words of them in the programs; 0 words: none. */
  Program: 37,
  ProgramLength: 38,
  /** Whole cache lines. */
  WIDTH: 48,
} as const;

export const EACH = 2;
/** Counters, and rules, that a decision has room for. */
export const MOST_COUNTS = (Decision.MacSlot - Decision.FirstHit) / EACH;

/** Bits of `Flags`. */
export const Does = {
  Forward: 1,
  /** What has no TTL or hop limit left is for the stages; what is forwarded has one taken off. */
  Ttl: 2,
  /** What a router must not take from a sender (a wrong header checksum, a martian source) is for the stages. */
  Verify: 4,
  /** A new destination, or source, MAC. */
  To: 8,
  Push: 16,
  Pop: 32,
  Retag: 64,
  /** MACs or tag: the head is written. */
  Edit: 8 | 16 | 32 | 64 | 512,
  /** IPv6, where it matters: for `Ttl`. */
  Ipv6: 128,
  /** Edits of a rule that the loop does not know: carried out by the editor of the rules. */
  Program: 256,
  From: 512,
} as const;

/** Decisions at a time; when there is no more room all of them, and the cache, are forgotten. */
const MOST = 16384;
/** Of no list. */
const NO_COUNTERS = new Float64Array(0);
const ANY_LENGTH = 0x7fffffff;

export class Decisions {
  readonly words: Int32Array;
  /** What is being decided: the line behind all others. */
  readonly draft = MOST * Decision.WIDTH;
  /** Lines that have counted something that is not yet in the books; how many there are. */
  readonly touched = new Int32Array(MOST);
  readonly unbooked = new Int32Array(1);
  /** The source MAC's slot and version for the decision last made; -1: it was not asked. */
  readonly source = new Int32Array(2);
  readonly #index = new Int32Array(MOST * 2);
  /** Where in the index each line is. */
  readonly #slots = new Int32Array(MOST);
  readonly ledger: Ledger;
  /** Counters that decisions name, by list. */
  #hits: readonly Float64Array[];
  readonly #rules: RuleCounts | null;
  /** Edits that decisions name. */
  readonly programs = new Programs();
  /** 1 when some decision holds only as long as an address is not learned, else 0. */
  floods = 0;
  /** Lines in use; the first is left out, so that 0 is none. */
  #count = 1;
  /** The line that was found last; 0: none. */
  #last = 0;

  /**
   * @param words makes zeroed memory that begins with a cache line
   * @param hits counters that decisions may name, by list @param rules counters of rules and tables
   */
  constructor(
    words: (count: number) => Int32Array,
    ledger: Ledger,
    hits: readonly Float64Array[],
    rules: RuleCounts | null,
  ) {
    this.words = words((MOST + 1) * Decision.WIDTH);
    this.ledger = ledger;
    this.#hits = hits;
    this.#rules = rules;
  }

  get count(): number {
    return this.#count - 1;
  }

  /** Forgets all, and counts in other counters from now on. */
  follow(hits: readonly Float64Array[]): void {
    this.forget();
    this.#hits = hits;
  }

  /**
   * Brings the books of lists and rules up to date with what frames have counted in lines. Not with every batch, which may meet as many lines
   * as it has frames; but before a list or rule becomes another, and before the bytes of a line are more than 32 bits hold.
   */
  book(): void {
    const { words, touched, unbooked } = this;
    const hits = this.#hits;
    const rules = this.#rules;
    const count = unbooked[0];
    if (count === 0) return;
    unbooked[0] = 0;
    let list = -1;
    let counters: Float64Array = NO_COUNTERS;
    for (let t = 0; t < count; t++) {
      const d = touched[t];
      const frames = words[d + Decision.Frames];
      const end = d + Decision.FirstHit + words[d + Decision.Hits] * EACH;
      for (let k = d + Decision.FirstHit; k < end; k += EACH) {
        const hit = words[k];
        if (hit >> 20 !== list) {
          list = hit >> 20;
          counters = hits[list];
        }
        counters[hit & 0xfffff] += frames;
      }
      if (rules !== null) {
        const met = d + Decision.FirstRule + words[d + Decision.Rules] * EACH;
        for (let k = d + Decision.FirstRule; k < met; k += EACH)
          rules.count(words[k] >>> 24, words[k] & 0xffffff, frames, words[d + Decision.Bytes]);
      }
      words[d + Decision.Frames] = 0;
      words[d + Decision.Bytes] = 0;
    }
  }

  /** Begins a draft. */
  clear(): void {
    const { words, draft } = this;
    // Not `fill`: it is called, and takes as long as a look-up.
    for (let k = 0; k < Decision.FirstHit; k++) words[draft + k] = 0;
    for (let k = Decision.MacSlot as number; k <= Decision.ProgramLength; k++) words[draft + k] = 0;
    words[draft + Decision.Longest] = ANY_LENGTH;
    words[draft + Decision.MacSlot] = -1;
    words[draft + Decision.NeighborSlot] = -1;
    words[draft + Decision.Set] = -1;
  }

  /** Adds a counter to the draft. @returns false when it has no room */
  hit(list: number, place: number): boolean {
    const { words, draft } = this;
    const count = words[draft + Decision.Hits];
    if (count === MOST_COUNTS) return false;
    words[draft + Decision.FirstHit + count * EACH] = (list << 20) | place;
    words[draft + Decision.Hits] = count + 1;
    return true;
  }

  /** Adds a rule to count for. @returns false when there is no room */
  rule(table: number, rule: number): boolean {
    const { words, draft } = this;
    const count = words[draft + Decision.Rules];
    if (count === MOST_COUNTS) return false;
    words[draft + Decision.FirstRule + count * EACH] = (table << 24) | rule;
    words[draft + Decision.Rules] = count + 1;
    return true;
  }

  /** @returns position of the line that equals the draft, or -1: no room, everything must be forgotten first */
  intern(): number {
    // Where every frame is decided anew, as of senders that make headers up, most decisions are the one before.
    if (this.#last !== 0 && this.#equals(this.#last)) return this.#last;
    const index = this.#index;
    const mask = index.length - 1;
    let slot = this.#hash() & mask;
    for (; index[slot] !== 0; slot = (slot + 1) & mask)
      if (this.#equals(index[slot])) return (this.#last = index[slot]);
    if (this.#count === MOST) return -1;
    const { words, draft } = this;
    this.#slots[this.#count] = slot;
    const line = this.#count++ * Decision.WIDTH;
    for (let k = 0; k < Decision.WIDTH; k++) words[line + k] = words[draft + k];
    words[line + Decision.Frames] = 0;
    words[line + Decision.Bytes] = 0;
    if (words[line + Decision.Flooded] > 0) this.floods = 1;
    index[slot] = line;
    this.#last = line;
    return line;
  }

  /** Products that do not wait for each other, as a chain of them would. */
  #hash(): number {
    const { words, draft } = this;
    const hash =
      this.#sum(draft + Decision.Flags, draft + Decision.FirstHit, 1) +
      this.#sum(draft + Decision.FirstHit, draft + Decision.FirstHit + words[draft + Decision.Hits] * EACH, EACH) +
      this.#sum(draft + Decision.FirstRule, draft + Decision.FirstRule + words[draft + Decision.Rules] * EACH, EACH) +
      this.#sum(draft + Decision.MacSlot, draft + Decision.ProgramLength + 1, 1);
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return mixed ^ (mixed >>> 13);
  }

  #sum(from: number, to: number, step: number): number {
    const { words } = this;
    let sum = 0;
    for (let k = from; k < to; k += step) sum = (sum + Math.imul(words[k], Math.imul(k, 0x9e3779b2) | 1)) | 0;
    return sum;
  }

  /** Whether a line equals the draft. Both name as many counters and rules then. */
  #equals(line: number): boolean {
    const { words, draft } = this;
    const hits = Decision.FirstHit + words[draft + Decision.Hits] * EACH;
    const rules = Decision.FirstRule + words[draft + Decision.Rules] * EACH;
    return (
      this.#alike(line, Decision.Flags, Decision.FirstHit, 1) &&
      this.#alike(line, Decision.FirstHit, hits, EACH) &&
      this.#alike(line, Decision.FirstRule, rules, EACH) &&
      this.#alike(line, Decision.MacSlot, Decision.ProgramLength + 1, 1)
    );
  }

  #alike(line: number, from: number, to: number, step: number): boolean {
    const { words, draft } = this;
    for (let k = from; k < to; k += step) if (words[line + k] !== words[draft + k]) return false;
    return true;
  }

  /** Forgets all; the caller sees to it that nothing refers to a line any more. */
  forget(): void {
    this.book();
    // One by one, as `Programs` does.
    for (let k = 1; k < this.#count; k++) this.#index[this.#slots[k]] = 0;
    this.#count = 1;
    this.#last = 0;
    this.floods = 0;
    this.programs.forget();
  }
}
