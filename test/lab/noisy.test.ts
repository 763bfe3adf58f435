import { describe, expect, it } from 'vitest';
import { benchNoisy } from '../../src/bench/noisy.ts';

describe('bench noisy', { timeout: 120_000 }, () => {
  it('tells of the victim, the attacker and the disturbance, whatever the machine makes of it', async () => {
    const said: string[] = [];
    const { rounds, bars } = await benchNoisy({ attacks: ['flood', 'churn'], rounds: 1, seconds: 1 }, (line) =>
      said.push(line),
    );
    expect(said).toHaveLength(rounds.length);
    for (const attack of ['flood', 'churn']) {
      const those = rounds.filter((round) => round.attack === attack);
      // Made again where it was void.
      expect(those).toHaveLength(those[0].attacked.void === null ? 1 : 2);
    }
    expect(bars.map(({ what }) => what)).toEqual([
      ...['delivered beside flood', 'p99 beside flood, µs'],
      ...['delivered beside churn', 'p99 beside churn, µs'],
    ]);
    for (const { alone, attacked, attackPps, fairPps, victimPps } of rounds) {
      expect(victimPps).toBe(Math.round(fairPps / 2));
      expect(attackPps).toBeGreaterThan(0);
      for (const { delivered, delayUs, offeredPps } of [alone, attacked]) {
        expect(delivered).toBeGreaterThan(0);
        expect(offeredPps).toBeGreaterThan(0);
        expect(delayUs.p50).toBeGreaterThan(0);
        expect(delayUs.p99).toBeGreaterThanOrEqual(delayUs.p50);
      }
    }
    expect(rounds.at(-1)?.disturbance).toMatch(/changes\/s/);
  });
});
