import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Awake } from '../../src/openflow/channel/awake.ts';

/** An event loop that is kept awake, by a clock that a test turns. */
function kept() {
  const clock = { ms: 1 };
  const awake = new Awake(() => clock.ms);
  /** Lets the loop turn once, some milliseconds later. */
  const later = async (ms: number) => {
    clock.ms += ms;
    await turn();
  };
  return { awake, later };
}

test('the loop is kept awake after an answer, for a moment, and anew after the next', async () => {
  const { awake, later } = kept();
  expect(awake.running).toBe(false);
  awake.stay();
  for (let k = 0; k < 10; k++) await later(0.01);
  expect(awake.running).toBe(true);
  awake.stay();
  for (let k = 0; k < 10; k++) await later(0.01);
  expect(awake.running).toBe(true);
  for (let k = 0; k < 10; k++) await later(0.01);
  expect(awake.running).toBe(false);
});

test('it sleeps for a while when nothing has come for a few times', async () => {
  const { awake, later } = kept();
  for (let k = 0; k < 4; k++) {
    awake.stay();
    expect(awake.running, `${k}`).toBe(true);
    for (let n = 0; n < 20; n++) await later(0.01);
  }
  awake.stay();
  expect(awake.running).toBe(false);
  await later(21);
  awake.stay();
  expect(awake.running).toBe(true);
});

test('it sleeps as soon as another thread wants the processor, and for a while when that goes on', async () => {
  const { awake, later } = kept();
  for (let k = 0; k < 4; k++) {
    awake.stay();
    // The answer itself is sent meanwhile, which takes longer.
    await later(0.06);
    expect(awake.running).toBe(true);
    // So does a message that is not answered.
    awake.worked();
    await later(0.06);
    expect(awake.running).toBe(true);
    await later(0.06);
    expect(awake.running).toBe(false);
  }
  awake.stay();
  expect(awake.running).toBe(false);
});

test('a dialogue goes on for as long as each message comes in time', async () => {
  const { awake, later } = kept();
  for (let k = 0; k < 50; k++) {
    awake.stay();
    for (let n = 0; n < 3; n++) await later(0.03);
    awake.worked();
    await later(0.03);
    expect(awake.running).toBe(true);
  }
});

test('it does not depend on a clock to end', async () => {
  const { awake, later } = kept();
  awake.stay();
  for (let k = 0; k < 301; k++) await later(0);
  expect(awake.running).toBe(false);
});
