import { setTimeout as sleep } from 'node:timers/promises';
import { Switch } from '../control/switch.ts';
import { UserError } from '../errors.ts';
import { DROP_REASONS } from '../observe/drop.ts';
import { Column } from '../observe/ledger.ts';
import { packFrames, Replay, readFrames } from './frames.ts';
import { memoryPorts } from './memory-ports.ts';
import { splitByFlow } from './split.ts';
import { ranOfBusiest, threadsOf } from './threads.ts';

const WARM_MS = 1500;
/** A pass over the capture that takes longer than this hangs. */
const PASS_MS = 60_000;
const REST_MS = 30;

export interface PathOptions {
  readonly config: string;
  readonly pcap: string;
  /** `port` or `tenant/port`. */
  readonly in: string;
  readonly seconds: number;
  /** As many as the configuration has unless told. */
  readonly workers?: number;
  /** Only the frames that this worker of so many would get. */
  readonly share?: { readonly index: number; readonly of: number };
  /** Called when all is warm; measuring begins when it has ended. */
  readonly ready?: () => Promise<void>;
}

export interface PathResult {
  readonly mpps: number;
  readonly nsPerFrame: number;
  /** Time that the busiest threads, one a worker, had a processor, a frame: with one worker, `nsPerFrame` on a machine with nothing else to do. */
  readonly cpuNsPerFrame: number;
  readonly frames: number;
  readonly delivered: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Frames of the capture, and how many of one pass were delivered. */
  readonly capture: { readonly frames: number; readonly delivered: number };
  /** Sum over the frames of a pass, whatever their order: equal when the same frames leave. */
  readonly digest: number;
  /** That the flow cache and the interpreter let the same frames out, byte by byte. */
  readonly verified: boolean;
}

/**
 * The real path of a configuration, in memory: a whole switch whose ports are memory ports, one of which receives the frames of a
 * capture over and over, copied into slots as a network card would do it, split by flow between workers. What leaves is counted and discarded. Before it
 * is measured, one pass is made by the interpreter and one through the flow cache, and the frames that left are compared.
 * @throws UserError
 */
export async function benchPath(options: PathOptions): Promise<PathResult> {
  const { model: loaded, names, chosen } = await memoryPorts(options.config, options.in);
  const model = { ...loaded, workers: options.workers ?? loaded.workers };
  const { share } = options;
  const frames = readFrames(options.pcap);
  const list = share === undefined ? frames : splitByFlow(frames, share.of)[share.index];
  const packed = splitByFlow(list, model.workers).map(packFrames);
  const nothing = packFrames([]);
  const replays = new Map(
    names.map((name) => [name, packed.map((some) => new Replay(name === chosen ? some : nothing))]),
  );
  const running = await Switch.start(model, {
    replay: new Map([...replays].map(([name, queues]) => [name, queues.map(({ handles }) => handles)])),
  });
  try {
    const sources = (replays.get(chosen) ?? []).map((replay, i) => ({ replay, count: packed[i].count }));
    return await measure(running, sources, [...replays.values()].flat(), options);
  } finally {
    await running.stop();
  }
}

/** A queue that receives, and the frames of the capture that are its. */
interface Source {
  readonly replay: Replay;
  readonly count: number;
}

async function measure(
  running: Switch,
  sources: readonly Source[],
  all: readonly Replay[],
  options: PathOptions,
): Promise<PathResult> {
  const count = sources.reduce((sum, source) => sum + source.count, 0);
  const received = () => sources.reduce((sum, { replay }) => sum + replay.received, 0);
  const transmitted = () => all.reduce((sum, replay) => sum + replay.transmitted, 0);
  const forwarded = () => transmitted() - all.reduce((sum, replay) => sum + replay.resolving, 0);
  const digest = () => all.reduce((sum, replay) => sum + replay.digest, 0);
  /** Lets the capture in once. */
  const pass = async () => {
    const before = { forwarded: forwarded(), digest: digest() };
    for (const { replay, count } of sources) replay.left = count;
    for (const worker of running.workers) worker.wake();
    const began = Date.now();
    for (let seen = -1; sources.some(({ replay }) => replay.left > 0) || transmitted() !== seen; ) {
      seen = transmitted();
      await sleep(REST_MS);
      if (Date.now() - began > PASS_MS) throw new Error('the switch does not come to rest');
    }
    return { delivered: forwarded() - before.forwarded, digest: digest() - before.digest };
  };
  // Addresses are learned, neighbours resolved.
  await pass();
  await pass();
  for (const replay of all) replay.digesting = true;
  await running.setCache(false);
  const slow = await pass();
  await running.setCache(true);
  await pass();
  const fast = await pass();
  for (const replay of all) replay.digesting = false;
  const verified = slow.delivered === fast.delivered && slow.digest === fast.digest;
  if (!verified) {
    const text = `the flow cache let ${fast.delivered} frames out, the interpreter ${slow.delivered}, or others`;
    throw new UserError(
      'check-failed',
      text,
      'a policer or the load of this machine may drop frames; else report it as a bug',
    );
  }
  for (const { replay } of sources) replay.left = -1;
  for (const worker of running.workers) worker.wake();
  await sleep(WARM_MS);
  await options.ready?.();
  const drops = () => dropsOf(running);
  const before = {
    frames: received(),
    delivered: transmitted(),
    drops: drops(),
    cpu: threadsOf('self'),
    ns: process.hrtime.bigint(),
  };
  await sleep(options.seconds * 1000);
  const frames = received() - before.frames;
  const ns = Number(process.hrtime.bigint() - before.ns);
  const cpu = ranOfBusiest(before.cpu, threadsOf('self'), running.workers.length);
  const delivered = transmitted() - before.delivered;
  const now = drops();
  for (const { replay } of sources) replay.left = 0;
  return {
    mpps: round((frames / ns) * 1e3, 3),
    nsPerFrame: round(ns / frames, 2),
    cpuNsPerFrame: round(cpu / frames, 2),
    frames,
    delivered,
    drops: Object.fromEntries(
      Object.entries(now)
        .map(([name, value]) => [name, value - (before.drops[name] ?? 0)] as const)
        .filter(([, value]) => value > 0),
    ),
    capture: { frames: count, delivered: fast.delivered },
    digest: fast.digest,
    verified,
  };
}

function dropsOf(running: Switch): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { ledgers, rows } of running.tenants) {
    for (const [reason, { name }] of DROP_REASONS.entries()) {
      for (const ledger of ledgers)
        for (const row of rows) found[name] = (found[name] ?? 0) + ledger.get(row, Column.Drops + reason);
    }
  }
  return found;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
