import type { PlannedChange } from '../control/running/plan.ts';

/** A plan as lines for people. */
export function planText(changes: readonly PlannedChange[]): string {
  if (changes.length === 0) return 'nothing to change\n';
  return changes.map(({ sign, text }) => `${sign} ${text}\n`).join('');
}
