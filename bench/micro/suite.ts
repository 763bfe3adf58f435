import Benchmark from 'benchmark';

/** Two ways to the same result, of which the first must be so many times as fast as the second. */
export interface Comparison {
  readonly name: string;
  readonly fast: () => unknown;
  /** The slow twin. */
  readonly slow: () => unknown;
  readonly least: number;
  readonly reason: string;
}

/**
 * Runs suites of benchmark.js. Each comparison first holds both results against each other; figures are operations a second with
 * the margin of error that benchmark.js gives, and every sample is in `--json`.
 */
export function compare(suite: string, comparisons: readonly Comparison[]): void {
  for (const { name, fast, slow, least, reason } of comparisons) {
    const [ours, twins] = [JSON.stringify(fast()), JSON.stringify(slow())];
    if (ours !== twins) throw new Error(`${suite}, ${name}: ${ours} is not ${twins}, which the slow twin says`);
    const rates: number[] = [];
    const samples: number[][] = [];
    new Benchmark.Suite()
      .add('fast', fast)
      .add('slow', slow)
      .on('cycle', ({ target }: { target: Benchmark }) => {
        if (target.error !== undefined) throw new Error(`${suite}, ${name}: ${String(target.error)}`);
        rates.push(target.hz ?? 0);
        samples.push(target.stats?.sample ?? []);
      })
      .run({ async: false });
    const ratio = rates[0] / rates[1];
    const held = ratio >= least;
    if (!held) process.exitCode = 1;
    const line = {
      suite,
      name,
      perSecond: Math.round(rates[0]),
      twin: Math.round(rates[1]),
      ratio,
      least,
      held,
      reason,
      samples,
    };
    console.log(
      process.argv.includes('--json')
        ? JSON.stringify(line)
        : `${held ? 'held  ' : 'MISSED'} ${suite}, ${name}: ${line.perSecond}/s, ${ratio.toFixed(1)} × its slow twin (at least ${least}: ${reason})`,
    );
  }
}
