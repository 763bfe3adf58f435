import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, UserError } from '../errors.ts';
import type { PathOptions, PathResult } from './path.ts';
import { atLeast, type Bar, type Summary, summarise } from './statistics.ts';

const LEAST = 0.9;
const REASON = 'workers share tables and a control thread, but no frame waits for another worker';

/** What a process measures; see `PathOptions`. */
export type PathWords = Omit<PathOptions, 'ready'>;

/** What it says, a line each. */
export type PathSaid =
  | { readonly ready: true }
  | { readonly result: PathResult }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string; readonly cure: string } };

export interface WorkersRound {
  /** One process with all workers. */
  readonly together: PathResult;
  /** A process of one worker each, at the same time, each with the frames that the worker of its number gets. */
  readonly apart: readonly PathResult[];
}

export interface WorkersResult {
  readonly workers: number;
  /** Median of frames/s together by frames/s apart. */
  readonly ratio: number;
  readonly ratios: Summary;
  /** The same by frames a second of processor time: what else the machine did counts less. */
  readonly processorRatios: Summary;
  /** That both sides let the same frames of the capture out, with and without the flow cache. */
  readonly verified: boolean;
  readonly bars: readonly Bar[];
  readonly rounds: readonly WorkersRound[];
}

/**
 * Several workers of one switch beside as many switches of one worker that know nothing of each other: the same configuration, the
 * same frames, split by flow in the same way. Fresh processes in alternating rounds; both sides share the machine's processors alike.
 * @throws UserError
 */
export async function benchWorkers(
  options: PathWords & { readonly workers: number; readonly rounds: number },
  say: (line: string) => void,
): Promise<WorkersResult> {
  const { workers, rounds, config, pcap, in: port, seconds } = options;
  const common = { config, pcap, in: port, seconds };
  const together = async () => (await measured([{ ...common, workers }]))[0];
  const apart = () =>
    measured(Array.from({ length: workers }, (_, index) => ({ ...common, workers: 1, share: { index, of: workers } })));
  const done: WorkersRound[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = round % 2 === 0 ? await together() : null;
    const others = await apart();
    const one = { together: first ?? (await together()), apart: others };
    done.push(one);
    say(
      `round ${round + 1}: ${workers} workers ${one.together.mpps} Mpps, ${workers} processes ` +
        `${others.map(({ mpps }) => mpps).join(' + ')} Mpps, ${ratioOf(one).toFixed(3)} ×`,
    );
  }
  return workersResult(workers, done);
}

export function workersResult(workers: number, rounds: readonly WorkersRound[]): WorkersResult {
  const ratios = summarise(rounds.map(ratioOf));
  const processorRatios = summarise(rounds.map(processorRatioOf));
  const ratio = ratios.median;
  const bars = [atLeast(`${workers} workers, of the rate of ${workers} processes`, ratio, LEAST, REASON)];
  return { workers, ratio, ratios, processorRatios, verified: rounds.every(same), bars, rounds };
}

function ratioOf({ together, apart }: WorkersRound): number {
  return together.mpps / apart.reduce((sum, { mpps }) => sum + mpps, 0);
}

/** Processor time of a frame in processes of one worker, by what it is in one of several. */
function processorRatioOf({ together, apart }: WorkersRound): number {
  const frames = apart.reduce((sum, one) => sum + one.frames, 0);
  const time = apart.reduce((sum, one) => sum + one.frames * one.cpuNsPerFrame, 0);
  return time / frames / together.cpuNsPerFrame;
}

function same({ together, apart }: WorkersRound): boolean {
  const delivered = apart.reduce((sum, { capture }) => sum + capture.delivered, 0);
  const digest = apart.reduce((sum, one) => sum + one.digest, 0);
  const verified = together.verified && apart.every((one) => one.verified);
  return verified && together.capture.delivered === delivered && together.digest === digest;
}

/** Measures in fresh processes, all at the same time: none begins before all are warm. */
async function measured(all: readonly PathWords[]): Promise<PathResult[]> {
  const sides = all.map((words) => new Side(words));
  try {
    await Promise.all(sides.map((side) => side.ready()));
    return await Promise.all(sides.map((side) => side.measure()));
  } finally {
    for (const side of sides) side.end();
  }
}

class Side {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(words: PathWords) {
    const name = import.meta.url.endsWith('.ts') ? './path-run.ts' : './path-run.js';
    const program = fileURLToPath(new URL(name, import.meta.url));
    // Not the launcher's number of V8's helpers: two workers would share the one that each of the processes beside them has to itself.
    const arguments_ = ['--disable-warning=ExperimentalWarning', program, JSON.stringify(words)];
    this.#child = spawn(process.execPath, arguments_, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin?.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    if (!('ready' in (await this.#next()))) throw new Error('a process measured before all were warm');
  }

  async measure(): Promise<PathResult> {
    this.#child.stdin?.write('go\n');
    const said = await this.#next();
    if ('result' in said) return said.result;
    throw new Error('a process of the benchmark said no result');
  }

  end(): void {
    this.#child.stdin?.end();
    this.#child.kill('SIGKILL');
  }

  /** @throws UserError what the process refused */
  async #next(): Promise<PathSaid> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('a process of the benchmark ended without a word');
    const said = JSON.parse(value) as PathSaid;
    if ('failure' in said) throw new UserError(said.failure.code, said.failure.message, said.failure.cure);
    return said;
  }
}
