import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ErrorCode, UserError } from '../errors.ts';
import { NODE_FLAGS } from '../lab/node-flags.ts';
import { buildPeer, hasCompiler, withFolder } from './c-program.ts';
import { atLeast, atMost, type Bar, type Summary, summarise } from './statistics.ts';

/** Of what a loop in C, which only reads the clock, sees at the same rate: what is beyond is ours, what is before the machine's. */
const MOST_OF_CLOCK = 5;
const CLOCK_REASON = 'a path that never stops for itself is late by little more than the machine is';
/** Turns, of hundreds of frames, may cost a few; one that a frame costs would be 16 or more. */
const MOST_BYTES = 0.05;
const MOST_OVERFLOWED = 1e-5;
const OVERFLOW_REASON = 'their delay is not among the others, of which one in ten thousand is judged';
/** A round whose clock let fewer frames come says nothing. */
const LEAST_OFFERED = 0.98;
const FLAGS = [...NODE_FLAGS, '--expose-gc', '--trace-gc'];

export interface LatencyOptions {
  readonly config: string;
  readonly pcap: string;
  /** `port` or `tenant/port`. */
  readonly in: string;
  /** Of what the path can do. */
  readonly load: number;
  readonly seconds: number;
  readonly rounds: number;
}

export type LatencyWords = Omit<LatencyOptions, 'rounds'>;

/** Microseconds: half of the frames were not later, 90 %, and so on; none. Upper edges of buckets a sixteenth wide. */
export interface DelayFigures {
  readonly p50: number;
  readonly p90?: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly most: number;
}

/** What the process that measures says. */
export interface RunFigures {
  /** What the path can do with frames that come by the clock. */
  readonly fullMpps: number;
  readonly perSecond: number;
  readonly offeredPerSecond: number;
  readonly frames: number;
  /** Frames that found their queue full. */
  readonly overflowed: number;
  readonly transmitted: number;
  /** Frames whose delay was taken, every eighth. */
  readonly sampled: number;
  /** From when a frame was due until it was handed to the port that it leaves by. */
  readonly delayUs: DelayFigures;
  /** Share of the time for which the worker waited for a processor, since the kernel gave it to another thread. */
  readonly waited: number;
  /** That the worker allocated. */
  readonly bytesPerFrame: number;
  /** Milliseconds since the worker was started. */
  readonly window: { readonly from: number; readonly to: number };
}

export type LatencySaid =
  | { readonly result: RunFigures }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string; readonly cure: string } };

export interface LatencyRound extends Omit<RunFigures, 'window'> {
  readonly majorCollections: number;
  readonly minorCollections: number;
  /** The loop in C at the same rate; null: there is no compiler here. */
  readonly clock: DelayFigures | null;
}

export interface LatencyResult {
  readonly load: number;
  readonly seconds: number;
  readonly p9999: Summary;
  /** Of the clock's own; null: there is no compiler here. */
  readonly ofClock: Summary | null;
  readonly bars: readonly Bar[];
  readonly rounds: readonly LatencyRound[];
}

/**
 * How late frames leave, in memory, at a share of what the path can do. Open loop: each frame is due by the clock whatever became of
 * those before, so a stop of the switch is seen by all frames that it holds up. A whole switch of one worker in a process of its own, by
 * turns with a loop in C that only reads the clock.
 * @throws UserError
 */
export async function benchLatency(options: LatencyOptions, say: (line: string) => void): Promise<LatencyResult> {
  const { rounds, ...words } = options;
  const compiler = hasCompiler();
  if (!compiler) say('no gcc: without the loop in C. Cure: apt-get install gcc libc6-dev');
  return await withFolder(async (folder) => {
    const program = compiler ? buildPeer('clock', folder) : null;
    const done: LatencyRound[] = [];
    for (let round = 1; round <= rounds; round++) {
      const ours = await measured(words);
      const clock = program === null ? null : await clockAlone(program, ours.perSecond, words.seconds);
      done.push({ ...ours, clock });
      const { p50, p9999, most } = ours.delayUs;
      const beside = clock === null ? '' : `; the clock alone ${clock.p9999}, at most ${clock.most}`;
      const waited = (ours.waited * 100).toFixed(2);
      say(
        `round ${round}: ${ours.perSecond} frames/s, waited ${waited} %, p50 ${p50} µs, p99.99 ${p9999}, at most ${most}${beside}`,
      );
    }
    return latencyResult(words, done);
  });
}

export function latencyResult({ load, seconds }: LatencyWords, rounds: readonly LatencyRound[]): LatencyResult {
  const ratios = rounds.flatMap(({ delayUs, clock }) => (clock === null ? [] : [delayUs.p9999 / clock.p9999]));
  const ofClock = ratios.length === 0 ? null : summarise(ratios);
  const most = (of: (round: LatencyRound) => number) => Math.max(...rounds.map(of));
  const offered = Math.min(...rounds.map((one) => one.offeredPerSecond / one.perSecond));
  const bars = [
    ...(ofClock === null
      ? []
      : [atMost('p99.99, of a loop that only reads the clock', ofClock.median, MOST_OF_CLOCK, CLOCK_REASON)]),
    atMost(
      'major collections of the worker',
      most((one) => one.majorCollections),
      0,
      'a collection stops it',
    ),
    atMost(
      'bytes allocated a frame',
      most((one) => one.bytesPerFrame),
      MOST_BYTES,
      'what is asked for is collected later',
    ),
    atMost(
      'share of frames that found the queue full',
      most((one) => one.overflowed / one.frames),
      MOST_OVERFLOWED,
      OVERFLOW_REASON,
    ),
    atLeast(
      'frames that came, of those that should',
      offered,
      LEAST_OFFERED,
      'else the machine had no time for the clock',
    ),
  ];
  return { load, seconds, p9999: summarise(rounds.map((one) => one.delayUs.p9999)), ofClock, bars, rounds };
}

async function measured(words: LatencyWords): Promise<Omit<LatencyRound, 'clock'>> {
  const name = import.meta.url.endsWith('.ts') ? './latency-run.ts' : './latency-run.js';
  const program = fileURLToPath(new URL(name, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, program, JSON.stringify(words)], {
    maxBuffer: 1 << 26,
  });
  const line = stdout.split('\n').find((one) => one.startsWith('{"'));
  if (line === undefined) throw new Error('a process of the benchmark ended without a word');
  const said = JSON.parse(line) as LatencySaid;
  if ('failure' in said) throw new UserError(said.failure.code, said.failure.message, said.failure.cure);
  const { window, ...figures } = said.result;
  return { ...figures, ...collections(stdout, window) };
}

/** @param text lines of V8's `--trace-gc` @param window milliseconds since the worker was started, as V8 counts for it */
export function collections(
  text: string,
  { from, to }: RunFigures['window'],
): { majorCollections: number; minorCollections: number } {
  const main = /\[\d+:(0x[0-9a-f]+)\].*Mark-Compact.*testing/.exec(text)?.[1];
  const seen = [...text.matchAll(/\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: (.*)/g)].filter(
    ([, isolate, ms]) => isolate !== main && Number(ms) >= from && Number(ms) <= to,
  );
  const major = seen.filter(([, , , what]) => what.includes('Mark-Compact')).length;
  return { majorCollections: major, minorCollections: seen.length - major };
}

async function clockAlone(program: string, perSecond: number, seconds: number): Promise<DelayFigures> {
  const { stdout } = await promisify(execFile)(program, [String(perSecond), String(seconds)]);
  const [p50, p99, p999, p9999, most] = stdout.split(' ').map(Number);
  return { p50, p99, p999, p9999, most };
}
