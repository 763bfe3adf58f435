import { setTimeout as sleep } from 'node:timers/promises';
import { portRates, type Snapshot, stageRates, tenantRates } from '../control/rates.ts';
import { call } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import { table } from './table.ts';
import { untilSignal } from './until-signal.ts';

const CLEAR = '\x1b[H\x1b[J';
const SCREEN_ON = '\x1b[?1049h\x1b[?25l';
const SCREEN_OFF = '\x1b[?25h\x1b[?1049l';

/** Shows tenants, ports and drops with their rates, over and over on a terminal, else `count` times. */
export async function top(options: { socket: string; interval: number; count?: number; json?: true }): Promise<void> {
  const signal = untilSignal();
  const screen = process.stdout.isTTY && options.json !== true;
  const look = async (what: string): Promise<Snapshot> => ({
    at: performance.now(),
    rows: (await call(options.socket, 'show', { what })) as readonly Row[],
  });
  const all = () => Promise.all([look('tenants'), look('ports'), look('drops'), look('stages')]);
  let [tenants, ports, , stages] = await all();
  if (screen) process.stdout.write(SCREEN_ON);
  try {
    for (let shown = 0; shown < (options.count ?? Number.POSITIVE_INFINITY) && !signal.aborted; shown++) {
      await sleep(options.interval * 1000, undefined, { signal }).catch(() => {});
      if (signal.aborted) break;
      const [tenantsNow, portsNow, { rows: drops }, stagesNow] = await all();
      const page = {
        tenants: tenantRates(tenants, tenantsNow),
        ports: portRates(ports, portsNow),
        stages: stageRates(stages, stagesNow),
        drops,
      };
      process.stdout.write(options.json ? `${JSON.stringify(page)}\n` : (screen ? CLEAR : '') + text(page));
      tenants = tenantsNow;
      ports = portsNow;
      stages = stagesNow;
    }
  } finally {
    if (screen) process.stdout.write(SCREEN_OFF);
  }
}

type Page = Readonly<Record<'tenants' | 'ports' | 'stages' | 'drops', readonly Row[]>>;

function text({ tenants, ports, stages, drops }: Page): string {
  const dropped = drops.length === 0 ? 'no drops' : table(drops.map(({ meaning: _, ...row }) => row));
  const timed = stages.length === 0 ? '' : `${table(stages)}\n`;
  return `${table(tenants)}\n${table(ports)}\n${timed}${dropped}\n`;
}
