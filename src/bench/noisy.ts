import { type AttackName, planOf } from './attacks.ts';
import { fresh } from './fresh.ts';
import type { MemoryRound, VictimFigures } from './noisy-memory.ts';
import { atLeast, atMost, type Bar, median } from './statistics.ts';

const DELIVERED = 0.95;
/** A round that was void is made again. */
const ATTEMPTS = 2;
/** Two turns of a worker, the one that is under way and the one in which the frame is read, each twice as long while who has saved time catches up. */
const MOST_DELAY_US = 80;

export interface NoisyOptions {
  readonly attacks: readonly AttackName[];
  readonly rounds: number;
  /** Of each attack, and of the time before it. */
  readonly seconds: number;
}

export interface NoisyResult {
  readonly form: 'memory';
  readonly bars: readonly Bar[];
  readonly rounds: readonly MemoryRound[];
}

/**
 * A tenant that sends half of its fair share, alone and then beside a neighbour who attacks the switch, in memory: how much of it comes
 * out, and how late. Each attack of each round has a switch and a process of its own: what the control thread leaves behind of others, and collects
 * in the midst of a round, is not the attacker's.
 */
export async function benchNoisy(options: NoisyOptions, say: (line: string) => void): Promise<NoisyResult> {
  const rounds: MemoryRound[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const attack of round % 2 === 1 ? options.attacks : options.attacks.toReversed()) {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const one = fresh<MemoryRound>('noisy', [String(round), attack, String(options.seconds)]);
        rounds.push(one);
        say(described(one));
        if (one.attacked.void === null) break;
      }
    }
  }
  return { form: 'memory', bars: barsOf(rounds), rounds };
}

function described({ round, attack, fairPps, alone, attacked, attackPps, disturbance }: MemoryRound): string {
  const what = `${planOf(attack).sentence}; ${kpps(attackPps)} taken${disturbance === null ? '' : `, ${disturbance}`}`;
  return `round ${round}, ${attack} (${what}): of ${kpps(attacked.offeredPps)} (fair: ${kpps(fairPps)}) ${figures(attacked)}; alone ${figures(alone)}`;
}

function figures({ delivered, delayUs: { p50, p99 }, waited, void: why }: VictimFigures): string {
  return `${(delivered * 100).toFixed(2)} % in ${p50.toFixed(1)} µs, p99 ${p99.toFixed(1)}${why === null ? '' : ` (void: ${why}, ${(waited * 100).toFixed(1)} % waited)`}`;
}

function kpps(pps: number): string {
  return `${Math.round(pps / 1000)} kpps`;
}

/** Rounds that were void say nothing: of an attack that has no other, no bar is held. */
export function barsOf(all: readonly MemoryRound[]): Bar[] {
  return [...new Set(all.map(({ attack }) => attack))].flatMap((attack) => {
    const rounds = all.filter((round) => round.attack === attack && round.attacked.void === null);
    const delivered = median(rounds.map(({ attacked }) => attacked.delivered));
    const p99 = median(rounds.map(({ attacked }) => attacked.delayUs.p99));
    const alone = median(rounds.map((round) => round.alone.delayUs.p99));
    // Where the machine alone makes it more than that, twice what it makes.
    const most = alone * 2 > MOST_DELAY_US ? alone * 2 : MOST_DELAY_US;
    return [
      atLeast(`delivered beside ${attack}`, delivered, DELIVERED, 'a tenant pays for what it does, not its neighbours'),
      atMost(`p99 beside ${attack}, µs`, p99, most, 'a frame waits for a turn of the others and for its own'),
    ];
  });
}
