import { benchPath } from '../bench/path.ts';

export async function benchPathCommand(options: {
  config: string;
  pcap: string;
  in: string;
  seconds: number;
  json?: true;
}): Promise<void> {
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
