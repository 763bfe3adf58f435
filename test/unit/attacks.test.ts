import { duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EXPLOSION, tupleSpaceExplosion } from '../../src/bench/attack-frames.ts';
import { ATTACK_NAMES, type AttackName, CHURNED_RULES, churnedFlow, planOf } from '../../src/bench/attacks.ts';
import { barsOf } from '../../src/bench/noisy.ts';
import type { MemoryRound } from '../../src/bench/noisy-memory.ts';
import { type NoisyTapRound, tapBars } from '../../src/bench/noisy-tap.ts';
import { OpenLoop } from '../../src/bench/open-loop.ts';
import { StormController } from '../../src/bench/storm-controller.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import { OpenFlowPeer } from '../support/openflow-peer.ts';

const addressOf = (frame: Uint8Array, at: number) => frame.subarray(at, at + 4).join('.');
const portOf = (frame: Uint8Array, at: number) => (frame[at] << 8) | frame[at + 1];

describe('frames of attacks', () => {
  it.each(ATTACK_NAMES)('%s: are the shortest there are, with right header checksums', (name) => {
    for (const frame of planOf(name).frames().slice(0, 2000)) {
      expect(frame.length).toBe(60);
      let sum = 0;
      for (let at = 14; at < 34; at += 2) sum += portOf(frame, at);
      expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
    }
  });

  it('of the tuple-space explosion: every triple of bits once, none allowed by a rule', () => {
    const list = tupleSpaceExplosion();
    const seen = new Set(list.map((frame) => frame.subarray(26, 38).join()));
    expect([list.length, seen.size]).toEqual([8192, 8192]);
    for (const frame of list) {
      expect(addressOf(frame, 26)).not.toBe(EXPLOSION.sourceAddress);
      expect(portOf(frame, 34)).not.toBe(EXPLOSION.sourcePort);
      expect(portOf(frame, 36)).not.toBe(EXPLOSION.destinationPort);
    }
  });

  it('of exhaustion: each from another station, or to another host', () => {
    const distinct = (name: AttackName, from: number, to: number) =>
      new Set(
        planOf(name)
          .frames()
          .map((frame) => frame.subarray(from, to).join()),
      ).size;
    expect(distinct('macs', 6, 12)).toBeGreaterThan(100_000);
    expect(distinct('neighbours', 30, 34)).toBe(65_536);
    expect(distinct('broadcast', 0, 6)).toBe(1);
  });
});

it('what tenants of attacks are configured as is valid', () => {
  for (const name of ATTACK_NAMES) {
    const config = planOf(name).config?.('/run/noise.mgmt') ?? '';
    const text = `version: 1\ntenants:\n  noise:\n    bridge: {ports: {a: {memory: true}, b: {memory: true}}}\n${config}`;
    expect(parseConfig(text, `${name}.yaml`)).toHaveProperty('model');
  }
});

describe('a controller that storms', () => {
  async function storm(kind: 'rules' | 'questions', perSecond: number) {
    const [ours, theirs] = duplexPair();
    const peer = new OpenFlowPeer(theirs);
    const controller = new StormController(ours, kind, perSecond);
    await peer.next('hello');
    await peer.next('set_config');
    return { peer, controller, stream: ours };
  }
  const heard = async (peer: OpenFlowPeer) => {
    for (let k = 0; k < 20; k++) await turn();
    return peer.received.splice(0).map(({ message }) => message);
  };

  it('sends the changes that are due by the clock, adding and deleting by turns, and a barrier behind each piece', async () => {
    const { peer, controller, stream } = await storm('rules', 1000);
    controller.tick(0);
    controller.tick(10);
    const messages = await heard(peer);
    expect(messages.map(({ type }) => type)).toEqual([
      ...Array.from({ length: 10 }, () => 'flow_mod'),
      'barrier_request',
    ]);
    const commands = messages.flatMap((message) => (message.type === 'flow_mod' ? [message.mod.command] : []));
    expect(new Set(commands.filter((_, i) => i % 2 === 0))).toEqual(new Set(['add']));
    expect(new Set(commands.filter((_, i) => i % 2 === 1))).toEqual(new Set(['delete_strict']));
    expect(controller.report).toMatchObject({ due: 10, sent: 10, done: 0 });
    peer.send({ type: 'barrier_reply' });
    await heard(peer);
    expect(controller.report.done).toBe(10);
    stream.destroy();
  });

  it('keeps no more under way than a bounded number, whatever is due', async () => {
    const { peer, controller, stream } = await storm('rules', 1e6);
    controller.tick(0);
    controller.tick(1000);
    controller.tick(2000);
    expect(controller.report).toMatchObject({ due: 2e6, sent: 30_000 });
    await heard(peer);
    stream.destroy();
  });

  it('asks again when it has been answered', async () => {
    const { peer, controller, stream } = await storm('questions', 0);
    expect((await heard(peer)).filter(({ type }) => type === 'multipart_request')).toHaveLength(1);
    peer.send({ type: 'multipart_reply', kind: 'flow', more: true, body: [] });
    peer.send({ type: 'multipart_reply', kind: 'flow', more: false, body: [] });
    expect((await heard(peer)).filter(({ type }) => type === 'multipart_request')).toHaveLength(1);
    expect(controller.report.answers).toBe(1);
    stream.destroy();
  });

  it('churns rules that differ', () => {
    const flows = new Set(Array.from({ length: CHURNED_RULES }, (_, i) => churnedFlow(i)));
    expect(flows.size).toBe(CHURNED_RULES);
    expect(churnedFlow(CHURNED_RULES)).toBe(churnedFlow(0));
  });
});

it('what is due by the clock is due whatever became of the rest', () => {
  const loop = new OpenLoop(2000, 100);
  expect(loop.due(100)).toBe(0);
  expect(loop.due(101)).toBe(2);
  loop.sent(2);
  expect(loop.due(101.4)).toBe(0);
  // Nobody had time for a second.
  expect(loop.due(1101)).toBe(2000);
  loop.sent(32);
  expect(loop.due(1101)).toBe(1968);
});

it('a switch of OpenFlow alone gets rules for the same policy, as many as there are', () => {
  expect(planOf('acl').flows?.()).toHaveLength(10_001);
  expect(planOf('explosion').flows?.()).toHaveLength(4);
  expect(ATTACK_NAMES.filter((name) => planOf(name).flows === null)).toEqual(['neighbours', 'garbage']);
});

describe('the verdict between TAPs', () => {
  const round = (
    forwarder: 'tapyard' | 'ovs',
    delivered: number,
    p99: number,
    why: string | null = null,
  ): NoisyTapRound => {
    const figures = (ms: number, isVoid: string | null) => ({
      ...{ offeredPps: 1, delivered, delayMs: { p50: 1, p99: ms, p999: ms }, waited: 0, void: isVoid },
    });
    return {
      ...{ round: 1, forwarder, attack: 'flood', fairPps: 2, alone: figures(1, null), attacked: figures(p99, why) },
      ...{ attackOfferedPps: 2, attackPps: 1, disturbance: null },
    };
  };
  it('is of our own rounds that are not void, against the time before the attack', () => {
    const bars = tapBars([round('tapyard', 1, 1.9), round('tapyard', 0.1, 50, 'waited'), round('ovs', 0, 100)]);
    expect(bars.map(({ figure, held }) => [figure, held])).toEqual([
      [1, true],
      [1.9, true],
    ]);
  });
});

describe('the verdict', () => {
  const round = (delivered: number, p99: number, isVoid = false): MemoryRound => {
    const figures = {
      offeredPps: 1,
      delivered,
      delayUs: { p50: 1, p99, p999: p99 },
      waited: 0,
      void: isVoid ? 'fewer came' : null,
    };
    return {
      ...{ round: 1, attack: 'flood', fairPps: 2, victimPps: 1, alone: figures, attacked: figures },
      ...{ attackPps: 1, disturbance: null },
    };
  };
  it('is that of the median round, and void rounds do not count', () => {
    const bars = barsOf([round(0.1, 1), round(0.99, 10), round(1, 1e6), round(0, 1e6, true)]);
    expect(bars.map(({ figure, held }) => [figure, held])).toEqual([
      [0.99, true],
      [10, true],
    ]);
  });
  it('allows for a machine that is late by itself', () => {
    const late = (alone: number, attacked: number) => ({
      ...round(1, attacked),
      alone: round(1, alone).attacked,
    });
    const held = (one: MemoryRound) => barsOf([one]).map((bar) => bar.held);
    expect([held(late(5, 201)), held(late(120, 201)), held(late(120, 250))]).toEqual([
      [true, false],
      [true, true],
      [true, false],
    ]);
  });
  it('is no when all rounds were void', () => {
    expect(barsOf([round(1, 1, true)]).map(({ held }) => held)).toEqual([false, false]);
  });
});
