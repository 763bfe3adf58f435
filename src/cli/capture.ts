import { closeSync, openSync } from 'node:fs';
import { runWhenIdle } from '../../native-free/priority.ts';
import type { Tally } from '../control/capture/settings.ts';
import { openStream } from '../control/rpc-open.ts';
import { UserError } from '../errors.ts';
import { Output } from './output.ts';
import { pour } from './pour.ts';
import { untilSignal } from './until-signal.ts';

export interface CaptureOptions {
  readonly socket: string;
  readonly write?: string;
  readonly count?: number;
  readonly snaplen?: number;
  readonly points?: string;
  readonly buffer?: number;
  readonly json?: true;
}

/** Captures frames of a tenant or a port until it has enough, Ctrl-C, or the end of the pipe that it writes into. */
export async function capture(what: string, filter: string | undefined, options: CaptureOptions): Promise<void> {
  const { socket, write, count, snaplen, points, buffer, json } = options;
  // Where processors are scarce the capture loses frames, and says so; the switch does not.
  runWhenIdle();
  const signal = untilSignal();
  const params = {
    what,
    format: write !== undefined ? 'pcapng' : json ? 'json' : 'text',
    ...(filter === undefined ? {} : { filter }),
    ...(count === undefined ? {} : { count }),
    ...(snaplen === undefined ? {} : { snaplen }),
    ...(points === undefined ? {} : { points }),
    ...(buffer === undefined ? {} : { buffer }),
  };
  if (write === '-' && process.stdout.isTTY)
    throw new UserError('usage', 'A capture is no text for a terminal', 'give -w FILE, or a pipe: -w - | tshark -r -');
  // A file that cannot be written is told before anything is captured.
  const fd = write === undefined || write === '-' ? 1 : create(write);
  const stream = await openStream(socket, 'capture', params);
  if (json !== true) process.stderr.write(`capturing ${what}; Ctrl-C ends it\n`);
  try {
    const tally = await pour(stream, new Output(fd), signal);
    if (tally !== null) tell(tally as unknown as Tally, json === true && write !== undefined);
  } finally {
    if (fd !== 1) closeSync(fd);
  }
}

function tell({ seen, written, lost, left }: Tally, asJson: boolean): void {
  if (asJson) {
    process.stderr.write(`${JSON.stringify({ seen, written, lost, left })}\n`);
    return;
  }
  const more = left > 0 ? `, ${left} came after those that were asked for` : '';
  process.stderr.write(`${written} frames captured, ${lost} lost for want of room${more}\n`);
}

function create(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new UserError('usage', `${path} cannot be written (${code})`, 'give another file', { cause });
  }
}
