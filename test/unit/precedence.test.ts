import { describe, expect, test } from 'vitest';
import { Precedence } from '../../src/worker/precedence.ts';

/** Turns of a worker, each of which was ready to sleep or not. @returns what the kernel was asked for, and after how many turns */
function asked(turns: readonly boolean[]): [number, boolean][] {
  const all: [number, boolean][] = [];
  let at = 0;
  const precedence = new Precedence((first) => all.push([at, first]));
  let waits = 0;
  for (const waited of turns) {
    at++;
    if (waited) waits++;
    precedence.turned(waits);
  }
  return all;
}

const busy = (count: number) => new Array<boolean>(count).fill(false);

describe('precedence of a worker', () => {
  test('is asked for once, after many turns without a wait', () => {
    expect(asked(busy(63))).toEqual([]);
    expect(asked(busy(500))).toEqual([[64, true]]);
  });

  test('ends with the first wait, and begins anew', () => {
    expect(asked([...busy(70), true, ...busy(80)])).toEqual([
      [64, true],
      [71, false],
      [135, true],
    ]);
  });

  test('is never asked for by a worker that sleeps now and then', () => {
    const turns = Array.from({ length: 2000 }, (_, i) => i % 50 === 0);
    expect(asked(turns)).toEqual([]);
  });
});
