import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WarmUp } from '../../src/worker/warm-up.ts';

const descriptors = () => readdirSync('/proc/self/fd').length;

test.each([null, 'poll'])(
  'what a worker plays to itself is forwarded and leaves nothing open, with TAPYARD_IO=%s',
  (io) => {
    const before = descriptors();
    const warmUp = new WarmUp({ io, origin: 0 });
    while (warmUp.step());
    // Four engines, 700 rounds each, a frame each way and in every fourth round another.
    expect(warmUp.forwarded).toBe(4 * (700 * 2 + 175 * 2));
    expect(descriptors()).toBe(before);
  },
);

test('a worker that is stopped while it plays leaves nothing open', () => {
  const before = descriptors();
  const warmUp = new WarmUp({ io: null, origin: 0 });
  expect(warmUp.step()).toBe(true);
  warmUp.close();
  expect(descriptors()).toBe(before);
});
