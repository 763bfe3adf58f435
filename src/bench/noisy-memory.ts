import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../control/config/load.ts';
import { Switch } from '../control/switch.ts';
import { WORKER_THREAD } from '../control/worker-handle.ts';
import { delayQuantile } from '../port/delays.ts';
import { STAMP } from '../port/pace.ts';
import { answerFrame, plainFrame } from './attack-frames.ts';
import { type AttackName, planOf } from './attacks.ts';
import { withFolder } from './c-program.ts';
import { disturb } from './disturbance.ts';
import { packFrames, Replay, TOO_MANY } from './frames.ts';
import { lookAtThreads, shareWaited } from './threads.ts';
import { whyVoid } from './void-round.ts';

const WARM_MS = 1500;
const SETTLE_MS = 300;
const LEARN_MS = 100;
const ORDINARY = ['one', 'two'] as const;

export interface MemoryRound {
  readonly round: number;
  readonly attack: AttackName;
  /** Frames/s that the victim gets beside another tenant that always has frames, and sends: half of that. */
  readonly fairPps: number;
  readonly victimPps: number;
  readonly alone: VictimFigures;
  readonly attacked: VictimFigures;
  /** Frames/s of the attacker that the switch took, and what else went on. */
  readonly attackPps: number;
  readonly disturbance: string | null;
}

export interface VictimFigures {
  readonly offeredPps: number;
  /** Share of what was due that came out. */
  readonly delivered: number;
  /** Microseconds from when a frame was due until it was handed to the other port. */
  readonly delayUs: { readonly p50: number; readonly p99: number; readonly p999: number };
  /** Share of the time for which the worker waited for a processor, since the kernel gave it to another thread. */
  readonly waited: number;
  /** Why the round says nothing; null: it does. */
  readonly void: string | null;
}

/** What p99 tells of: where the kernel keeps the worker, by whose clock the frames come, from a processor for longer, it tells of that. */
const MOST_WAITED = 0.01;

/** For run.ts. @param words round, attack, seconds */
export async function runNoisy(...[round, attack, seconds]: string[]): Promise<MemoryRound> {
  return await memoryRound(Number(round), attack as AttackName, Number(seconds));
}

/**
 * One attack in memory: the whole switch, its own workers, two tenants on memory ports. The victim's frames come by the clock whether
 * anybody reads them or not; the attacker always has another frame. So the machine's other load, and what generators cost, weigh as
 * little as can be, and what is seen is how the switch shares its time.
 */
async function memoryRound(round: number, attack: AttackName, seconds: number): Promise<MemoryRound> {
  return await withFolder(async (folder) => {
    const plan = planOf(attack);
    const socket = join(folder, 'noise.mgmt');
    const file = join(folder, 'noisy.yaml');
    writeFileSync(file, configOf(attack, socket));
    const model = await loadConfig(file);
    const nothing = packFrames([]);
    const answer = packFrames([answerFrame()]);
    const plain = packFrames([unstamped(plainFrame())]);
    const byTheClock = () => ({ a: new Replay(plain, true), b: new Replay(answer, false, true) });
    const victim = byTheClock();
    const noise = { a: new Replay(packFrames(plan.frames())), b: new Replay(answer) };
    // Two who are as the victim is, clocks and all, and have always another frame: what each gets is its fair share.
    const fair = ORDINARY.map((name) => ({ name, ...byTheClock() }));
    const all: (readonly [string, Replay])[] = [
      ...[{ name: 'victim', ...victim }, { name: 'noise', ...noise }, ...fair].flatMap(({ name, a, b }) => [
        [`${name}/a`, a] as const,
        [`${name}/b`, b] as const,
      ]),
      ...portsOf(attack)
        .slice(2)
        .map((name) => [`noise/${name}`, new Replay(nothing)] as const),
    ];
    const running = await Switch.start(model, { replay: new Map(all.map(([name, { handles }]) => [name, [handles]])) });
    const wake = () => {
      for (const worker of running.workers) worker.wake();
    };
    try {
      for (const [name, replay] of all) if (name.endsWith('/b')) replay.left = 1;
      wake();
      await sleep(LEARN_MS);
      const fairPps = await fairShare(fair, wake);
      const victimPps = Math.round(fairPps / 2);
      victim.a.perSecond = victimPps;
      victim.a.left = -1;
      wake();
      await sleep(SETTLE_MS);
      const alone = await figures(victim.a, victim.b, victimPps, seconds);
      noise.a.left = -1;
      const disturber = plan.disturbance === undefined ? null : disturb(plan.disturbance, socket);
      await sleep(WARM_MS);
      const before = noise.a.received;
      const began = performance.now();
      const attacked = await figures(victim.a, victim.b, victimPps, seconds);
      const attackPps = Math.round(((noise.a.received - before) / (performance.now() - began)) * 1000);
      const disturbance = disturber === null ? null : await disturber.stop();
      return { round, attack, fairPps, victimPps, alone, attacked, attackPps, disturbance };
    } finally {
      for (const [, replay] of all) replay.left = 0;
      await running.stop();
    }
  });
}

/** With no number where a time may be written. */
function unstamped(frame: Uint8Array): Uint8Array {
  return frame.fill(0xff, frame.length - STAMP);
}

/** Frames/s that each of two tenants gets that send ordinary frames, more than the switch takes. */
async function fairShare(fair: readonly { readonly a: Replay; readonly b: Replay }[], wake: () => void) {
  const sent = () => fair.reduce((sum, { b }) => sum + b.transmitted, 0);
  for (const { a } of fair) {
    a.perSecond = TOO_MANY;
    a.left = -1;
  }
  wake();
  await sleep(WARM_MS);
  const before = sent();
  const beganUs = fair[0].a.clockUs;
  await sleep(1000);
  const share = ((sent() - before) / (fair[0].a.clockUs - beganUs)) * 1e6;
  for (const { a } of fair) {
    a.perSecond = 0;
    a.left = 0;
  }
  await sleep(SETTLE_MS);
  return Math.round(share / fair.length);
}

async function figures(from: Replay, to: Replay, pps: number, seconds: number): Promise<VictimFigures> {
  const look = () => ({
    offered: from.offered,
    sent: to.transmitted,
    clockUs: from.clockUs,
    delays: to.delays(),
    threads: lookAtThreads('self'),
  });
  const before = look();
  await sleep(seconds * 1000);
  const after = look();
  const offered = after.offered - before.offered;
  const usedUs = after.clockUs - before.clockUs;
  const offeredPps = (offered / usedUs) * 1e6;
  const delay = (share: number) => Number(delayQuantile(share, before.delays, after.delays).toFixed(2));
  const waited = shareWaited(before.threads, after.threads, WORKER_THREAD);
  return {
    offeredPps: Math.round(offeredPps),
    delivered: Math.min(1, (after.sent - before.sent) / offered),
    delayUs: { p50: delay(0.5), p99: delay(0.99), p999: delay(0.999) },
    waited,
    void: whyVoid({ offeredPps, pps, waited, mostWaited: MOST_WAITED }),
  };
}

function portsOf(attack: AttackName): string[] {
  return ['a', 'b', ...Array.from({ length: (planOf(attack).ports ?? 2) - 2 }, (_, i) => `p${i}`)];
}

function configOf(attack: AttackName, socket: string): string {
  const bridge = (names: readonly string[]) =>
    `    bridge: {ports: {${names.map((name) => `${name}: {memory: true}`).join(', ')}}}\n`;
  const ordinary = ['victim', ...ORDINARY].map((name) => `  ${name}:\n${bridge(['a', 'b'])}`).join('');
  return `version: 1\nworkers: 1\ntenants:\n${ordinary}  noise:\n${bridge(portsOf(attack))}${planOf(attack).config?.(socket) ?? ''}`;
}
