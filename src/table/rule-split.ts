import type { RuleColumns } from './rule-columns.ts';
import { countBits, fits, type Mask } from './rule-table.ts';

/** Masks of a line that are tried with each other. */
const MOST_MASKS = 6;

export interface Split extends Mask {
  /** Rules that the mask parts from the largest group that would still meet. */
  readonly gain: number;
}

/**
 * By which bits some of these rules are best told apart. Candidates are what two rules both look at, whole bytes of it first:
 * masks of prefixes of about the same length then lead to one table. The best leaves as few rules as possible behind, those that do not
 * look at all its bits and those that meet in one value; of equals the one with fewer bits, since more rules fit it. Words that part
 * nothing are then left out.
 *
 * Cost: some twenty masks are tried on each rule; of a line of many masks the first and those spread behind it.
 * @param known bits that all of them have in common: no use
 * @returns null when nothing tells any two apart
 */
export function chooseMask(
  line: readonly number[],
  shapes: readonly Mask[],
  rules: RuleColumns,
  known: Int32Array,
): Split | null {
  const distinct = [...new Set(shapes)];
  const step = Math.max(1, distinct.length / MOST_MASKS);
  const tried: Mask[] = [];
  let best: Split | null = null;
  for (let i = 0; i < distinct.length; i += step) {
    for (let j = i; j < distinct.length; j += step) {
      const both = common(distinct[Math.floor(i)], distinct[Math.floor(j)], known);
      for (const mask of [bytesOf(both), both]) {
        if (mask.places.length === 0 || tried.some((other) => equal(mask, other))) continue;
        tried.push(mask);
        const gain = gainOf(mask, line, shapes, rules);
        if (best !== null && gain < best.gain) continue;
        if (best !== null && gain === best.gain && countBits(mask.masks) >= countBits(best.masks)) continue;
        best = { ...mask, gain };
      }
    }
  }
  return best === null ? null : pruned(best, line, shapes, rules);
}

/** The same without words that part nothing: fewer to hash, and more rules fit. */
function pruned(split: Split, line: readonly number[], shapes: readonly Mask[], rules: RuleColumns): Split {
  let best = split;
  for (const place of split.places) {
    const kept = best.places.map((_, k) => k).filter((k) => best.places[k] !== place);
    if (kept.length === 0) break;
    const mask = {
      places: Int32Array.from(kept, (k) => best.places[k]),
      masks: Int32Array.from(kept, (k) => best.masks[k]),
    };
    const gain = gainOf(mask, line, shapes, rules);
    if (gain >= best.gain) best = { ...mask, gain };
  }
  return best;
}

function equal(a: Mask, b: Mask): boolean {
  if (a.places.length !== b.places.length) return false;
  for (let k = 0; k < a.places.length; k++) if (a.places[k] !== b.places[k] || a.masks[k] !== b.masks[k]) return false;
  return true;
}

function gainOf(mask: Mask, line: readonly number[], shapes: readonly Mask[], rules: RuleColumns): number {
  const groups = new Map<number, number>();
  let fitting = 0;
  let largest = 0;
  for (const [i, rule] of line.entries()) {
    if (!fits(mask, shapes[i])) continue;
    fitting++;
    const hash = rules.hashOf(rule, mask, 1);
    const size = (groups.get(hash) ?? 0) + 1;
    groups.set(hash, size);
    if (size > largest) largest = size;
  }
  return fitting - largest;
}

/** What both look at and is not known. */
function common(a: Mask, b: Mask, known: Int32Array): Mask {
  const places: number[] = [];
  const masks: number[] = [];
  for (let k = 0; k < a.places.length; k++) {
    const place = a.places[k];
    const other = b.places.indexOf(place);
    const mask = other < 0 ? 0 : a.masks[k] & b.masks[other] & ~known[place];
    if (mask === 0) continue;
    places.push(place);
    masks.push(mask);
  }
  return { places: Int32Array.from(places), masks: Int32Array.from(masks) };
}

/** Whole bytes of a mask. */
function bytesOf({ places, masks }: Mask): Mask {
  const kept: [place: number, mask: number][] = [];
  for (let k = 0; k < places.length; k++) {
    let mask = 0;
    for (let byte = 0xff; byte !== 0; byte <<= 8) if ((masks[k] & byte) === byte) mask |= byte;
    if (mask !== 0) kept.push([places[k], mask]);
  }
  return { places: Int32Array.from(kept, ([place]) => place), masks: Int32Array.from(kept, ([, mask]) => mask) };
}
