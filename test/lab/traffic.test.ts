import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK, checkBlocks, isIntact, numberBlocks, SHORTEST, writeDatagram } from '../../src/lab/traffic/pattern.ts';
import { SequenceCheck } from '../../src/lab/traffic/sequence.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));

/** What SequenceCheck says, the obvious way: a set of all that came. */
function slowTwin(flows: number, arrivals: readonly (readonly [number, number])[]) {
  const seen = Array.from({ length: flows }, () => new Set<number>());
  const highest = new Array<number>(flows).fill(-1);
  let outOfOrder = 0;
  let duplicated = 0;
  for (const [flow, sequence] of arrivals) {
    if (seen[flow].has(sequence)) duplicated++;
    else if (sequence < highest[flow]) outOfOrder++;
    seen[flow].add(sequence);
    highest[flow] = Math.max(highest[flow], sequence);
  }
  const received = seen.reduce((sum, { size }) => sum + size, 0);
  return { received, lost: highest.reduce((sum, last) => sum + last + 1, 0) - received, outOfOrder, duplicated };
}

describe(`what the sink checks (seed ${seed})`, () => {
  it('sorts sequence numbers as a set of all that came would', () => {
    const arrival = fc.tuple(fc.nat(2), fc.oneof(fc.nat(40), fc.nat(60_000)));
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 300 }), (arrivals) => {
        const check = new SequenceCheck(3);
        for (const [flow, sequence] of arrivals) check.add(flow, sequence);
        const { received, lost, outOfOrder, duplicated } = check;
        expect({ received, lost, outOfOrder, duplicated }).toEqual(slowTwin(3, arrivals));
      }),
      { seed },
    );
  });

  it('sees what comes after a jump over the whole window as late, not as doubled', () => {
    const check = new SequenceCheck(1);
    for (const sequence of [0, 1, 100_000, 99_999, 2]) check.add(0, sequence);
    expect(check).toMatchObject({ received: 5, lost: 99_996, outOfOrder: 2, duplicated: 0 });
  });

  it('finds any bit of a datagram that was flipped, and a datagram cut short', () => {
    const datagram = fc.record({
      length: fc.integer({ min: SHORTEST, max: 200 }),
      run: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      sequence: fc.nat(),
      flow: fc.nat(),
      bit: fc.nat(),
    });
    fc.assert(
      fc.property(datagram, ({ length, run, sequence, flow, bit }) => {
        const bytes = new DataView(new ArrayBuffer(length + 8));
        writeDatagram(bytes, 4, length, run, sequence, flow);
        expect(isIntact(bytes, 4, length, run)).toBe(true);
        expect(isIntact(bytes, 4, length, run + 1)).toBe(false);
        expect(isIntact(bytes, 4, SHORTEST - 1, run)).toBe(false);
        const at = 4 + (bit % length);
        bytes.setUint8(at, bytes.getUint8(at) ^ (1 << (bit % 8)));
        expect(isIntact(bytes, 4, length, run)).toBe(false);
      }),
      { seed },
    );
  });

  it('follows the numbers of a stream however it is cut into pieces', () => {
    const stream = Buffer.alloc(BLOCK * 8);
    numberBlocks(stream, 0);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: BLOCK * 3 }), { minLength: 1, maxLength: 30 }), (cuts) => {
        const check = { at: 0, compared: 0, wrong: 0 };
        for (const cut of cuts) {
          const piece = stream.subarray(check.at, check.at + cut);
          checkBlocks(check, piece, piece.length);
        }
        expect(check.wrong).toBe(0);
        expect(check.at).toBe(
          Math.min(
            stream.length,
            cuts.reduce((sum, cut) => sum + cut, 0),
          ),
        );
      }),
      { seed },
    );
    const check = { at: 0, compared: 0, wrong: 0 };
    checkBlocks(check, stream.subarray(BLOCK), BLOCK * 7);
    expect(check).toMatchObject({ compared: 7, wrong: 7 });
  });
});
