import type { MacTable } from '../../table/mac-table.ts';
import { swap16, swap32 } from './bytes.ts';
import { Decision as D, Does } from './decision.ts';

const REHEARSED = new Int32Array(D.WIDTH).fill(1);

/**
 * Whether a decision by which the one other port of a VLAN gets what nobody is known to want still holds: nobody has learned the
 * destination. True for all other decisions.
 * @param d the decision's position in `decisions` @param words of the pool @param at word that the frame begins in the middle of
 */
export function isStillFlooded(
  macs: MacTable,
  decisions: Int32Array,
  d: number,
  words: Int32Array,
  at: number,
): boolean {
  const vlan = decisions[d + D.Flooded];
  if (vlan === 0) return true;
  // Routed frames get their destination by the decision, bridged ones have it.
  const routed = (decisions[d + D.Flags] & Does.To) !== 0;
  const high = routed ? decisions[d + D.Mac0] : words[at];
  const low = routed ? decisions[d + D.Mac1] : words[at + 1];
  return macs.lookup(swap16(high >>> 16), swap32(low), vlan) < 0;
}

/** Takes the way that most decisions do not, so that V8 knows it when it compiles: it would throw the path's code away for it later. */
export function rehearseFlooded(macs: MacTable): void {
  isStillFlooded(macs, REHEARSED, 0, REHEARSED, 0);
}
