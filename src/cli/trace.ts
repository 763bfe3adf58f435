import { readFrames } from '../bench/frames.ts';
import { call } from '../control/rpc.ts';
import type { Trace } from '../control/trace/tracer.ts';
import { UserError } from '../errors.ts';
import { describe } from '../wire/describe.ts';
import { table } from './table.ts';

export interface TraceOptions {
  readonly socket: string;
  readonly port?: string;
  readonly frame?: string;
  readonly pcap?: string;
  readonly number?: number;
  readonly live?: number;
  readonly json?: true;
}

/** A trace as the control socket gives it. */
export interface ToldTrace extends Trace {
  readonly port: string;
  readonly frame: string;
  readonly assumed: readonly string[];
}

/** Tells what would happen to a frame that a port received now, or what happens to the next ones, stage by stage. */
export async function trace(tenant: string, filter: string | undefined, options: TraceOptions): Promise<void> {
  const { socket, port, live, frame, pcap } = options;
  if (live !== undefined) {
    if (frame !== undefined || pcap !== undefined)
      throw new UserError('usage', 'A live trace takes frames as they come', 'leave out --frame and --pcap');
    await (await import('./trace-live.ts')).traceLive(tenant, filter, live, options);
    return;
  }
  const params =
    filter === undefined ? { frame: frameOf(options), port: portOf(port) } : { filter: alone(filter, options) };
  const found = (await call(socket, 'trace', {
    tenant,
    ...params,
    ...(port === undefined ? {} : { port }),
  })) as unknown as ToldTrace;
  process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : headText(found) + traceText(found, tenant));
}

/** The frame, and what of it was guessed. */
function headText({ port, frame, assumed }: ToldTrace): string {
  const guessed = assumed.length === 0 ? '' : `Not said, so assumed: ${assumed.join(', ')}.\n`;
  return `${port} receives ${describe(Buffer.from(frame, 'hex'))}\n${guessed}\n`;
}

/** Stages and where the frame leaves. @param tenant whose name is not said again */
export function traceText({ steps, outputs }: Trace, tenant: string): string {
  const several = new Set(steps.map((step) => step.tenant)).size > 1;
  const rows = steps.map(({ tenant: whose, stage, text }) => ({ ...(several ? { tenant: whose } : {}), stage, text }));
  const left = outputs.map(({ tenant: whose, port: to }) => (whose === tenant ? to : `${whose}/${to}`));
  return `${table(rows)}\n${left.length === 0 ? 'Nothing leaves.' : `Leaves by ${left.join(', ')}.`}\n`;
}

function alone(filter: string, { frame, pcap }: TraceOptions): string {
  if (frame === undefined && pcap === undefined) return filter;
  throw new UserError('usage', 'The frame is said twice', 'give a description, or --frame, or --pcap');
}

function portOf(port: string | undefined): string {
  if (port !== undefined) return port;
  throw new UserError('usage', 'The port that receives the frame is not said', 'give --port NAME');
}

function frameOf({ frame, pcap, number = 1 }: TraceOptions): string {
  if (frame !== undefined) return frame.replace(/[\s:]/g, '');
  if (pcap === undefined)
    throw new UserError(
      'usage',
      'There is no frame',
      "describe one, 'in_port=web1,tcp,nw_dst=10.0.20.5,tp_dst=22', or give --frame HEX or --pcap FILE, or --live K",
    );
  const list = readFrames(pcap);
  const chosen = list[number - 1];
  if (chosen === undefined)
    throw new UserError('usage', `${pcap} has ${list.length} frames`, `choose --number 1 to ${list.length}`);
  return Buffer.from(chosen).toString('hex');
}
