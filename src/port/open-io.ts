import { chooseIo } from '../../native-free/io-mode.ts';
import type { Pool } from '../frame/pool.ts';
import type { Io, IoOptions } from './io.ts';
import { PollIo } from './poll-io.ts';
import type { TxSink } from './port.ts';
import { UringIo } from './uring-io.ts';

/**
 * Opens the worker's way to its TAPs: io_uring where the kernel has it and lets us, else poll, read and write. Called on the
 * worker's thread.
 * @param wanted `poll` or `uring`, as TAPYARD_IO says; undefined: the best there is
 * @throws LinuxError when `uring` is wanted and cannot be had
 */
export function openIo(
  pool: Pool,
  sink: TxSink,
  options: IoOptions = {},
  wanted: string | undefined = process.env['TAPYARD_IO'],
): Io {
  const { mode, reason } = chooseIo(wanted);
  return mode === 'uring' ? new UringIo(pool, sink, options) : new PollIo(pool, sink, options, reason?.message ?? null);
}
