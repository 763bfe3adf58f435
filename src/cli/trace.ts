import { readFrames } from '../bench/frames.ts';
import { call } from '../control/rpc.ts';
import type { Trace } from '../control/trace/tracer.ts';
import { UserError } from '../errors.ts';
import { table } from './table.ts';

export interface TraceOptions {
  readonly socket: string;
  readonly port: string;
  readonly frame?: string;
  readonly pcap?: string;
  readonly number?: number;
  readonly json?: true;
}

/** Tells what would happen to a frame that a port received now, stage by stage. */
export async function trace(tenant: string, options: TraceOptions): Promise<void> {
  const { socket, port, json } = options;
  const found = (await call(socket, 'trace', { tenant, port, frame: frameOf(options) })) as unknown as Trace;
  if (json) {
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return;
  }
  const several = new Set(found.steps.map((step) => step.tenant)).size > 1;
  process.stdout.write(
    table(
      found.steps.map(({ tenant: whose, stage, text }) => ({ ...(several ? { tenant: whose } : {}), stage, text })),
    ),
  );
  const left = found.outputs.map(({ tenant: whose, port: to }) => (whose === tenant ? to : `${whose}/${to}`));
  process.stdout.write(left.length === 0 ? '\nNothing leaves.\n' : `\nLeaves by ${left.join(', ')}.\n`);
}

function frameOf({ frame, pcap, number = 1 }: TraceOptions): string {
  if (frame !== undefined) return frame.replace(/[\s:]/g, '');
  if (pcap === undefined) throw new UserError('usage', 'There is no frame', 'give --frame HEX or --pcap FILE');
  const list = readFrames(pcap);
  const chosen = list[number - 1];
  if (chosen === undefined)
    throw new UserError('usage', `${pcap} has ${list.length} frames`, `choose --number 1 to ${list.length}`);
  return Buffer.from(chosen).toString('hex');
}
