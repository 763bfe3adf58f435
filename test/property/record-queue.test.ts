import { expect, test } from 'vitest';
import { RecordQueue } from '../../src/openflow/datapath/record-queue.ts';
import { Random, seedOfRun } from '../fuzz/random.ts';

const seed = seedOfRun();

test(`a queue of records gives back what a plain list does (TAPYARD_SEED=${seed})`, () => {
  const random = new Random(seed);
  const queue = new RecordQueue();
  const twin: number[][] = [];
  for (let step = 0; step < 20_000; step++) {
    // Long runs of pushes and of pops, so that it grows, moves together and empties.
    const pushes = (step >> 10) % 2 === 0 ? 5 : 1;
    if (random.below(6) < pushes) {
      const record = Array.from({ length: 1 + random.below(40) }, () => random.below(1 << 30) - (1 << 29));
      twin.push(record);
      queue.push(random.below(2) === 0 ? record : Int32Array.of(...record, 7), record.length);
    } else if (twin.length > 0) {
      expect([...(queue.peek() ?? [])]).toEqual(twin.shift());
      queue.pop();
    }
    if (random.below(5000) === 0) {
      queue.clear();
      twin.length = 0;
    }
    expect([queue.count, queue.size]).toEqual([twin.length, twin.reduce((sum, { length }) => sum + length, 0)]);
  }
  for (const record of twin) {
    expect([...(queue.peek() ?? [])]).toEqual(record);
    queue.pop();
  }
  expect([queue.peek(), queue.count, queue.size]).toEqual([null, 0, 0]);
});
