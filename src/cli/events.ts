import { setTimeout as sleep } from 'node:timers/promises';
import type { TimedEvent } from '../control/events.ts';
import { call } from '../control/rpc.ts';
import { lineOf } from './describe-event.ts';
import { untilSignal } from './until-signal.ts';

const POLL_MS = 250;

/** Prints what has happened, a line each, and with `follow` what happens, until Ctrl-C. */
export async function events(options: { socket: string; follow?: true; json?: true }): Promise<void> {
  const signal = untilSignal();
  let seen = 0;
  do {
    const list = (await call(options.socket, 'events', { after: seen })) as unknown as readonly TimedEvent[];
    for (const { number, at, event } of list) {
      process.stdout.write(options.json ? `${JSON.stringify({ at, ...event })}\n` : lineOf(at, event));
      seen = number;
    }
    if (options.follow) await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  } while (options.follow && !signal.aborted);
}
