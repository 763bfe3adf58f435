/**
 * Program: how late frames of a capture leave a configuration in memory that come by the clock, measured in a process of its own. Started
 * with `--trace-gc --expose-gc`: collections are lines of V8 on standard output, beside one line of ours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Switch } from '../control/switch.ts';
import { WORKER_THREAD } from '../control/worker-handle.ts';
import { UserError } from '../errors.ts';
import { delayQuantile } from '../port/delays.ts';
import { LONGEST_QUEUE, STAMP } from '../port/pace.ts';
import { packFrames, Replay, readFrames, TOO_MANY } from './frames.ts';
import type { LatencySaid, LatencyWords, RunFigures } from './latency.ts';
import { memoryPorts } from './memory-ports.ts';
import { lookAtThreads, shareWaited } from './threads.ts';

/** To be warm, to find out what the path can do, and to be warm at the rate that is measured. */
const FIRST_MS = 2000;
const FULL_MS = 3000;
const WARM_MS = 5000;
/** Neighbours and addresses are learned from what came in before. */
const LEARN_MS = 200;
const PER_SHARE = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999, p9999: 0.9999, most: 1 };

// Before there is a worker: the isolate that this collection names is the main thread's.
globalThis.gc?.();
const words = JSON.parse(process.argv[2]) as LatencyWords;
const say = (said: LatencySaid) => process.stdout.write(`\n${JSON.stringify(said)}\n`);

async function run(): Promise<RunFigures> {
  const { model, names, chosen } = await memoryPorts(words.config, words.in);
  const packed = packFrames(readFrames(words.pcap).map(withTrailer));
  const nothing = packFrames([]);
  const from = new Replay(packed, true, true);
  const replays = names.map((name) => [name, name === chosen ? from : new Replay(nothing, false, true)] as const);
  const bornMs = performance.now();
  const running = await Switch.start(
    { ...model, workers: 1 },
    { replay: new Map(replays.map(([name, { handles }]) => [name, [handles]])) },
  );
  try {
    const [worker] = running.workers;
    const full = await fullRate(from, () => worker.wake());
    const perSecond = Math.round(full * words.load);
    from.perSecond = perSecond;
    from.queue = LONGEST_QUEUE;
    await sleep(WARM_MS);
    const look = () => ({
      ms: performance.now() - bornMs,
      offered: from.offered,
      overflowed: from.overflowed,
      received: from.received,
      transmitted: replays.reduce((sum, [, replay]) => sum + replay.transmitted, 0),
      clockUs: from.clockUs,
      threads: lookAtThreads('self'),
      delays: replays.map(([, replay]) => replay.delays()),
    });
    // What it costs to ask is told by asking twice; it stops the worker for a moment, outside of what is measured.
    const [first, second] = [await worker.allocated(), await worker.allocated()];
    await sleep(LEARN_MS);
    const before = look();
    await sleep(words.seconds * 1000);
    const after = look();
    // V8 counts for a worker from a moment after ours: what its end collects must not seem to be of the window.
    await sleep(LEARN_MS);
    const bytes = (await worker.allocated()) - second - (second - first);
    const frames = after.received - before.received;
    const sum = (all: readonly Float64Array[]) => all[0].map((_, k) => all.reduce((total, one) => total + one[k], 0));
    const [early, late] = [sum(before.delays), sum(after.delays)];
    const quantiles = Object.entries(PER_SHARE).map(([name, share]) => [name, delayQuantile(share, early, late)]);
    return {
      fullMpps: full / 1e6,
      perSecond,
      offeredPerSecond: Math.round(((after.offered - before.offered) / (after.clockUs - before.clockUs)) * 1e6),
      frames,
      overflowed: after.overflowed - before.overflowed,
      transmitted: after.transmitted - before.transmitted,
      sampled: late.reduce((total, count, k) => total + count - early[k], 0),
      delayUs: Object.fromEntries(quantiles) as RunFigures['delayUs'],
      waited: shareWaited(before.threads, after.threads, WORKER_THREAD),
      bytesPerFrame: Math.max(0, bytes) / frames,
      window: { from: before.ms, to: after.ms },
    };
  } finally {
    from.left = 0;
    await running.stop();
  }
}

/**
 * Frames/s that the path takes of those that come by the clock: what the clock, and reading the delays, cost is the path's to do besides, and
 * half of what it does without would be more than half of its time.
 */
async function fullRate(from: Replay, wake: () => void): Promise<number> {
  from.perSecond = TOO_MANY;
  from.left = -1;
  wake();
  await sleep(LEARN_MS + FIRST_MS);
  const [received, clockUs] = [from.received, from.clockUs];
  await sleep(FULL_MS);
  return ((from.received - received) / (from.clockUs - clockUs)) * 1e6;
}

/** Room behind the packet for the time at which it was due, and no number there yet. */
function withTrailer(frame: Uint8Array): Uint8Array {
  const longer = new Uint8Array(frame.length + STAMP).fill(0xff);
  longer.set(frame);
  return longer;
}

try {
  say({ result: await run() });
} catch (error) {
  // What is the user's to mend is told by whoever started this; the rest is a crash.
  if (!(error instanceof UserError)) throw error;
  const { code, message, cure } = error;
  say({ failure: { code, message, cure } });
}
process.stdout.write('', () => process.exit(0));
