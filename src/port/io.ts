import type { RingRemains } from '../../native-free/uring-setup.ts';
import type { Port } from './port.ts';

export type { RingRemains };

/** Columns of `Io.stats`. */
export const IoStat = {
  /** Calls of `turn`, and those that were ready to wait. */
  Turns: 0,
  Waits: 1,
  /** Frames read; reads that found nothing; reads that failed otherwise. */
  Reads: 2,
  EmptyReads: 3,
  FailedReads: 4,
  /** Frames written; writes that the kernel refused. */
  Writes: 5,
  FailedWrites: 6,
  /** Times that the wake-up file was signalled. */
  Wakes: 7,
  /** System calls for all TAPs at once: io_uring_enter, or poll. */
  Enters: 8,
} as const;
export const IO_STATS = 9;

/** A file whose news end the wait of a turn: a socket that its port reads and writes by itself. */
export interface Watch {
  /** Something may be there to be read. Set by a turn, cleared by the port when a read has found less than there was room for. */
  ready: boolean;
  /** The other end has gone: what is left can still be read. Nothing more is told of the file. */
  readonly ended: boolean;
  /** Ends the watching, for what that takes in a later turn; the file may be closed at once. Idempotent. */
  end(): void;
}

/** The way of one worker to its TAPs: all of them are read and written in one `turn`. Used on the thread that made it. */
export interface Io {
  readonly mode: 'uring' | 'poll';
  /** Why it is not io_uring, as a sentence with the cure; null when it is, or when poll was asked for. */
  readonly fallback: string | null;

  /**
   * @param fd a queue of a TAP, non-blocking, with virtio-net header; stays the caller's, who closes it after the port's `close`
   * @param offloads sum of `Offload` bits that the device was opened with
   */
  openTap(fd: number, name: string, offloads: number, kind: 'tap' | 'netdev'): Port;

  /** @param fd a non-blocking file, the caller's, that is told of when it is readable, from the next turn on */
  watch(fd: number): Watch;

  /** Whether no TAP is open and nothing watched: a turn then does nothing but sleep. */
  readonly idle: boolean;

  /** Whether `transmit` writes at once, and not the next turn. */
  readonly writesAtOnce: boolean;

  /**
   * Does what was asked for by `request` and `transmit` since the last turn, and hears what is new.
   * @param waitMs how long to wait at most for something to happen; no wait if frames were asked for where there may be some, or if
   * some lie ready already
   * @returns ports with frames to `receive`
   */
  turn(waitMs: number): number;

  /** Does now what `transmit` has left to the next turn. */
  flush(): void;

  /** An eventfd; a write to it, from any thread, ends the wait. */
  readonly wakeFd: number;

  /** What is left of it if the thread ends without `close`; null: nothing. */
  readonly remains: RingRemains | null;

  /** Counted since the start, by `IoStat`; in shared memory. */
  readonly stats: Float64Array<SharedArrayBuffer>;

  /** Ends everything at once, ports that are still open included; their slots go back, what was being written counts as lost. */
  close(): void;
}

export interface IoOptions {
  /** Most TAPs open at a time. */
  readonly ports?: number;
  /** The worker's wake-up file, if it exists already; else the Io makes, and closes, one of its own. */
  readonly wakeFd?: number;
  /** Most reads of io_uring that wait for a frame, of a port each; other ports are polled. Default `MOST_WAITING`, or what a quarter of the bodies does for. */
  readonly waiting?: number;
}

export const DEFAULT_PORTS = 256;
export const MOST_WAITING = 256;
