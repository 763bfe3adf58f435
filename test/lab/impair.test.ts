import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ping } from '../../src/lab/reach.ts';
import { expectBooksToBalance } from '../support/books.ts';
import { allowEcho } from '../support/hosts.ts';
import { own, SwitchProcess, sweep } from '../support/switch-process.ts';

const [near, far, lost] = ['n', 'f', 'l'].map(own);
const tap = (name: string, address: string) => `tap: ${name}, netns: ${name}, address: ${address}/24`;
const signal = new AbortController().signal;

beforeAll(sweep);

describe.each(['uring', 'poll'])('impaired TAPs of a switch with two workers (%s)', (io) => {
  let running: SwitchProcess;
  beforeAll(async () => {
    running = await SwitchProcess.started(
      `version: 1
workers: 2
tenants:
  red:
    bridge:
      ports:
        near: {${tap(near, '10.0.0.1')}, impair: {delay: 15ms}}
        far: {${tap(far, '10.0.0.2')}, impair: {delay: 10ms, duplicate: 100%}}
        lost: {${tap(lost, '10.0.0.3')}, impair: {loss: 100%}}
`,
      { TAPYARD_IO: io },
    );
    for (const netns of [near, far, lost]) allowEcho(netns);
  });
  afterAll(() => running?.stop());

  it('are delayed, each on its way out, and sent twice', async () => {
    const { received, ms } = await ping(near, '10.0.0.2', { echo: true, count: 4, timeoutMs: 5000, signal });
    expect(received).toBe(4);
    // Sooner than both delays together no answer can come.
    expect(ms).toBeGreaterThanOrEqual(25);
    await expectBooksToBalance(running);
    const [, second] = await running.show('ports');
    const [tenant] = await running.show('tenants');
    // Both requests of two are answered, and flooded frames are cloned besides.
    expect(Number(second?.['tx_frames'])).toBeGreaterThanOrEqual(2 * 4);
    expect(Number(tenant?.['cloned'])).toBeGreaterThanOrEqual(4);
  });

  it('lose what they are told to lose, with its reason', async () => {
    const { received } = await ping(near, '10.0.0.3', { echo: true, count: 2, timeoutMs: 50, signal });
    expect(received).toBe(0);
    await expectBooksToBalance(running);
    expect((await running.drops('red'))['impaired']).toBeGreaterThanOrEqual(1);
  });
});
