import { LinuxError } from '../../native-free/errors.ts';
import type { Pool } from '../frame/pool.ts';
import type { Io, IoOptions } from './io.ts';
import { PollIo } from './poll-io.ts';
import type { TxSink } from './port.ts';
import { UringIo } from './uring-io.ts';

const FALLBACKS = new Set(['E_URING_DISABLED', 'E_URING_MISSING', 'E_URING_MEMORY']);

/**
 * Opens the worker's way to its TAPs: io_uring where the kernel has it and lets us, else poll, read and write. Called on the
 * worker's thread.
 * @param wish `poll` or `uring`, as TAPYARD_IO says; `uring` fails where there is none. Anything else: the best there is
 */
export function openIo(
  pool: Pool,
  sink: TxSink,
  options: IoOptions = {},
  wish: string | undefined = process.env['TAPYARD_IO'],
): Io {
  if (wish === 'poll') return new PollIo(pool, sink, options);
  try {
    return new UringIo(pool, sink, options);
  } catch (error) {
    if (wish === 'uring' || !(error instanceof LinuxError) || !FALLBACKS.has(error.code)) throw error;
    return new PollIo(pool, sink, options, error.message);
  }
}
