import type { Lab } from './lab.ts';

/** One thing that the demo claims, and how it is seen. */
export interface Check {
  /** A sentence that is true or not. */
  readonly claim: string;
  readonly look: (lab: Lab, signal: AbortSignal) => Promise<Finding>;
}

export interface Finding {
  readonly ok: boolean;
  /** What was measured, in a few words. */
  readonly measured: string;
}

export interface CheckResult extends Finding {
  readonly claim: string;
}

/** Checks of one group run at the same time; groups one after the other. */
export type Group = readonly Check[];

/**
 * Runs the groups and reports each result in the order of the checks. A check that throws does not hold; only an abort ends it all.
 */
export async function runChecks(
  lab: Lab,
  groups: readonly Group[],
  signal: AbortSignal,
  report: (result: CheckResult) => void,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const group of groups) {
    const looks = group.map((check) => judge(lab, check, signal));
    for (const look of looks) {
      const result = await look;
      if (signal.aborted) continue;
      results.push(result);
      report(result);
    }
    signal.throwIfAborted();
  }
  return results;
}

async function judge(lab: Lab, { claim, look }: Check, signal: AbortSignal): Promise<CheckResult> {
  try {
    return { claim, ...(await look(lab, signal)) };
  } catch (error) {
    return { claim, ok: false, measured: error instanceof Error ? error.message : String(error) };
  }
}
