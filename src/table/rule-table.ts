/** Bits of a key: places, ascending, and which bits of each. */
export interface Mask {
  readonly places: Int32Array;
  readonly masks: Int32Array;
}

/** A hash table of leaves in a rule classifier, by the values of these bits. It stands beside the line of the leaf `owner`. */
export class RuleTable implements Mask {
  readonly owner: number;
  readonly places: Int32Array;
  readonly masks: Int32Array;
  /** Number of bits. */
  readonly bits: number;
  /** First leaf of each bucket, -1 for none; a power of two of them. */
  heads = new Int32Array(4).fill(-1);
  count = 0;
  /** No rule behind it has a higher priority; and how many leaves with that one have got worse since it was last found out. */
  most = -1;
  stale = 0;

  constructor(owner: number, places: Int32Array, masks: Int32Array) {
    this.owner = owner;
    this.places = places;
    this.masks = masks;
    this.bits = countBits(masks);
  }
}

/** Whether all bits of `small` are among those of `large`. */
export function fits(small: Mask, large: Mask): boolean {
  let j = 0;
  for (let k = 0; k < small.places.length; k++) {
    const place = small.places[k];
    while (j < large.places.length && large.places[j] < place) j++;
    if (j === large.places.length || large.places[j] !== place || (small.masks[k] & ~large.masks[j]) !== 0)
      return false;
  }
  return true;
}

export function countBits(masks: Int32Array): number {
  let bits = 0;
  for (const mask of masks) for (let left = mask; left !== 0; left &= left - 1) bits++;
  return bits;
}
