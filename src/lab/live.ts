import { setTimeout as sleep } from 'node:timers/promises';
import { portRates, type Snapshot } from '../control/rates.ts';
import { type Row, views } from '../control/show.ts';
import type { Lab } from './lab.ts';
import { TENANTS } from './plan.ts';
import { ping } from './reach.ts';

const REFRESH_MS = 1000;
const CLEAR = '\x1b[H\x1b[J';
const SCREEN_ON = '\x1b[?1049h\x1b[?25l';
const SCREEN_OFF = '\x1b[?25h\x1b[?1049l';

/** A terminal, and how rows become text on it. */
export interface Screen {
  readonly write: (text: string) => unknown;
  readonly table: (rows: readonly Row[]) => string;
}

/** Shows ports with their rates, and drops, once a second until the signal aborts. Light traffic keeps it alive. */
export async function showLive(lab: Lab, screen: Screen, signal: AbortSignal): Promise<void> {
  screen.write(SCREEN_ON);
  try {
    let before = await counters(lab);
    while (!signal.aborted) {
      await Promise.all([chatter(lab, signal), sleep(REFRESH_MS, undefined, { signal })]);
      const now = await counters(lab);
      screen.write(CLEAR + page(lab, screen, portRates(before, now), await views.drops(lab.running, {})));
      before = now;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    screen.write(SCREEN_OFF);
  }
}

async function counters(lab: Lab): Promise<Snapshot> {
  return { at: performance.now(), rows: await views.ports(lab.running, {}) };
}

function page(lab: Lab, { table }: Screen, ports: readonly Row[], drops: readonly Row[]): string {
  const { netns } = lab.host('red', 'web1');
  return [
    'Tapyard, live. Ctrl-C ends it and takes everything down.',
    `Be one of its hosts:  ip netns exec ${netns} sh   (other namespaces: ip netns list)`,
    '',
    table(ports),
    'Drops since the start',
    drops.length === 0 ? 'none\n' : table(drops),
  ].join('\n');
}

/** A few pings in both tenants, so that there is something to see. */
async function chatter(lab: Lab, signal: AbortSignal): Promise<void> {
  await Promise.all(
    TENANTS.flatMap((tenant) => [
      ping(lab.host(tenant, 'web1').netns, lab.host(tenant, 'db1').address4, { echo: lab.echo, count: 10, signal }),
      ping(lab.host(tenant, 'web1').netns, 'fd00:20::12', { echo: lab.echo, count: 5, signal }),
    ]),
  );
}
