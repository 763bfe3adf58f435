import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOOL_ENVIRONMENT } from '../../native-free/tool.ts';
import { type AttackName, planOf } from './attacks.ts';
import { withFolder } from './c-program.ts';
import { disturb } from './disturbance.ts';
import { Tapyard } from './rig/forwarders.ts';
import { Generator } from './rig/generator.ts';
import { OpenVswitch } from './rig/open-vswitch.ts';
import { type End, Rig } from './rig/rig.ts';
import { atLeast, atMost, type Bar, median } from './statistics.ts';
import { lookAtThreads, shareWaited } from './threads.ts';
import { whyVoid } from './void-round.ts';

export const NOISY_PEERS = ['tapyard', 'ovs'] as const;
export type NoisyPeer = (typeof NOISY_PEERS)[number];

const LENGTH = 60;
const WARM_MS = 1500;
const FULL_SECONDS = 1;
/** A switch that waited longer than that for a processor had not the time that its share was measured in: void, too. */
const MOST_WAITED = 0.05;
/** An attacker of whom the switch took nearly all did not have always another frame. */
const BACKLOGGED = 0.95;
const NOISE_MACS = ['02:00:00:00:02:0a', '02:00:00:00:02:0b'] as const;

export interface TapFigures {
  readonly offeredPps: number;
  readonly delivered: number;
  /** Milliseconds, one way. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly p999: number };
  /** Share of the time for which the switch waited for a processor. */
  readonly waited: number;
  /** Why the round says nothing; null: it does. */
  readonly void: string | null;
}

export interface NoisyTapRound {
  readonly round: number;
  readonly forwarder: NoisyPeer;
  readonly attack: AttackName;
  readonly fairPps: number;
  readonly alone: TapFigures;
  readonly attacked: TapFigures;
  /** Frames/s of the attacker that were offered, and that the switch took. */
  readonly attackOfferedPps: number;
  readonly attackPps: number;
  readonly disturbance: string | null;
}

export interface NoisyTapResult {
  readonly form: 'tap';
  readonly bars: readonly Bar[];
  readonly left: readonly string[];
  readonly rounds: readonly NoisyTapRound[];
}

export interface NoisyTapOptions {
  readonly peers: readonly NoisyPeer[];
  readonly attacks: readonly AttackName[];
  readonly rounds: number;
  readonly seconds: number;
}

/**
 * The same between namespaces, through TAPs, beside Open vSwitch's userspace datapath with a bridge for each of both. The victim sends half of
 * its fair share, which is half of what the switch takes from it alone; delays are by the kernel's stamps of arrival. All generators
 * share one processor, of which the attacker's gets what the victim's leaves; the switch has the others.
 */
export async function benchNoisyTap(options: NoisyTapOptions, say: (line: string) => void): Promise<NoisyTapResult> {
  const left: string[] = [];
  const peers = options.peers.filter((peer) => {
    const why = peer === 'ovs' ? OpenVswitch.missing(false) : null;
    if (why !== null) left.push(`${peer}: ${why}`);
    return why === null;
  });
  for (const line of left) say(`left out: ${line}`);
  const rounds: NoisyTapRound[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const attack of options.attacks) {
      for (const forwarder of round % 2 === 1 ? peers : peers.toReversed()) {
        if (forwarder === 'ovs' && planOf(attack).flows === null) continue;
        // Garbage is made on the control thread, which is in another process here.
        if (planOf(attack).disturbance === 'garbage') continue;
        const one = await aRound(round, forwarder, attack, options.seconds);
        rounds.push(one);
        say(described(one));
      }
    }
  }
  return { form: 'tap', bars: tapBars(rounds), left, rounds };
}

async function aRound(
  round: number,
  forwarder: NoisyPeer,
  attack: AttackName,
  seconds: number,
): Promise<NoisyTapRound> {
  return await withFolder(async (folder) => {
    const tag = (process.pid % 36 ** 4).toString(36);
    const victim = new Rig(`tv${tag}`);
    const noise = new Rig(`tn${tag}`);
    const plan = planOf(attack);
    const ours = join(folder, 'noise.mgmt');
    const ovs = forwarder === 'ovs' ? new OpenVswitch(folder, 'default') : null;
    const own = ovs === null ? new Tapyard(folder, () => configOf(victim, noise, plan.config?.(ours) ?? '')) : null;
    victim.open();
    noise.open();
    try {
      await own?.start(victim);
      await ovs?.start(victim, [noise]);
      const pid = own?.pid ?? ovs?.pid ?? 0;
      keepApart(pid);
      await victim.join();
      await noise.joinSilent(NOISE_MACS);
      if (ovs !== null && plan.flows) ovs.setFlows(noise, plan.flows());
      await victim.blast({ seconds: FULL_SECONDS, length: LENGTH, flows: 1 });
      const fairPps = Math.round((await victim.blast({ seconds: FULL_SECONDS, length: LENGTH, flows: 1 })).pps / 2);
      const alone = await probed(victim, pid, Math.round(fairPps / 2), seconds);
      const attacker = await Generator.attacker(noise.a, attack, seconds);
      const disturber = plan.disturbance ? disturb(plan.disturbance, ovs?.socketOf(noise) ?? ours) : null;
      await sleep(WARM_MS);
      const before = { handed: noise.handed(), ms: performance.now() };
      const figures = await probed(victim, pid, Math.round(fairPps / 2), seconds);
      const attackPps = Math.round(((noise.handed() - before.handed) / (performance.now() - before.ms)) * 1000);
      const disturbance = disturber === null ? null : await disturber.stop();
      const attackOfferedPps = await attacker.stop();
      const isShort = attackPps > attackOfferedPps * BACKLOGGED;
      const attacked = isShort ? { ...figures, void: figures.void ?? 'the attacker fell short' } : figures;
      return { round, forwarder, attack, fairPps, alone, attacked, attackOfferedPps, attackPps, disturbance };
    } finally {
      await own?.stop();
      await ovs?.stop();
      victim.close();
      noise.close();
    }
  });
}

/** The generators' processor is theirs: the switch has all others, if there are any. */
function keepApart(pid: number): void {
  const last = cpus().length - 1;
  if (last > 0)
    spawnSync('taskset', ['-a', '-c', '-p', `1-${last}`, String(pid)], { env: TOOL_ENVIRONMENT, stdio: 'ignore' });
}

async function probed(victim: Rig, pid: number, pps: number, seconds: number): Promise<TapFigures> {
  const before = { received: victim.received(), threads: lookAtThreads(pid) };
  const { sent, took, probes, p50, p99, p999 } = await Generator.victim(victim, pps, seconds);
  const waited = shareWaited(before.threads, lookAtThreads(pid));
  const received = victim.received() - before.received;
  const offeredPps = Math.round(sent / took);
  return {
    offeredPps,
    delivered: Math.min(1, received / (sent + probes)),
    delayMs: { p50, p99, p999 },
    waited,
    void: whyVoid({ offeredPps, pps, waited, mostWaited: MOST_WAITED }),
  };
}

function configOf(victim: Rig, noise: Rig, config: string): string {
  const port = ({ device, netns }: End) => `{tap: ${device}, netns: ${netns}}`;
  const ports = ({ a, b }: Rig) => `    bridge: {ports: {a: ${port(a)}, b: ${port(b)}}}\n`;
  return `version: 1\ntenants:\n  victim:\n${ports(victim)}  noise:\n${ports(noise)}${config}`;
}

function described(one: NoisyTapRound): string {
  const { round, forwarder, attack, fairPps, alone, attacked, disturbance } = one;
  const noise = `${kpps(one.attackOfferedPps)} offered, ${kpps(one.attackPps)} taken${disturbance === null ? '' : `, ${disturbance}`}`;
  return `round ${round}, ${forwarder}, ${attack} (${noise}): of ${kpps(attacked.offeredPps)} (fair: ${kpps(fairPps)}) ${figures(attacked)}; alone ${figures(alone)}`;
}

function figures({ delivered, delayMs: { p50, p99 }, waited, void: why }: TapFigures): string {
  return `${(delivered * 100).toFixed(2)} % in ${p50.toFixed(3)} ms, p99 ${p99.toFixed(3)}${why === null ? '' : ` (void: ${why}, ${(waited * 100).toFixed(0)} % waited)`}`;
}

function kpps(pps: number): string {
  return `${Math.round(pps / 1000)} kpps`;
}

/** Of Tapyard's rounds; void ones say nothing. */
export function tapBars(all: readonly NoisyTapRound[]): Bar[] {
  const ours = all.filter(({ forwarder }) => forwarder === 'tapyard');
  return [...new Set(ours.map(({ attack }) => attack))].flatMap((attack) => {
    const rounds = ours.filter(
      (round) => round.attack === attack && round.attacked.void === null && round.alone.void === null,
    );
    const delivered = median(rounds.map(({ attacked }) => attacked.delivered));
    const ratio = median(rounds.map(({ attacked, alone }) => attacked.delayMs.p99 / alone.delayMs.p99));
    return [
      atLeast(`delivered beside ${attack}`, delivered, 0.95, 'a tenant pays for what it does, not its neighbours'),
      atMost(`p99 beside ${attack}, of p99 alone`, ratio, 2, 'nor in time'),
    ];
  });
}
