import { withFolder } from './c-program.ts';
import { type Reconfiguration, reconfigurationLine, reconfigured } from './reconfiguration.ts';
import { type Forwarder, type ForwarderName, forwarderOf, Tapyard } from './rig/forwarders.ts';
import { Rig } from './rig/rig.ts';
import { quantile } from './statistics.ts';

/** Frame sizes of RFC 2544, section 9.1, with FCS; 0: the Internet mix. */
export const SIZES = [64, 128, 256, 512, 1024, 1280, 1518, 0] as const;
const FCS = 4;
/** Seconds that the RFC asks of a trial (section 24), and of one for latency (26.2). */
const RFC_SECONDS = 60;
const RFC_LATENCY_SECONDS = 120;
const RFC_LATENCY_TRIALS = 20;
const PARTIAL_LOSS = 0.005;
/** The search ends when it knows the rate so well. */
const RESOLUTION = 0.02;
/** Below this share of what the generator does unpaced, falling short is the machine's doing. */
const NEAR_TOP = 0.9;
const MOST_TRIALS = 12;
const MOST_BURST = 1 << 15;
const STEPS = [1, 0.9, 0.8, 0.7, 0.6, 0.5];

export interface Rfc2544Options {
  readonly forwarder: ForwarderName;
  readonly sizes: readonly number[];
  /** Of a trial. */
  readonly seconds: number;
  readonly flows: number;
}

export interface Trial {
  readonly ratePps: number;
  readonly offeredPps: number;
  readonly sent: number;
  readonly lost: number;
  /** The generator fell short of the rate, so that it says nothing about it. */
  readonly short: boolean;
}

export interface SizeResult {
  /** With FCS; 0: the Internet mix. */
  readonly size: number;
  /** Highest rates without loss, and with at most 0.5 %, frames/s. */
  readonly ndrPps: number;
  readonly pdrPps: number;
  readonly ndrMbits: number;
  /** The generator could not offer more than the switch takes: the rates are at least these. */
  readonly generatorLimited: boolean;
  /** Round trips of an echo beside the load at the rate without loss, milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly most: number; readonly echoes: number };
  /** Share lost by share of the highest rate that was offered. */
  readonly lossRate: readonly { readonly load: number; readonly loss: number }[];
  /** Longest burst at full speed without loss, frames. */
  readonly backToBack: number;
  readonly trials: readonly Trial[];
}

export interface Rfc2544Result {
  readonly forwarder: ForwarderName;
  readonly abridged: string | null;
  readonly sizes: readonly SizeResult[];
  readonly resetMs: number;
  /** Null: the switch has no configuration to apply. */
  readonly reconfiguration: Reconfiguration | null;
}

/**
 * The tests of RFC 2544 between two TAPs: throughput (26.1), latency (26.2), frame loss rate (26.3), back-to-back frames (26.4) and reset
 * (26.6). Rates are found by binary search, of no loss (NDR) and of 0.5 % (PDR). Shorter trials than the RFC's are called abridged.
 */
export async function benchRfc2544(options: Rfc2544Options, say: (line: string) => void): Promise<Rfc2544Result> {
  return await withFolder(async (folder) => {
    const rig = new Rig(`ty${(process.pid % 36 ** 4).toString(36)}`);
    const forwarder = forwarderOf(options.forwarder, folder);
    rig.open();
    try {
      await forwarder.start(rig);
      await rig.join();
      await rig.blast({ seconds: 2, length: 60, flows: options.flows });
      const sizes: SizeResult[] = [];
      for (const size of options.sizes) {
        const result = await aSize(rig, size, options);
        sizes.push(result);
        say(described(result));
      }
      await forwarder.stop();
      const began = performance.now();
      await forwarder.start(rig);
      await rig.join();
      const resetMs = performance.now() - began;
      say(`reset: ${resetMs.toFixed(0)} ms from the start of the process until frames are forwarded`);
      const reconfiguration = await whileReconfigured(forwarder, rig, sizes, options.seconds);
      if (reconfiguration !== null) say(`reconfiguration: ${reconfigurationLine(reconfiguration)}`);
      const short = options.seconds < RFC_SECONDS;
      const abridged = short
        ? `trials of ${options.seconds} s where RFC 2544 asks for ${RFC_SECONDS} s, and latency once where it asks for ${RFC_LATENCY_TRIALS} × ${RFC_LATENCY_SECONDS} s`
        : null;
      return { forwarder: options.forwarder, abridged, sizes, resetMs, reconfiguration };
    } finally {
      await forwarder.stop();
      rig.close();
    }
  });
}

/** At half of the lowest rate that was found to be without loss. */
async function whileReconfigured(
  forwarder: Forwarder,
  rig: Rig,
  sizes: readonly SizeResult[],
  seconds: number,
): Promise<Reconfiguration | null> {
  if (!(forwarder instanceof Tapyard) || sizes.length === 0) return null;
  return await reconfigured(forwarder, rig, Math.min(...sizes.map(({ ndrPps }) => ndrPps)) / 2, seconds);
}

async function aSize(rig: Rig, size: number, { seconds, flows }: Rfc2544Options): Promise<SizeResult> {
  const length = size === 0 ? 0 : size - FCS;
  const trials: Trial[] = [];
  const trial = async (ratePps: number): Promise<Trial> => {
    const { sent, received, offeredPps } = await rig.blast({ seconds, length, flows, pps: ratePps });
    const one = { ratePps, offeredPps, sent, lost: sent - received, short: offeredPps < ratePps * (1 - RESOLUTION) };
    trials.push(one);
    return one;
  };
  const full = await rig.blast({ seconds, length, flows });
  const top = full.offeredPps;
  const ndr = await search(trial, top, full.pps, 0, 0);
  const pdr = await search(trial, top, Math.max(full.pps, ndr.pps), PARTIAL_LOSS, ndr.pps);
  const lossRate: { load: number; loss: number }[] = [];
  for (const load of STEPS) {
    const { sent, lost } = await trial(Math.max(1, Math.round(pdr.pps * load)));
    lossRate.push({ load, loss: lost / sent });
    // The RFC lets two trials without loss end the row.
    if (lossRate.length > 1 && lossRate.slice(-2).every(({ loss }) => loss === 0)) break;
  }
  const load = rig.blast({ seconds, length, flows, pps: Math.max(1, Math.round(ndr.pps)) });
  const echoes = await rig.roundTrips(Math.floor(seconds * 90), 0.01);
  await load;
  const bytes = size === 0 ? (7 * 64 + 4 * 594 + 1518) / 12 : size;
  return {
    size,
    ndrPps: Math.round(ndr.pps),
    pdrPps: Math.round(pdr.pps),
    ndrMbits: (ndr.pps * (bytes + 20) * 8) / 1e6,
    generatorLimited: ndr.limited,
    latency: {
      p50: quantile(echoes, 0.5),
      p99: quantile(echoes, 0.99),
      most: quantile(echoes, 1),
      echoes: echoes.length,
    },
    lossRate,
    backToBack: await longestBurst(rig, length, flows),
    trials,
  };
}

/** Highest rate that loses no more than a share. @param guess a rate near it @param known a rate that is low enough */
export async function search(
  trial: (ratePps: number) => Promise<Trial>,
  top: number,
  guess: number,
  share: number,
  known: number,
): Promise<{ pps: number; limited: boolean }> {
  let low = known;
  let high = Math.max(top, known);
  let rate = Math.min(guess, high);
  for (let tries = 0; tries < MOST_TRIALS && high - low > high * RESOLUTION; tries++) {
    const { sent, lost, short, offeredPps } = await trial(Math.max(1, Math.round(rate)));
    // The machine had no time for the generator, although it can do more: void.
    if (short && rate < top * NEAR_TOP) continue;
    if (lost <= sent * share) {
      low = Math.min(rate, offeredPps);
      // It cannot offer more: what the switch would do with more is not known.
      if (short) return { pps: low, limited: true };
    } else high = rate;
    rate = (low + high) / 2;
  }
  return { pps: low, limited: low >= top * (1 - RESOLUTION) };
}

async function longestBurst(rig: Rig, length: number, flows: number): Promise<number> {
  let low = 0;
  let high = MOST_BURST;
  for (let frames = 1024; high - low > Math.max(16, low * 0.05); frames = Math.floor((low + high) / 2)) {
    const { sent, received } = await rig.blast({ seconds: 5, length, flows, frames });
    if (received >= sent) low = frames;
    else high = frames;
    if (low === 0 && high <= 16) break;
  }
  return low;
}

function nameOf(size: number): string {
  return size === 0 ? 'IMIX' : `${size} B`;
}

function described({ size, ndrPps, pdrPps, latency, backToBack, generatorLimited }: SizeResult): string {
  const limited = generatorLimited ? ' (the generator is the limit)' : '';
  return `${nameOf(size)}: NDR ${ndrPps} frames/s${limited}, PDR ${pdrPps}, round trip p50 ${latency.p50.toFixed(3)} ms, p99 ${latency.p99.toFixed(3)}, back-to-back ${backToBack}`;
}

/** The tables of RFC 2544 as text. */
export function rfc2544Tables({ forwarder, abridged, sizes, resetMs, reconfiguration }: Rfc2544Result): string[] {
  const row = (cells: readonly (string | number)[]) => cells.map((cell) => String(cell).padStart(14)).join('');
  return [
    `RFC 2544, ${forwarder}${abridged === null ? '' : `; abridged: ${abridged}`}`,
    row(['frame', 'NDR frames/s', 'NDR Mbit/s', 'PDR frames/s', 'p50 ms', 'p99 ms', 'most ms', 'back-to-back']),
    ...sizes.map(({ size, ndrPps, ndrMbits, pdrPps, latency, backToBack, generatorLimited }) =>
      row([
        ...[nameOf(size), generatorLimited ? `>= ${ndrPps}` : ndrPps, ndrMbits.toFixed(0), pdrPps],
        ...[latency.p50.toFixed(3), latency.p99.toFixed(3), latency.most.toFixed(3), backToBack],
      ]),
    ),
    row(['frame', ...STEPS.map((load) => `${load * 100} % load`)]),
    ...sizes.map(({ size, lossRate }) =>
      row([nameOf(size), ...STEPS.map((load) => lossOf(lossRate.find((one) => one.load === load)?.loss))]),
    ),
    `reset: ${resetMs.toFixed(0)} ms`,
    ...(reconfiguration === null ? [] : [`reconfiguration: ${reconfigurationLine(reconfiguration)}`]),
  ];
}

function lossOf(loss: number | undefined): string {
  return loss === undefined ? '-' : `${(loss * 100).toFixed(3)} %`;
}
