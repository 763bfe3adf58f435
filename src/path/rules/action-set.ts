import { Op, opCode, opLength } from './program.ts';

/** Longest op that can be in a set: set-field of an IPv6 address. */
const WIDTH = 6;
const SET_FIELDS = 38;

/** Places in the order in which a set is carried out. Source: 1.3.5, section 5.10. */
const Place = {
  CopyTtlIn: 0,
  PopVlan: 1,
  PopMpls: 2,
  PopPbb: 3,
  PushMpls: 4,
  PushPbb: 5,
  PushVlan: 6,
  CopyTtlOut: 7,
  DecMplsTtl: 8,
  DecNwTtl: 9,
  SetMplsTtl: 10,
  SetNwTtl: 11,
  SetField: 12,
  SetQueue: 12 + SET_FIELDS,
  Group: 13 + SET_FIELDS,
  Output: 14 + SET_FIELDS,
  COUNT: 15 + SET_FIELDS,
} as const;

/** Place of each op but set-field, by its code. */
const PLACES = new Int32Array(64).fill(-1);
for (const [name, place] of Object.entries(Place))
  if (name in Op && name !== 'SetField') PLACES[Op[name as keyof typeof Op]] = place;

/** The action set that goes with a frame: at most one action of a kind, the last one written. */
export class ActionSet {
  /** Ops one after the other in their places; `used` says which are there. */
  readonly words = new Int32Array(Place.COUNT * WIDTH);
  readonly #used = new Uint8Array(Place.COUNT);
  #empty = true;

  clear(): void {
    if (this.#empty) return;
    this.#used.fill(0);
    this.#empty = true;
  }

  /** Writes the ops from `at` to `end` into the set. */
  write(source: Int32Array, at: number, end: number): void {
    for (let k = at; k < end; k += opLength(source[k])) {
      const code = opCode(source[k]);
      const place = code === Op.SetField ? Place.SetField + source[k + 1] : PLACES[code];
      if (place < 0) continue;
      const length = opLength(source[k]);
      for (let w = 0; w < length; w++) this.words[place * WIDTH + w] = source[k + w];
      this.#used[place] = 1;
      this.#empty = false;
    }
  }

  get empty(): boolean {
    return this.#empty;
  }

  /** Position in `words` of the first op from `place` on, or -1; the next search begins at that place plus one. */
  find(place: number): number {
    for (let p = place; p < Place.COUNT; p++) {
      if (this.#used[p] === 0) continue;
      // A group takes the place of an output.
      if (p === Place.Output && this.#used[Place.Group] === 1) continue;
      return p;
    }
    return -1;
  }

  /** Where the op of a place lies in `words`. */
  position(place: number): number {
    return place * WIDTH;
  }
}
