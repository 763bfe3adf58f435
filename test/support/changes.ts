import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { spawnInNetns } from '../../native-free/netns.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import type { SwitchModel } from '../../src/control/config/model.ts';
import { views } from '../../src/control/show.ts';
import { Switch } from '../../src/control/switch.ts';
import { randomConfig } from './random-config.ts';

const NODE = fileURLToPath(new URL('../../bin/node-pinned', import.meta.url));
const CREDIT = fileURLToPath(new URL('./credit.ts', import.meta.url));
const WINDOW = 32;
const PORT = 7000;

export interface ChangesOptions {
  readonly changes: number;
  readonly seed: number;
  readonly io: 'uring' | 'poll';
  /** Names of two namespaces and TAPs that nobody else has. */
  readonly names: readonly [string, string];
}

export interface ChangesResult {
  readonly changes: number;
  readonly sent: number;
  readonly acked: number;
  readonly lost: number;
  /** Rows that the changed switch shows otherwise than a fresh start of the last configuration. */
  readonly different: readonly string[];
}

/** The flow's tenant, with parts that come and go, beside random tenants. */
function configOf([a, b]: readonly [string, string], random: string, n: number): SwitchModel {
  const others = JSON.parse(random) as { tenants: object; uplinks?: object };
  const bit = (k: number) => ((n >> k) & 1) === 1;
  const main = {
    bridge: {
      ports: {
        a: { tap: a, netns: a, vlan: 10, address: '10.77.10.2/24', gateway: '10.77.10.1' },
        b: { tap: b, netns: b, vlan: 20, address: '10.77.20.2/24', gateway: '10.77.20.1' },
        ...(bit(0) ? { c: { memory: true, vlan: 10 } } : {}),
        ...(bit(1) ? { d: { memory: true, trunk: [10, 30], ...(bit(2) ? { pps: 1000 } : {}) } } : {}),
      },
      mac_age: bit(3) ? '600s' : '300s',
    },
    router: {
      interfaces: {
        a: { vlan: 10, addresses: ['10.77.10.1/24'] },
        b: { vlan: 20, addresses: ['10.77.20.1/24'] },
        ...(bit(2) ? { c: { vlan: 30, addresses: ['10.77.30.1/24'] } } : {}),
      },
      routes: [
        ...(bit(4) ? [{ to: '192.0.2.0/24', via: '10.77.20.9' }] : []),
        ...(bit(5) ? [{ to: '198.51.100.0/24', via: ['10.77.10.8', '10.77.20.8'] }] : []),
      ],
    },
    acls: bit(6)
      ? { x: { rules: [{ deny: { proto: 'tcp', dport: n & 1023 } }, { allow: 'any' }], ingress: ['a'] } }
      : {},
    quota: { macs: bit(7) ? 100 : 4096, weight: bit(8) ? 10 : 1 },
  };
  const text = JSON.stringify({ ...others, tenants: { main, ...others.tenants } });
  const { model, diagnostics } = parseConfig(text, '/changes.yaml');
  if (model === undefined) throw new Error(JSON.stringify(diagnostics));
  return model;
}

/** What `show` says of what the configuration owns, row by row. */
async function shown(running: Switch): Promise<string[]> {
  const parts = {
    ports: ['tenant', 'port', 'kind', 'vlan'],
    routes: ['tenant', 'to', 'via'],
    acls: ['tenant', 'acl', 'rule'],
  };
  const more = { path: ['tenant', 'order', 'way', 'stage'], quota: ['tenant', 'quota', 'limit'] };
  const rows: string[] = [];
  for (const [view, columns] of Object.entries({ ...parts, ...more })) {
    for (const row of await views[view as keyof typeof parts | keyof typeof more](running, {}))
      rows.push(`${view} ${columns.map((column) => `${column}=${row[column]}`).join(' ')}`);
  }
  return rows;
}

/** Random changes of a switch on real TAPs, under a flow that none of them names. */
export async function measureChanges({ changes, seed, io, names }: ChangesOptions): Promise<ChangesResult> {
  const randoms = fc.sample(randomConfig, { seed, numRuns: changes + 1 });
  const numbers = fc.sample(fc.integer({ min: 0, max: 65_535 }), { seed, numRuns: changes + 1 });
  const at = (i: number) => configOf(names, randoms[i], numbers[i]);
  let running = await Switch.start(at(0), { io });
  try {
    const run = (netns: string, ...words: string[]) =>
      spawnInNetns(netns, 'sh', [NODE, CREDIT, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    const echo = run(names[1], 'echo', String(PORT));
    await new Promise((resolve) => echo.stdout?.once('data', resolve));
    const sender = run(names[0], 'send', '10.77.20.2', String(PORT), String(WINDOW));
    let said = '';
    sender.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise((resolve) => sender.once('close', resolve));
    await sleep(1000);
    for (let i = 1; i <= changes; i++) await running.change(at(i));
    sender.kill('SIGTERM');
    await ended;
    echo.kill('SIGTERM');
    const { sent, acked, lost } = JSON.parse(said.split('\n')[1] ?? '{}') as {
      sent: number;
      acked: number;
      lost: number;
    };
    const changed = await shown(running);
    await running.stop();
    running = await Switch.start(at(changes), { io });
    const fresh = await shown(running);
    const different = [
      ...changed.filter((row) => !fresh.includes(row)).map((row) => `only after changes: ${row}`),
      ...fresh.filter((row) => !changed.includes(row)).map((row) => `only after a fresh start: ${row}`),
    ];
    return { changes, sent, acked, lost, different };
  } finally {
    await running.stop();
  }
}
