import { describe, expect, it } from 'vitest';
import type { PathResult } from '../../src/bench/path.ts';
import { type WorkersRound, workersResult } from '../../src/bench/path-workers.ts';
import { flowHash, splitByFlow } from '../../src/bench/split.ts';
import { ranOfBusiest, shareWaited } from '../../src/bench/threads.ts';
import { frame } from '../../src/wire/build-frame.ts';

const ethernet = { destination: '02:00:00:00:00:02', source: '02:00:00:00:00:01' };

function datagram(source: number, more: { ttl?: number; payload?: number } = {}): Uint8Array {
  const { ttl = 64, payload = 18 } = more;
  return frame({
    ethernet,
    ipv4: { source: '10.0.0.1', destination: '10.1.0.2', ttl },
    udp: { source, destination: 2000 },
    payload,
  });
}

describe('frames split between queues', () => {
  it('by flow: what is not of the flow changes nothing', () => {
    expect(flowHash(datagram(1000))).toBe(flowHash(datagram(1000, { ttl: 3, payload: 400 })));
    const tagged = new Uint8Array(datagram(1000).length + 4);
    tagged.set(datagram(1000).subarray(0, 12));
    tagged.set([0x81, 0, 0, 10], 12);
    tagged.set(datagram(1000).subarray(12), 16);
    expect(flowHash(tagged)).toBe(flowHash(datagram(1000)));
    expect(flowHash(datagram(1001))).not.toBe(flowHash(datagram(1000)));
  });

  it('so that each gets about its share, in order, and nothing is lost', () => {
    const frames = Array.from({ length: 1000 }, (_, i) => datagram(1000 + i));
    for (const queues of [1, 2, 4]) {
      const split = splitByFlow(frames, queues);
      expect(split.flat()).toHaveLength(1000);
      for (const some of split) {
        expect(some.length).toBeGreaterThan(700 / queues);
        expect(some.map((one) => frames.indexOf(one))).toEqual(
          some.map((one) => frames.indexOf(one)).sort((a, b) => a - b),
        );
      }
    }
  });

  it('whatever they are: fragments without ports, the rest by MACs, the shortest too', () => {
    const fragment = (source: number) => {
      const bytes = datagram(source);
      bytes[20] = 0x20;
      return bytes;
    };
    expect(flowHash(fragment(1))).toBe(flowHash(fragment(2)));
    const arp = (last: number) => Uint8Array.from([...datagram(1).subarray(0, 12), 8, 6, 0, last]);
    expect(flowHash(arp(1))).toBe(flowHash(arp(2)));
    for (let length = 0; length < 60; length++) expect(flowHash(datagram(1).subarray(0, length))).toBeGreaterThan(-1);
  });
});

describe('several workers beside as many processes', () => {
  const result = (mpps: number, cpuNsPerFrame: number, digest: number, delivered: number): PathResult => ({
    ...{ mpps, nsPerFrame: 1000 / mpps, cpuNsPerFrame, frames: mpps * 1e6, delivered: mpps * 1e6, drops: {} },
    ...{ capture: { frames: delivered, delivered }, digest, verified: true },
  });
  const round = (together: number, digest = 30): WorkersRound => ({
    together: result(together, 100, digest, 7),
    apart: [result(10, 90, 10, 3), result(10, 90, 20, 4)],
  });

  it('come to the median of their ratios', () => {
    const { ratio, ratios, processorRatios, verified, bars } = workersResult(2, [round(17), round(19), round(30)]);
    expect(ratio).toBeCloseTo(0.95);
    expect(ratios.rounds).toHaveLength(3);
    expect(processorRatios.median).toBeCloseTo(0.9);
    expect(verified).toBe(true);
    expect(bars[0]).toMatchObject({ held: true, least: 0.9 });
    expect(workersResult(2, [round(17)]).bars[0].held).toBe(false);
  });

  it('are not compared when other frames leave', () => {
    expect(workersResult(2, [round(19), round(19, 31)]).verified).toBe(false);
  });
});

it('processor time of several workers is that of so many threads, the busiest', () => {
  const before = new Map([
    ['1', { name: 'one', ran: 100, waited: 0 }],
    ['2', { name: 'two', ran: 500, waited: 0 }],
  ]);
  const after = new Map([
    ['1', { name: 'one', ran: 1100, waited: 5 }],
    ['2', { name: 'two', ran: 600, waited: 2 }],
    ['3', { name: 'three', ran: 700, waited: 0 }],
  ]);
  expect(ranOfBusiest(before, after, 1)).toBe(1000);
  expect(ranOfBusiest(before, after, 2)).toBe(1700);
  // Of the busiest of all, and of the busiest of a name, nanoseconds of a millisecond.
  const [first, second] = [
    { threads: before, ms: 1000 },
    { threads: after, ms: 1001 },
  ];
  expect(shareWaited(first, second)).toBe(5 / 1e6);
  expect(shareWaited(first, second, 'tw')).toBe(2 / 1e6);
});
