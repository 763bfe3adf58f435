import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPeer, hasCompiler, runPeer, withFolder } from './c-program.ts';
import { fresh } from './fresh.ts';
import type { LiveFigures } from './lpm-live-run.ts';
import { addressesOf, type Family, LPM_MIXES, type LpmFigures, type LpmMix, routesOf } from './lpm-run.ts';
import { atLeast, atMost, type Bar, median, rounded } from './statistics.ts';

const WARM_UP = 2;
const PASSES = 6;

/** The C twin's nanoseconds a look-up, and the checksum of what it found. */
type PeerFigures = Readonly<Record<LpmMix, { readonly nanoseconds: number; readonly checksum: number }>>;

export interface LpmRound {
  readonly v4: LpmFigures;
  readonly v6: LpmFigures;
  /** Null without a compiler. */
  readonly c: PeerFigures | null;
  /** The same routes on a running switch. */
  readonly live: { readonly v4: LiveFigures; readonly v6: LiveFigures };
}

export interface LpmResult {
  readonly verified: boolean;
  readonly bars: readonly Bar[];
  readonly rounds: readonly LpmRound[];
}

/**
 * Longest-prefix match of a whole table beside a C program: DIR-24-8, IPv4, built once (bench/peers/lpm.c). Look-ups go in batches
 * of 256; each round runs the program and both tables in fresh processes, by turns. Results are compared with the C program's, with
 * single look-ups, and with a slow twin that asks a map for each length. Then a running switch changes all of them while it forwards.
 * @param source a file of prefixes, or '-' for synthetic ones
 */
export async function benchLpm(source: string, rounds: number, say: (line: string) => void): Promise<LpmResult> {
  const compiler = hasCompiler();
  if (!compiler) say('gcc is not there: no C twin; results are checked by the slow twin alone');
  const routes = routesOf(source, '4');
  const done = await withFolder((folder) => {
    const program = compiler ? buildPeer('lpm', folder) : null;
    const order = Array.from(routes.lengths.keys()).sort((a, b) => routes.lengths[a] - routes.lengths[b]);
    const records = order.flatMap((i) => [routes.prefixes[i], routes.lengths[i], routes.values[i]]);
    writeFileSync(join(folder, 'routes'), Int32Array.from(records));
    for (const which of LPM_MIXES) writeFileSync(join(folder, which), addressesOf(routes, '4', which));
    const all: LpmRound[] = [];
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0 ? peer(program, folder) : null;
      const v4 = fresh<LpmFigures>('lpm', [source, '4' satisfies Family]);
      const v6 = fresh<LpmFigures>('lpm', [source, '6' satisfies Family]);
      const c = round % 2 === 0 ? first : peer(program, folder);
      const live = {
        v4: fresh<LiveFigures>('lpm-live', [source, '4' satisfies Family]),
        v6: fresh<LiveFigures>('lpm-live', [source, '6' satisfies Family]),
      };
      all.push({ v4, v6, c, live });
      const figures = (of: (which: LpmMix) => number | undefined) =>
        LPM_MIXES.map((which) => rounded(of(which) ?? Number.NaN)).join(', ');
      say(
        `round ${round + 1}, ns (${LPM_MIXES.join(', ')}): IPv4 ${figures((which) => v4.nanoseconds[which])}; ` +
          `IPv6 ${figures((which) => v6.nanoseconds[which])}; C ${figures((which) => c?.[which].nanoseconds)}`,
      );
      say(`round ${round + 1}, while it forwards: IPv4 ${liveText(live.v4)}; IPv6 ${liveText(live.v6)}`);
    }
    return all;
  });
  const agree = ({ v4, c }: LpmRound) =>
    c === null || LPM_MIXES.every((which) => c[which].checksum === v4.checksums[which]);
  const right = ({ v4, v6, live }: LpmRound) => [v4, v6, live.v4, live.v6].every(({ wrong }) => wrong === 0);
  const verified = done.every((round) => right(round) && agree(round));
  return { verified, bars: barsOf(done), rounds: done };
}

function liveText({ changesPerSecond, forwardedPerSecond: { before, during }, lost }: LiveFigures): string {
  return `${rounded(changesPerSecond)} changes/s, ${during} frames/s of ${before}, ${lost} lost`;
}

function peer(program: string | null, folder: string): PeerFigures | null {
  if (program === null) return null;
  const measured = (which: LpmMix) => {
    const words = [join(folder, 'routes'), join(folder, which), String(WARM_UP + PASSES)];
    const passes = runPeer(program, words).trim().split('\n').slice(WARM_UP);
    const nanoseconds = passes.reduce((sum, line) => sum + Number(line.split(' ')[0]), 0) / PASSES;
    return { nanoseconds, checksum: Number(passes[0].split(' ')[1]) };
  };
  return { random: measured('random'), inside: measured('inside'), half: measured('half') };
}

function barsOf(rounds: readonly LpmRound[]): Bar[] {
  const bars: Bar[] = [];
  const small = 'a look-up costs a few percent of what a frame costs';
  for (const family of ['v4', 'v6'] as const) {
    const name = family === 'v4' ? 'IPv4' : 'IPv6';
    for (const which of LPM_MIXES) {
      const ratios = rounds.flatMap(({ c, [family]: ours }) =>
        c === null ? [] : [c[which].nanoseconds / ours.nanoseconds[which]],
      );
      if (ratios.length === 0) continue;
      bars.push(atLeast(`${name}, ${which}: rate of C's IPv4`, median(ratios), family === 'v4' ? 0.7 : 0.35, small));
    }
    const changes = median(rounds.map(({ [family]: ours }) => ours.changesPerSecond));
    bars.push(atLeast(`${name}: changes a second`, changes, 200_000, 'a full BGP table comes in within seconds'));
    const live = rounds.map((round) => round.live[family]);
    const applied = median(live.map((one) => one.changesPerSecond));
    bars.push(
      atLeast(`${name}: changes a second, file to workers that forward`, applied, 200_000, 'the same, of a switch'),
    );
    bars.push(
      atMost(`${name}: frames lost meanwhile`, Math.max(...live.map(({ lost }) => lost)), 0, 'each had a route'),
    );
  }
  bars.push(atMost('IPv4: bytes of shared memory', rounds[0].v4.bytes, 40e6, 'it is kept for each tenant that has it'));
  return bars;
}
