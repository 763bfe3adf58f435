import { benchLatency, type LatencyOptions } from '../bench/latency.ts';
import { barLines } from '../bench/statistics.ts';
import { UserError } from '../errors.ts';
import { sayer } from './bench-tap.ts';

/** @param options `load` in percent @throws UserError */
export async function benchLatencyCommand(options: LatencyOptions & { readonly json?: true }): Promise<void> {
  const { json, load, ...rest } = options;
  if (load >= 100) throw new UserError('usage', `--load ${load}`, 'give percent of what the path can do, below 100');
  const result = await benchLatency({ ...rest, load: load / 100 }, sayer(json));
  process.stdout.write(`${json ? JSON.stringify(result) : barLines(result.bars).join('\n')}\n`);
}
