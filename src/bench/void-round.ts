/** A generator that sends less than so much of what it should makes the round void. */
const MOST_SHORT = 0.02;

/** What a victim's round had to do with. */
export interface Conditions {
  readonly offeredPps: number;
  /** What should have been offered. */
  readonly pps: number;
  /** Share of the time for which the switch waited for a processor, and how much of that is too much. */
  readonly waited: number;
  readonly mostWaited: number;
}

/** @returns why a round says nothing about the switch; null: it does */
export function whyVoid({ offeredPps, pps, waited, mostWaited }: Conditions): string | null {
  if (offeredPps < pps * (1 - MOST_SHORT)) return 'the generator fell short';
  return waited > mostWaited ? 'the switch waited for a processor' : null;
}
