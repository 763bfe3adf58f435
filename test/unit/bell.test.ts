import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { BELL_WORDS, Bell } from '../../src/frame/bell.ts';

const FIRST = 3;
const bell = () => {
  const words = new Int32Array(new SharedArrayBuffer((FIRST + BELL_WORDS) * 4));
  return { words, bell: new Bell(words, FIRST) };
};

describe('a bell', () => {
  it('wakes whoever awaits it, once for as often as it was rung', async () => {
    const { bell: one } = bell();
    const rung = one.rung(0);
    one.ring();
    one.ring();
    expect(await rung).toBe(2);
  });

  it('is heard by who was busy when it was rung, in a later turn of the event loop', async () => {
    const { bell: one } = bell();
    one.ring();
    let seen = 0;
    let later = false;
    setImmediate(() => (later = true));
    seen = await one.rung(seen);
    expect([seen, later]).toEqual([1, true]);
  });

  it('wakes nobody who is awake', async () => {
    const notify = vi.spyOn(Atomics, 'notify');
    try {
      const { bell: one } = bell();
      one.ring();
      const seen = await one.rung(0);
      one.ring();
      expect(notify).not.toHaveBeenCalled();
      const next = await one.rung(seen);
      const rung = one.rung(next);
      one.ring();
      expect(notify).toHaveBeenCalledTimes(1);
      expect(await rung).toBe(3);
    } finally {
      notify.mockRestore();
    }
  });

  it('lets go whoever awaits it without having been rung', async () => {
    const { bell: one } = bell();
    const rung = one.rung(0);
    one.wake();
    expect(await rung).toBe(0);
  });

  it('loses no ring of another thread', async () => {
    const RINGS = 20_000;
    const { words, bell: one } = bell();
    const script = `
      import { workerData } from 'node:worker_threads';
      import { Bell } from ${JSON.stringify(new URL('../../src/frame/bell.ts', import.meta.url).href)};
      const bell = new Bell(workerData, ${FIRST});
      for (let i = 0; i < ${RINGS}; i++) { bell.ring(); for (let k = 0; k < i % 500; k++) Math.random(); }`;
    const ringer = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: words });
    const ended = new Promise((resolve) => ringer.once('exit', resolve));
    // Whoever were not woken for the last one would wait for ever.
    for (let seen = 0; seen < RINGS; ) seen = await one.rung(seen);
    expect(words[FIRST]).toBe(RINGS);
    await ended;
  });
});
