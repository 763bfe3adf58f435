import { openStream } from '../control/rpc-open.ts';
import type { Happened } from '../control/trace/happened.ts';
import { describe } from '../wire/describe.ts';
import { Output } from './output.ts';
import { pour } from './pour.ts';
import { type ToldTrace, type TraceOptions, traceText } from './trace.ts';
import { untilSignal } from './until-signal.ts';

interface LiveTold extends ToldTrace {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly happened: Happened;
}

/** Traces the next `count` frames that match, until Ctrl-C or the end of the pipe that it writes into. */
export async function traceLive(
  tenant: string,
  filter: string | undefined,
  count: number,
  options: TraceOptions,
): Promise<void> {
  const { socket, port, json } = options;
  const signal = untilSignal();
  const params = {
    tenant,
    count,
    ...(filter === undefined ? {} : { filter }),
    ...(port === undefined ? {} : { port }),
  };
  const stream = await openStream(socket, 'trace-live', params);
  if (json !== true)
    process.stderr.write(`waiting for ${count === 1 ? 'a frame' : `${count} frames`}; Ctrl-C ends it\n`);
  const told = (piece: Buffer) => Buffer.from(text(JSON.parse(piece.toString()) as LiveTold, tenant));
  await pour(stream, new Output(1), signal, json ? undefined : told);
}

function text(told: LiveTold, tenant: string): string {
  const head = `${new Date(told.at).toISOString()} ${told.port} received ${describe(Buffer.from(told.frame, 'hex'))}\n`;
  const { happened } = told;
  return `${head}\n${traceText(told, tenant)}${happened.agrees ? '' : `${really(happened)}\n`}\n`;
}

/** What became of the frame, where the trace, made a moment later, says something else. */
function really({ ports, drops, slow, waits, leaked }: Happened): string {
  const said = [
    ...(ports.length > 0 ? [`left by ${ports.join(', ')}`] : []),
    ...drops.map((reason) => `dropped, ${reason}`),
    ...(slow ? ['given to the slow path'] : []),
    ...(waits ? ['waiting for a neighbour'] : []),
    ...(leaked ? ["handed to another tenant's router"] : []),
  ];
  return `When it came it was otherwise: ${said.length === 0 ? 'nothing left' : said.join('; ')}.`;
}
