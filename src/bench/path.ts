import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../control/config/load.ts';
import { Switch } from '../control/switch.ts';
import { UserError } from '../errors.ts';
import { DROP_REASONS } from '../observe/drop.ts';
import { Column } from '../observe/ledger.ts';
import { packFrames, Replay, readFrames } from './frames.ts';
import { busiest, threadsOf } from './threads.ts';

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
}

export interface PathResult {
  readonly mpps: number;
  readonly nsPerFrame: number;
  /** Time that the busiest thread had a processor, a frame: what `nsPerFrame` would be on a machine with nothing else to do. */
  readonly cpuNsPerFrame: number;
  readonly frames: number;
  readonly delivered: number;
  readonly drops: Readonly<Record<string, number>>;
  /** Frames of the capture, and how many of one pass were delivered. */
  readonly capture: { readonly frames: number; readonly delivered: number };
  /** That the flow cache and the interpreter let the same frames out, byte by byte. */
  readonly verified: boolean;
}

/**
 * The real path of a configuration, in memory: a whole switch whose ports are memory ports, one of which receives the frames of a
 * capture over and over, copied into slots as a network card would do it. What leaves is counted and discarded. Before it
 * is measured, one pass is made by the interpreter and one through the flow cache, and the frames that left are compared.
 * @throws UserError
 */
export async function benchPath(options: PathOptions): Promise<PathResult> {
  const model = await loadConfig(options.config);
  const all = model.tenants.flatMap(({ name, bridge }) =>
    bridge.ports.map((port) => ({ name: `${name}/${port.name}`, short: port.name, kind: port.kind })),
  );
  const real = all.find(({ kind }) => kind !== 'memory');
  if (real !== undefined)
    throw new UserError('usage', `${real.name} is a ${real.kind}`, 'bench path wants ports of kind {memory: true}');
  const chosen = all.filter(({ name, short }) => name === options.in || short === options.in);
  if (chosen.length !== 1) {
    const text = chosen.length === 0 ? `there is no port ${options.in}` : `several tenants have a port ${options.in}`;
    throw new UserError('usage', text, `name one of ${all.map(({ name }) => name).join(', ')}`);
  }
  const list = readFrames(options.pcap);
  const packed = packFrames(list);
  const nothing = packFrames([]);
  const replays = new Map(all.map(({ name }) => [name, new Replay(name === chosen[0].name ? packed : nothing)]));
  const running = await Switch.start(model, {
    replay: new Map([...replays].map(([name, { handles }]) => [name, handles])),
  });
  try {
    return await measure(running, replays.get(chosen[0].name) as Replay, [...replays.values()], list.length, options);
  } finally {
    await running.stop();
  }
}

async function measure(
  running: Switch,
  source: Replay,
  all: readonly Replay[],
  count: number,
  options: PathOptions,
): Promise<PathResult> {
  const transmitted = () => all.reduce((sum, replay) => sum + replay.transmitted, 0);
  const forwarded = () => transmitted() - all.reduce((sum, replay) => sum + replay.resolving, 0);
  const digest = () => all.reduce((sum, replay) => sum + replay.digest, 0);
  /** Lets the capture in once. */
  const pass = async () => {
    const before = { forwarded: forwarded(), digest: digest() };
    source.left = count;
    for (const worker of running.workers) worker.wake();
    const began = Date.now();
    for (let seen = -1; source.left > 0 || transmitted() !== seen; ) {
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
  source.left = -1;
  for (const worker of running.workers) worker.wake();
  await sleep(WARM_MS);
  const drops = () => dropsOf(running);
  const before = {
    frames: source.received,
    delivered: transmitted(),
    drops: drops(),
    cpu: threadsOf('self'),
    ns: process.hrtime.bigint(),
  };
  await sleep(options.seconds * 1000);
  const frames = source.received - before.frames;
  const ns = Number(process.hrtime.bigint() - before.ns);
  const cpu = busiest(before.cpu, threadsOf('self')).ran;
  const delivered = transmitted() - before.delivered;
  const now = drops();
  source.left = 0;
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
