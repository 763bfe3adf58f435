/** Loops of a pool, to be made by `ownText`: they name nothing but what they are given, which is the pool's own. */

/** How many slots of each kind are free. */
export const Spare = { Heads: 0, Bodies: 1, WIDTH: 2 } as const;

export type TakeHeads = (tenant: number, most: number) => number;

export interface TakeContext {
  readonly state: Int32Array;
  readonly spares: Int32Array;
  readonly spare: Int32Array;
  readonly held: Int32Array;
  readonly limit: Int32Array;
  readonly owner: number;
}

export function takeLoop({ state, spares, spare, held, limit, owner }: TakeContext): TakeHeads {
  return (tenant, most) => {
    const fresh = (tenant << owner) | 1;
    const room = limit[tenant] - held[tenant];
    const there = spare[0];
    let count = most < there ? most : there;
    if (count > room) count = room > 0 ? room : 0;
    for (let k = there - count; k < there; k++) state[spares[k]] = fresh;
    spare[0] = there - count;
    held[tenant] += count;
    return count;
  };
}

/** The slots of a pool, for loops: what state a slot is in, which are free, and how many; see `Pool`. */
export interface SlotStacks {
  readonly state: Int32Array;
  readonly spares: Int32Array;
  readonly freeBodies: Int32Array;
  readonly spare: Int32Array;
  readonly held: Int32Array;
  readonly owner: number;
  readonly refs: number;
  /** Number, and position, of the first body. */
  readonly firstBody: number;
  readonly bodyBase: number;
  readonly release: (slot: number) => void;
}

export interface ReleaseContext extends SlotStacks {
  readonly list: Int32Array;
}

/** @returns what it was given: a number, as all loops return */
export type ReleaseHeads = (count: number) => number;

export function releaseLoop(context: ReleaseContext): ReleaseHeads {
  const { list, state, spares, spare, held, release, owner, refs } = context;
  return (count) => {
    if (count === 0) return 0;
    let top = spare[0];
    // Nearly always all are of one tenant, and nobody else has them.
    const usual = (state[list[0]] & ~refs) | 1;
    let freed = 0;
    for (let k = 0; k < count; k++) {
      const slot = list[k];
      if (state[slot] === usual) {
        freed++;
        state[slot] = 0;
        spares[top++] = slot;
      } else {
        spare[0] = top;
        release(slot);
        top = spare[0];
      }
    }
    held[usual >>> owner] -= freed;
    spare[0] = top;
    return count;
  };
}
