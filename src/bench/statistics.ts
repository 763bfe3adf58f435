/** What rounds of a benchmark come to. */
export interface Summary {
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly rounds: readonly number[];
}

/** @param share 0 to 1 @returns the value of that rank (nearest-rank method) */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function summarise(rounds: readonly number[]): Summary {
  return { median: median(rounds), p10: quantile(rounds, 0.1), p90: quantile(rounds, 0.9), rounds };
}

/** What is to hold of a figure, and whether it does. */
export interface Bar {
  readonly what: string;
  readonly figure: number;
  readonly least?: number;
  readonly most?: number;
  readonly held: boolean;
  /** Why the bar stands where it does. */
  readonly reason: string;
}

export function atLeast(what: string, figure: number, least: number, reason: string): Bar {
  return { what, figure: rounded(figure), least, held: figure >= least, reason };
}

export function atMost(what: string, figure: number, most: number, reason: string): Bar {
  return { what, figure: rounded(figure), most, held: figure <= most, reason };
}

/** To four significant digits, whole numbers above. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}

/** A line a bar, for people. */
export function barLines(bars: readonly Bar[]): string[] {
  return bars.map(({ what, figure, least, most, held, reason }) => {
    const bar = least === undefined ? `at most ${most}` : `at least ${least}`;
    return `${held ? 'held  ' : 'MISSED'} ${what}: ${figure} (${bar}: ${reason})`;
  });
}

/** A random unsigned word from a seed, and the next. Source: Marsaglia, "Xorshift RNGs", 2003. */
export function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** CPU time of this thread, seconds, so that what else the machine does counts less. */
export function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}
