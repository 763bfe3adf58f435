import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AclFigures, HEADERS, SEED } from './acl-run.ts';
import { buildPeer, hasCompiler, runPeer, withFolder } from './c-program.ts';
import { readClassBench } from './classbench.ts';
import { headersFor, MIXES, type Mix, packRules } from './five-tuple.ts';
import { fresh } from './fresh.ts';
import { atLeast, atMost, type Bar, median, rounded } from './statistics.ts';

const PEERS = ['linear', 'tuple'] as const;
type Peer = (typeof PEERS)[number];

export interface AclRound {
  readonly mix: Mix;
  readonly ours: AclFigures;
  /** Nanoseconds a look-up of the C twins; null without a compiler. */
  readonly peers: Readonly<Record<Peer, number>> | null;
}

export interface AclResult {
  readonly rules: number;
  readonly verified: boolean;
  readonly bars: readonly Bar[];
  readonly rounds: readonly AclRound[];
}

/**
 * Access lists without a flow cache: look-ups and changes of a ClassBench filter set in a rule table, and look-ups in the compiled list
 * of the path, beside C programs that ask every rule in turn, and that search tuple space. Every round runs each in a
 * fresh process, by turns, on headers inside of the rules and on random ones; every result is compared with the slow twins'.
 */
export async function benchAcl(path: string, rounds: number, say: (line: string) => void): Promise<AclResult> {
  const rules = readClassBench(path);
  const compiler = hasCompiler();
  if (!compiler) say('gcc is not there: no C twins; results are checked by the slow twin alone');
  const done = await withFolder((folder) => {
    const program = compiler ? buildPeer('acl', folder) : null;
    writeFileSync(join(folder, 'rules'), packRules(rules));
    for (const mix of MIXES) writeFileSync(join(folder, mix), headersFor(rules, HEADERS, mix, SEED));
    const all: AclRound[] = [];
    for (let round = 0; round < rounds; round++) {
      for (const mix of MIXES) {
        const one = aRound(path, mix, folder, program, round);
        all.push(one);
        const { nanoseconds, p50, p99, listNanoseconds, changesPerSecond } = one.ours;
        say(
          `round ${round + 1}, ${mix}: table ${ns(nanoseconds)} (single p50 ${ns(p50)}, p99 ${ns(p99)}), list ${ns(listNanoseconds)}, ` +
            `${rounded(changesPerSecond)} changes/s; C tuple space ${ns(one.peers?.tuple)}, linear ${ns(one.peers?.linear)}`,
        );
      }
    }
    return all;
  });
  const verified = done.every(({ ours }) => ours.wrong === 0);
  return { rules: rules.length, verified, bars: barsOf(done), rounds: done };
}

function ns(value: number | undefined): string {
  return value === undefined ? 'none' : `${rounded(value)} ns`;
}

/** One side after the other, the first one first in every second round. */
function aRound(path: string, mix: Mix, folder: string, program: string | null, round: number): AclRound {
  const mine = join(folder, 'ours');
  let ours: AclFigures | null = null;
  let peers: Record<Peer, number> | null = null;
  const results = new Map<Peer, Int32Array>();
  const runOurs = () => {
    ours = fresh<AclFigures>('acl', [path, mix, mine]);
  };
  const runPeers = () => {
    if (program === null) return;
    peers = { linear: 0, tuple: 0 };
    for (const peer of PEERS) {
      const file = join(folder, peer);
      // Asking every rule is slow, and one pass tells: the others warm up first.
      const passes = peer === 'linear' ? 1 : 4;
      const lines = runPeer(program, [peer, join(folder, 'rules'), join(folder, mix), String(passes), file]);
      const last = lines.trim().split('\n').slice(-3);
      peers[peer] = median(last.map((line) => Number(line.split(' ')[0])));
      results.set(peer, wordsOf(file));
    }
  };
  for (const run of round % 2 === 0 ? [runPeers, runOurs] : [runOurs, runPeers]) run();
  const figures = ours as AclFigures | null;
  if (figures === null) throw new Error('a round has no figures');
  const found = wordsOf(mine);
  let { wrong } = figures;
  for (const words of results.values()) for (let i = 0; i < words.length; i++) if (words[i] !== found[i]) wrong++;
  return { mix, ours: { ...figures, wrong }, peers };
}

function wordsOf(file: string): Int32Array {
  const bytes = readFileSync(file);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
}

function barsOf(rounds: readonly AclRound[]): Bar[] {
  const bars: Bar[] = [];
  for (const mix of MIXES) {
    const of = rounds.filter((round) => round.mix === mix);
    const ratios = of.flatMap(({ ours, peers }) => (peers === null ? [] : [peers.tuple / ours.nanoseconds]));
    const why = 'a list costs no more than in a switch that is written in C';
    if (ratios.length > 0) bars.push(atLeast(`rate of the C tuple-space twin, ${mix}`, median(ratios), 0.5, why));
    const spread = median(of.map(({ ours }) => ours.p99 / ours.p50));
    bars.push(
      atMost(`slowest 1 % of look-ups to the median, ${mix}`, spread, 10, 'no header that a sender picks is a cliff'),
    );
    const changes = median(of.map(({ ours }) => ours.changesPerSecond));
    bars.push(atLeast(`rule changes a second, ${mix}`, changes, 60_000, 'what a controller sends in a storm'));
  }
  return bars;
}
