import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { withFolder } from './c-program.ts';
import { type Forwarder, type ForwarderName, forwarderOf, missing } from './rig/forwarders.ts';
import { number, Rig } from './rig/rig.ts';
import { atLeast, atMost, type Bar, quantile, type Summary, summarise } from './statistics.ts';

export interface TapOptions {
  readonly peers: readonly ForwarderName[];
  readonly rounds: number;
  /** Of each flood and each stream. */
  readonly seconds: number;
}

/** Frame sizes without FCS (0: the Internet mix) and flows that are sent. */
const LOADS = [
  { name: '60 B, 1 flow', length: 60, flows: 1 },
  { name: '60 B, 1,000 flows', length: 60, flows: 1000 },
  { name: 'IMIX, 64 flows', length: 0, flows: 64 },
  { name: '1514 B, 1 flow', length: 1514, flows: 1 },
] as const;
const STREAMS = [1, 4] as const;
/** Echoes that count, after some in which the program that asks for them warms up: it is the same for all. */
const PINGS = 1000;
const WARM_PINGS = 300;
const PING_SECONDS = 0.002;
/** Of a flood and of a stream, before the first round. */
const WARM_SECONDS = 1;
/** What a generator must offer over what comes through, or it is what limits. */
const HEADROOM = 1.05;
const CHECK = { frames: 40_000, pps: 40_000, flows: 8, length: 60 };

export interface TapRound {
  readonly round: number;
  readonly forwarder: ForwarderName;
  readonly pps: Readonly<Record<string, number>>;
  readonly offeredPps: Readonly<Record<string, number>>;
  readonly tcpGbits: Readonly<Record<string, number>>;
  readonly roundTripMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly lost: number };
  /** Of a paced flood that is checked byte by byte. */
  readonly check: {
    readonly lost: number;
    readonly outOfOrder: number;
    readonly duplicated: number;
    readonly corrupt: number;
  };
}

export interface TapResult {
  readonly verified: boolean;
  readonly bars: readonly Bar[];
  readonly left: Readonly<Record<string, string>>;
  readonly medians: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
  /** Loads of which a generator was the limit, by forwarder. */
  readonly generatorLimited: readonly string[];
  readonly rounds: readonly TapRound[];
}

/**
 * TAP to TAP between two namespaces, side by side with what else is installed: packets/s by frame size and flows, TCP, round trips. All
 * forwarders are up and warm from the first round to the last, and idle but for their turns: what is compared is what was measured within
 * seconds of each other, since machines drift. One that polls takes a processor for itself: it is started anew for each of its rounds. What comes
 * out is checked byte by byte in a flood of its own, in order of its flows.
 */
export async function benchTap(options: TapOptions, say: (line: string) => void): Promise<TapResult> {
  const left: Record<string, string> = {};
  const names: ForwarderName[] = [];
  for (const name of new Set<ForwarderName>(['tapyard', ...options.peers])) {
    const why = missing(name);
    if (why === null) names.push(name);
    else left[name] = why;
  }
  for (const [name, why] of Object.entries(left)) say(`${name} is left out: ${why}`);
  const rounds = await withFolder(async (folder) => {
    const done: TapRound[] = [];
    const polling = names.filter((name) => POLLS.has(name));
    await whileUp(
      names.filter((name) => !POLLS.has(name)),
      folder,
      async (up) => {
        for (let round = 1; round <= options.rounds; round++) {
          const order = round % 2 === 1 ? up : up.toReversed();
          const those = await measured(order, round, options.seconds);
          for (const name of polling)
            await whileUp([name], folder, async (alone) => {
              those.push(...(await measured(alone, round, options.seconds)));
            });
          done.push(...those);
          for (const one of those) say(described(one));
        }
      },
    );
    return done;
  });
  const medians = Object.fromEntries(
    names.map((name) => [name, mediansOf(rounds.filter((r) => r.forwarder === name))]),
  );
  const limited = names.flatMap((name) =>
    LOADS.filter(({ name: load }) =>
      rounds.some((r) => r.forwarder === name && r.offeredPps[load] < r.pps[load] * HEADROOM),
    ).map(({ name: load }) => `${name}: ${load}`),
  );
  const verified = rounds.every(
    ({ forwarder, check }) => forwarder !== 'tapyard' || check.outOfOrder + check.duplicated + check.corrupt === 0,
  );
  return { verified, bars: barsOf(medians), left, medians, generatorLimited: limited, rounds };
}

/** Those that have nothing to sleep for. */
const POLLS: ReadonlySet<ForwarderName> = new Set(['ovs-dpdk']);
let started = 0;

/** A forwarder that is up, between namespaces of its own. */
class Candidate {
  readonly name: ForwarderName;
  readonly rig: Rig;
  readonly #forwarder: Forwarder;

  private constructor(name: ForwarderName, rig: Rig, forwarder: Forwarder) {
    this.name = name;
    this.rig = rig;
    this.#forwarder = forwarder;
  }

  static async start(name: ForwarderName, folder: string): Promise<Candidate> {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const rig = new Rig(`t${(process.pid % 36 ** 4).toString(36)}${(started++ % 36).toString(36)}`);
    const candidate = new Candidate(name, rig, forwarderOf(name, own));
    try {
      rig.open();
      await candidate.#forwarder.start(rig);
      await rig.join();
      // Caches and compilers warm up, of all alike.
      await rig.blast({ seconds: WARM_SECONDS, length: 60, flows: 1 });
      await rig.tcp(1, WARM_SECONDS);
    } catch (error) {
      await candidate.stop();
      throw error;
    }
    return candidate;
  }

  async stop(): Promise<void> {
    await this.#forwarder.stop();
    this.rig.close();
  }
}

/** Starts forwarders, one after the other, and ends all of them when the work is done, or cannot be. */
async function whileUp(
  names: readonly ForwarderName[],
  folder: string,
  work: (up: readonly Candidate[]) => Promise<void>,
): Promise<void> {
  const up: Candidate[] = [];
  try {
    for (const name of names) up.push(await Candidate.start(name, folder));
    await work(up);
  } finally {
    await Promise.all(up.map((candidate) => candidate.stop()));
  }
}

/** One round of all: under each load one goes after the other. */
async function measured(order: readonly Candidate[], round: number, seconds: number): Promise<TapRound[]> {
  const those = order.map(({ name, rig }) => ({ name, rig, pps: record(), offeredPps: record(), tcpGbits: record() }));
  for (const { name: load, length, flows } of LOADS) {
    for (const { name, rig, pps, offeredPps } of those) {
      const blast = await rig.blast({ seconds, length, flows });
      if (blast.received === 0) throw new Error(`${name} lets nothing through under ${load}`);
      pps[load] = blast.pps;
      offeredPps[load] = blast.offeredPps;
    }
  }
  for (const streams of STREAMS)
    for (const { rig, tcpGbits } of those) tcpGbits[`TCP × ${streams}`] = await rig.tcp(streams, seconds);
  const rounds: TapRound[] = [];
  for (const { name, rig, ...rest } of those)
    rounds.push({ round, forwarder: name, ...rest, roundTripMs: await tripsOf(rig), check: await checkOf(rig) });
  return rounds;
}

const record = (): Record<string, number> => ({});

async function tripsOf(rig: Rig): Promise<TapRound['roundTripMs']> {
  const times = (await rig.roundTrips(WARM_PINGS + PINGS, PING_SECONDS)).slice(WARM_PINGS);
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => quantile(times, share));
  return { p50, p90, p99, lost: PINGS - times.length };
}

async function checkOf(rig: Rig): Promise<TapRound['check']> {
  const said = await rig.checked(CHECK);
  return {
    lost: CHECK.frames - number(said, 'received'),
    outOfOrder: number(said, 'outOfOrder'),
    duplicated: number(said, 'duplicated'),
    corrupt: number(said, 'corrupt'),
  };
}

function described({ round, forwarder, pps, tcpGbits, roundTripMs, check }: TapRound): string {
  const floods = Object.entries(pps).map(([load, value]) => `${load} ${(value / 1000).toFixed(0)} kpps`);
  const streams = Object.entries(tcpGbits).map(([name, value]) => `${name} ${value.toFixed(2)} Gbit/s`);
  const { p50, p99 } = roundTripMs;
  const wrong = check.outOfOrder + check.duplicated + check.corrupt;
  return `round ${round}, ${forwarder}: ${[...floods, ...streams].join('; ')}; round trip ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)}; checked: ${check.lost} lost, ${wrong} wrong`;
}

function mediansOf(rounds: readonly TapRound[]): Record<string, Summary> {
  const of = (read: (round: TapRound) => number) => summarise(rounds.map(read));
  return {
    ...Object.fromEntries(LOADS.map(({ name }) => [name, of(({ pps }) => pps[name])])),
    ...Object.fromEntries(STREAMS.map((n) => [`TCP × ${n}`, of(({ tcpGbits }) => tcpGbits[`TCP × ${n}`])])),
    'round trip p50': of(({ roundTripMs }) => roundTripMs.p50),
    'round trip p99': of(({ roundTripMs }) => roundTripMs.p99),
  };
}

const [ONE, MANY, MIX] = LOADS.map(({ name }) => name);
/** What Tapyard must reach of a peer, and why that much. */
const BARS: readonly {
  readonly loads: readonly string[];
  readonly peer: ForwarderName;
  readonly ratio: number;
  readonly why: string;
}[] = [
  { loads: [ONE, MANY, MIX], peer: 'ovs', ratio: 1.5, why: 'it reads a frame a system call' },
  { loads: [ONE, MANY, MIX], peer: 'ovs-dpdk', ratio: 1.2, why: 'it polls, and writes a frame a system call' },
  { loads: [ONE, MANY, MIX], peer: 'c', ratio: 0.95, why: 'the same way of reading, with no logic: the limit' },
  { loads: ['TCP × 1', 'TCP × 4'], peer: 'ovs', ratio: 8, why: 'it cuts super-frames up' },
  { loads: ['TCP × 1', 'TCP × 4'], peer: 'ovs-tso', ratio: 1.05, why: 'it passes super-frames on, as Tapyard does' },
  { loads: ['TCP × 1', 'TCP × 4'], peer: 'bridge', ratio: 0.95, why: 'no userspace at all' },
];
const TRIPS: readonly { readonly peer: ForwarderName; readonly ratio: number; readonly why: string }[] = [
  { peer: 'ovs', ratio: 0.7, why: 'one thread wakes, not two' },
  { peer: 'c', ratio: 1.25, why: 'the same way of waiting, with no logic' },
];

function barsOf(medians: TapResult['medians']): Bar[] {
  const own = medians['tapyard'];
  const ratio = (peer: string, load: string) => own[load].median / medians[peer][load].median;
  return [
    ...BARS.filter(({ peer }) => medians[peer] !== undefined).flatMap(({ loads, peer, ratio: least, why }) =>
      loads.map((load) => atLeast(`${load}, of ${peer}`, ratio(peer, load), least, why)),
    ),
    ...TRIPS.filter(({ peer }) => medians[peer] !== undefined).flatMap(({ peer, ratio: most, why }) =>
      ['round trip p50', 'round trip p99'].map((load) => atMost(`${load}, of ${peer}`, ratio(peer, load), most, why)),
    ),
  ];
}
