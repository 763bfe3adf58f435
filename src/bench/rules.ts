import { fresh } from './fresh.ts';
import type { RulesFigures } from './rules-run.ts';
import { atLeast, atMost, type Bar, median, rounded } from './statistics.ts';

export interface RulesResult {
  readonly rules: number;
  readonly verified: boolean;
  readonly bars: readonly Bar[];
  readonly rounds: readonly RulesFigures[];
}

/**
 * OpenFlow rules without a flow cache: changes and look-ups of a file of flows in ovs-ofctl's syntax. Each round is a fresh process, and
 * its results are compared with a search through all rules, before and after the changes.
 */
export function benchRules(path: string, rounds: number, say: (line: string) => void): RulesResult {
  const done: RulesFigures[] = [];
  for (let round = 0; round < rounds; round++) {
    const figures = fresh<RulesFigures>('rules', [path]);
    done.push(figures);
    const { lookupsPerSecond, changesPerSecond, linesPerSecond, p50, p99, masks, hashTables } = figures;
    say(
      `round ${round + 1}: ${rounded(lookupsPerSecond)} look-ups/s (single p50 ${rounded(p50)} ns, p99 ${rounded(p99)} ns), ` +
        `${rounded(changesPerSecond)} changes/s, ${rounded(linesPerSecond)} lines read/s; ${masks} masks in ${hashTables} hash tables`,
    );
  }
  const changes = median(done.map(({ changesPerSecond }) => changesPerSecond));
  const spread = median(done.map(({ p50, p99 }) => p99 / p50));
  return {
    rules: done[0].rules,
    verified: done.every(({ wrong }) => wrong === 0),
    bars: [
      atLeast('rule changes a second', changes, 60_000, 'what a controller sends in a storm'),
      atMost('slowest 1 % of look-ups to the median', spread, 10, 'no header that a sender picks is a cliff'),
    ],
    rounds: done,
  };
}
