import { benchPath } from '../bench/path.ts';
import { benchWorkers } from '../bench/path-workers.ts';
import { barLines } from '../bench/statistics.ts';
import { UserError } from '../errors.ts';
import { sayer } from './bench-tap.ts';

export interface PathCommandOptions {
  readonly config: string;
  readonly pcap: string;
  readonly in: string;
  readonly seconds: number;
  readonly workers?: number;
  readonly rounds: number;
  readonly json?: true;
}

export async function benchPathCommand(options: PathCommandOptions): Promise<void> {
  const { workers } = options;
  if (workers !== undefined && workers > 1) {
    await compareWorkers({ ...options, workers });
    return;
  }
  const result = await benchPath(options);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { mpps, nsPerFrame, cpuNsPerFrame, frames, delivered, drops, capture } = result;
  const dropped = Object.entries(drops).map(([reason, count]) => `${count} ${reason}`);
  process.stdout.write(
    [
      `${mpps} Mpps, ${nsPerFrame} ns a frame (${cpuNsPerFrame} of processor): ${frames} frames in, ${delivered} out`,
      `dropped: ${dropped.length === 0 ? 'none' : dropped.join(', ')}`,
      `verified: one pass of ${capture.frames} frames lets the same ${capture.delivered} out with and without the flow cache`,
      '',
    ].join('\n'),
  );
}

async function compareWorkers(options: PathCommandOptions & { readonly workers: number }): Promise<void> {
  const result = await benchWorkers(options, sayer(options.json));
  process.stdout.write(`${options.json ? JSON.stringify(result) : barLines(result.bars).join('\n')}\n`);
  if (result.verified) return;
  throw new UserError(
    'check-failed',
    'several workers and processes of one let different frames out',
    'take a capture whose frames teach the switch no addresses that others of its frames go to; else report it as a bug',
  );
}
