import { expect, test } from 'vitest';
import { Epochs } from '../../src/table/epoch.ts';

test('an epoch has passed when every worker has entered it or is offline', () => {
  const control = Epochs.create(3);
  const workers = Epochs.attach(structuredClone(control.handles()));
  expect(control.passedBy(control.current())).toBe(true);
  workers.enter(0, workers.current());
  workers.enter(2, workers.current());
  const epoch = control.bump();
  expect(workers.current()).toBe(epoch);
  expect(control.passedBy(epoch)).toBe(false);
  workers.enter(0, epoch);
  expect(control.passedBy(epoch)).toBe(false);
  workers.offline(2);
  expect(control.passedBy(epoch)).toBe(true);
  expect(control.passedBy(control.bump())).toBe(false);
});

test('waiting ends with the last worker, and several may wait', async () => {
  const epochs = Epochs.create(2);
  epochs.enter(0, epochs.current());
  epochs.enter(1, epochs.current());
  const first = epochs.bump();
  const second = epochs.bump();
  const order: string[] = [];
  const waits = [
    epochs.whenPassed(second).then(() => order.push('second')),
    epochs.whenPassed(first).then(() => order.push('first')),
  ];
  epochs.enter(0, second);
  epochs.enter(1, first);
  await waits[1];
  expect(order).toEqual(['first']);
  epochs.offline(1);
  await waits[0];
  expect(order).toEqual(['first', 'second']);
});

test('epochs go on across the wrap, past 0, which means offline', () => {
  const epochs = Epochs.create(1);
  new Int32Array(epochs.handles().memory)[0] = -2;
  epochs.enter(0, -2);
  const before = epochs.bump();
  const after = epochs.bump();
  expect([before, after]).toEqual([-1, 1]);
  expect(epochs.passedBy(before)).toBe(false);
  epochs.enter(0, after);
  expect(epochs.passedBy(before)).toBe(true);
  expect(epochs.passedBy(after)).toBe(true);
});
