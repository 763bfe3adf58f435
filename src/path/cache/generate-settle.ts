import { COLUMNS, Column } from '../../observe/ledger.ts';
import { Decision as D, Does, EACH } from './decision.ts';

/**
 * Text of how the books are brought up to date with what a batch has done: once for each decision that it has met, which may be as many
 * as frames.
 */
export const SETTLE = `
function settle(touches) {
  // Most decisions of a batch are of one row: a sum that is kept here does not wait for memory. The same with arrays, which are looked up.
  let held = 0, row = 0, list = -1, counters = null;
  for (let t = 0; t < touches; t++) {
    const d = touched[t] & 0xfffff, frames = decisions[d + ${D.Frames}], at = Math.imul(decisions[d + ${D.Row}], ${COLUMNS});
    if ((decisions[d + ${D.Flags}] & ${Does.Forward}) === 0) cells[at + ${Column.Drops} + decisions[d + ${D.Reason}]] += frames;
    else if (at === row) held = (held + frames) | 0;
    else {
      cells[row + ${Column.Held}] += held;
      row = at;
      held = frames;
    }
    const end = d + ${D.FirstHit} + Math.imul(decisions[d + ${D.Hits}], ${EACH});
    for (let k = d + ${D.FirstHit}; k < end; k += ${EACH}) {
      const hit = decisions[k];
      if (hit >> 20 !== list) {
        list = hit >> 20;
        counters = hits[list];
      }
      counters[hit & 0xfffff] += frames;
    }
    const met = d + ${D.FirstRule} + Math.imul(decisions[d + ${D.Rules}], ${EACH});
    for (let k = d + ${D.FirstRule}; k < met; k += ${EACH})
      rules.count(decisions[k] >>> 24, decisions[k] & 0xffffff, frames, decisions[d + ${D.Bytes}]);
    decisions[d + ${D.Frames}] = 0;
    decisions[d + ${D.Bytes}] = 0;
  }
  cells[row + ${Column.Held}] += held;
}`;
