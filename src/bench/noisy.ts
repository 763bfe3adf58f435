import { withFolder } from './c-program.ts';
import { Tapyard } from './rig/forwarders.ts';
import { type End, Rig } from './rig/rig.ts';
import { atLeast, atMost, type Bar, median, quantile } from './statistics.ts';

/** What the neighbour does meanwhile. */
export const ATTACKS = ['alone', 'flood', 'flows', 'acl', 'broadcast', 'unknown'] as const;
export type Attack = (typeof ATTACKS)[number];

const SENTENCES: Readonly<Record<Attack, string>> = {
  alone: 'nothing',
  flood: 'shortest frames, one flow, as fast as the kernel takes them',
  flows: 'the same in 4,000 flows, each with a port of its own, so that caches miss',
  acl: 'the same through an access list of 10,000 rules that none matches',
  broadcast: 'the same to everybody',
  unknown: 'the same to an address behind its router that does not answer',
};

const ACL_RULES = 10_000;
const FLOOD_FLOWS = 4000;
const LENGTH = 60;
const MOST_SHORT = 0.02;

export interface NoisyOptions {
  readonly attacks: readonly Attack[];
  readonly rounds: number;
  readonly seconds: number;
}

export interface NoisyRound {
  readonly round: number;
  readonly attack: Attack;
  readonly victimPps: number;
  readonly offeredPps: number;
  readonly attackPps: number;
  /** Share of what the victim sent that came out. */
  readonly delivered: number;
  readonly roundTripMs: { readonly p50: number; readonly p99: number };
  /** The victim's generator fell short of its rate: the round says nothing. */
  readonly void: boolean;
}

export interface NoisyResult {
  readonly fairPps: number;
  readonly bars: readonly Bar[];
  readonly rounds: readonly NoisyRound[];
}

/**
 * A tenant beside a neighbour who attacks the switch: how much of what it sends at half of its fair share comes out, and how long an echo
 * takes, against the same when it is alone. Its fair share is half of what the switch forwards for it alone.
 */
export async function benchNoisy(options: NoisyOptions, say: (line: string) => void): Promise<NoisyResult> {
  return await withFolder(async (folder) => {
    const tag = (process.pid % 36 ** 4).toString(36);
    const victim = new Rig(`tv${tag}`);
    const noise = new Rig(`tn${tag}`);
    const attacks: readonly Attack[] = ['alone', ...options.attacks.filter((attack) => attack !== 'alone')];
    const rounds: NoisyRound[] = [];
    let fairPps = 0;
    for (let round = 1; round <= options.rounds; round++) {
      for (const attack of round % 2 === 1 ? attacks : attacks.toReversed()) {
        const forwarder = new Tapyard(folder, () => configOf(victim, noise, attack));
        victim.open();
        noise.open();
        try {
          await forwarder.start(victim);
          await victim.join();
          await noise.join();
          const full = await victim.blast({ seconds: 1, length: LENGTH, flows: 1 });
          if (fairPps === 0) {
            fairPps = (await victim.blast({ seconds: options.seconds, length: LENGTH, flows: 1 })).pps / 2;
            say(`fair share: ${Math.round(fairPps)} frames/s (${Math.round(full.pps)} in the first second)`);
          }
          const one = await aRound(round, attack, victim, noise, Math.round(fairPps / 2), options.seconds);
          rounds.push(one);
          say(described(one));
        } finally {
          await forwarder.stop();
          victim.close();
          noise.close();
        }
      }
    }
    return { fairPps, bars: barsOf(rounds), rounds };
  });
}

function configOf(victim: Rig, noise: Rig, attack: Attack): string {
  const ports = ({ a, b }: Rig) => `{a: ${port(a)}, b: ${port(b)}}`;
  const rules = Array.from({ length: ACL_RULES }, (_, i) => {
    const from = `192.${1 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) << 4}/28`;
    return `          - {deny: {from: ${from}, proto: udp, dport: ${1 + (i % 60_000)}}}\n`;
  });
  const list =
    attack === 'acl'
      ? `    quota: {acl_rules: ${ACL_RULES + 1}}\n    acls:\n      long:\n        rules:\n${rules.join('')}          - {allow: any}\n        ingress: [a]\n`
      : '';
  const router =
    attack === 'unknown'
      ? `    router:\n      interfaces:\n        lan: {vlan: 1, addresses: [10.0.0.254/24, 10.8.0.1/16]}\n`
      : '';
  return `version: 1\ntenants:\n  victim:\n    bridge: {ports: ${ports(victim)}}\n  noise:\n    bridge: {ports: ${ports(noise)}}\n${router}${list}`;
}

function port({ device, netns }: End): string {
  return `{tap: ${device}, netns: ${netns}}`;
}

async function aRound(
  round: number,
  attack: Attack,
  victim: Rig,
  noise: Rig,
  pps: number,
  seconds: number,
): Promise<NoisyRound> {
  const longer = seconds + 2;
  const attacking = attack === 'alone' ? null : noise.attack(attack, { seconds: longer, length: LENGTH }, FLOOD_FLOWS);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [blast, times] = await Promise.all([
    victim.blast({ seconds, length: LENGTH, flows: 1, pps }),
    victim.roundTrips(Math.floor(seconds * 90), 0.01),
  ]);
  const noisePps = attacking === null ? 0 : await attacking;
  return {
    ...{ round, attack, victimPps: pps, offeredPps: blast.offeredPps, attackPps: noisePps },
    delivered: blast.received / blast.sent,
    roundTripMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
    void: blast.offeredPps < pps * (1 - MOST_SHORT),
  };
}

function described({ round, attack, delivered, roundTripMs, attackPps, ...rest }: NoisyRound): string {
  const { p50, p99 } = roundTripMs;
  const noise = attack === 'alone' ? '' : ` at ${Math.round(attackPps / 1000)} kpps`;
  const marked = rest.void ? '; void: the generator fell short' : '';
  return `round ${round}, beside ${attack} (${SENTENCES[attack]}${noise}): ${(delivered * 100).toFixed(2)} % delivered, round trip p50 ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)}${marked}`;
}

function barsOf(all: readonly NoisyRound[]): Bar[] {
  const rounds = all.filter((round) => !round.void);
  const alone = median(rounds.filter(({ attack }) => attack === 'alone').map(({ roundTripMs }) => roundTripMs.p99));
  return ATTACKS.filter((attack) => attack !== 'alone').flatMap((attack) => {
    const of = rounds.filter((round) => round.attack === attack);
    if (of.length === 0) return [];
    const delivered = median(of.map((round) => round.delivered));
    const p99 = median(of.map(({ roundTripMs }) => roundTripMs.p99));
    return [
      atLeast(`delivered beside ${attack}`, delivered, 0.95, 'a tenant pays for what it does, not its neighbours'),
      atMost(`p99 beside ${attack}, of p99 alone`, p99 / alone, 2, 'nor in time'),
    ];
  });
}
