import { describe, expect, it } from 'vitest';
import { collections, type LatencyRound, latencyResult } from '../../src/bench/latency.ts';

const TRACE = `
[17:0x10]       12 ms: Mark-Compact 3.1 (5.0) -> 2.9 (6.0) MB, pooled: 0 MB, 2.00 / 0.00 ms  (average mu = 0.1) testing; GC in old space requested
[17:0x20]      900 ms: Mark-Compact 3.1 (5.0) -> 2.9 (6.0) MB, 2.00 / 0.00 ms allocation failure
[17:0x20]     1500 ms: Scavenge 3.9 (6.0) -> 3.0 (6.0) MB, 0.50 / 0.00 ms
[17:0x10]     1600 ms: Mark-Compact 3.1 (5.0) -> 2.9 (6.0) MB, 2.00 / 0.00 ms allocation failure
[17:0x20]     1700 ms: Mark-Compact (reduce) 3.1 (5.0) -> 2.9 (6.0) MB, 2.00 / 0.00 ms allocation failure
{"result": {}}
`;

const delayUs = { p50: 1, p99: 10, p999: 50, p9999: 200, most: 300 };
const round: LatencyRound = {
  ...{
    fullMpps: 20,
    perSecond: 1e7,
    offeredPerSecond: 1e7,
    frames: 1e7,
    overflowed: 0,
    transmitted: 1e7,
    sampled: 1e6,
  },
  ...{ delayUs, waited: 0, bytesPerFrame: 0, majorCollections: 0, minorCollections: 0 },
  clock: { p50: 0.1, p99: 1, p999: 10, p9999: 50, most: 80 },
};
const words = { config: '', pcap: '', in: 'a', load: 0.5, seconds: 60 };
const missed = (rounds: readonly LatencyRound[]) =>
  latencyResult(words, rounds)
    .bars.filter(({ held }) => !held)
    .map(({ what }) => what);

describe('bench latency', () => {
  it("counts the worker's collections, not the main thread's, while it was measured", () => {
    expect(collections(TRACE, { from: 1000, to: 2000 })).toEqual({ majorCollections: 1, minorCollections: 1 });
    expect(collections(TRACE, { from: 0, to: 1000 })).toEqual({ majorCollections: 1, minorCollections: 0 });
  });

  it('judges the median of the rounds by the clock of the same round, and the worst of each else', () => {
    expect(missed([round, round, round])).toEqual([]);
    const late = { ...round, delayUs: { ...delayUs, p9999: 1000 } };
    expect(missed([round, round, late])).toEqual([]);
    expect(missed([late, round, late])).toEqual(['p99.99, of a loop that only reads the clock']);
    expect(missed([round, { ...round, majorCollections: 1 }])).toEqual(['major collections of the worker']);
    expect(missed([{ ...round, bytesPerFrame: 16 }, round])).toEqual(['bytes allocated a frame']);
    expect(missed([{ ...round, overflowed: 1000 }])).toEqual(['share of frames that found the queue full']);
    expect(missed([{ ...round, offeredPerSecond: 9e6 }])).toEqual(['frames that came, of those that should']);
  });

  it('says nothing of a clock where there is no compiler', () => {
    const { ofClock, bars } = latencyResult(words, [{ ...round, clock: null }]);
    expect([ofClock, bars.length]).toEqual([null, 4]);
  });
});
