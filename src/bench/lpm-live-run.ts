import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../control/config/load.ts';
import { Switch } from '../control/switch.ts';
import type { LpmRoutes } from '../table/lpm-trie.ts';
import { Lpm4 } from '../table/lpm4.ts';
import { Lpm6 } from '../table/lpm6.ts';
import { formatAddress } from '../wire/address.ts';
import { frame } from '../wire/build-frame.ts';
import { withFolder } from './c-program.ts';
import { packFrames, Replay } from './frames.ts';
import { addresses } from './lpm-routes.ts';
import { type Family, routesOf } from './lpm-run.ts';
import { LpmTwin } from './lpm-twin.ts';
import { median, random } from './statistics.ts';

const SEED = 20_261_126;
const FRAMES = 1024;
/** Addresses that are held against the slow twin after each change. */
const CHECKED = 20_000;
const WARM_MS = 1500;
const REST_MS = 200;
/** What is under way leaves within this, however busy the machine is. */
const DRAIN_MS = 5000;
const WARM_UP = 2;
const APPLIES = 6;
const ROUTER = '02:00:00:00:02:fe';
/** Networks that nobody's table has routes in. Source: RFC 5737, RFC 3849. */
const NEAR = {
  '4': { from: '192.0.2.1/24', to: '198.51.100.1/24', hops: ['198.51.100.2', '198.51.100.3'] },
  '6': { from: '2001:db8::1/64', to: '2001:db8:1::1/64', hops: ['2001:db8:1::2', '2001:db8:1::3'] },
} as const satisfies Record<Family, { from: string; to: string; hops: readonly [string, string] }>;

export interface LiveFigures {
  /** Routes that one `apply` adds, removes or leads elsewhere. */
  readonly changes: number;
  /** From the file that has been written to all workers that have it: median of the applies. */
  readonly changesPerSecond: number;
  readonly applyMs: readonly number[];
  /** Frames/s that the worker forwarded before, and while routes changed: it always had another. */
  readonly forwardedPerSecond: { readonly before: number; readonly during: number };
  /** Frames that came, and those of them that did not leave, though some route led there at any time. */
  readonly frames: number;
  readonly lost: number;
  /** Addresses that are not led where a slow twin leads them. */
  readonly wrong: number;
}

/** Half of the routes stay, and lead to another next hop by turns; the others come and go. */
interface Side {
  readonly text: string;
  readonly routes: LpmRoutes;
  readonly twin: LpmTwin;
}

/**
 * A whole table of routes that changes on a running switch: a routes file is written anew and applied, while the one worker forwards as
 * much as it can into the routes that change.
 */
export async function runLpmLive(source: string, name: string, warmMs = String(WARM_MS)): Promise<LiveFigures> {
  const family = name as Family;
  const routes = routesOf(source, family);
  const sides = [sideOf(routes, family, 0), sideOf(routes, family, 1)];
  return await withFolder(async (folder) => {
    const file = join(folder, 'routes');
    const config = join(folder, 'live.yaml');
    writeFileSync(file, sides[0].text);
    writeFileSync(config, configOf(family, file));
    const model = await loadConfig(config);
    const from = new Replay(packFrames(framesInto(sides[1], family)));
    const to = new Replay(packFrames([]));
    const running = await Switch.start(model, {
      replay: new Map([
        ['live/a', [from.handles]],
        ['live/b', [to.handles]],
      ]),
    });
    try {
      const [tenant] = running.tenants;
      const table = family === '4' ? tenant.routes.ipv4 : tenant.routes.ipv6;
      const changes = table.size - table.prefixes.near.size;
      let wrong = differing(running, sides[0], routes, family);
      from.left = -1;
      running.workers[0].wake();
      await sleep(Number(warmMs));
      const before = await rateOf(to, async () => await sleep(Number(warmMs)));
      const rates: number[] = [];
      const took: number[] = [];
      for (let i = 1; i <= WARM_UP + APPLIES; i++) {
        const side = sides[i % 2];
        writeFileSync(file, side.text);
        const began = performance.now();
        const rate = await rateOf(to, async () => await running.change(model));
        if (i > WARM_UP) {
          took.push(performance.now() - began);
          rates.push(rate);
        }
        wrong += differing(running, side, routes, family);
        await sleep(REST_MS);
      }
      from.left = 0;
      const lost = () => from.received - (to.transmitted - to.resolving);
      for (let waited = 0; lost() > 0 && waited < DRAIN_MS; waited += REST_MS) await sleep(REST_MS);
      return {
        changes,
        changesPerSecond: (changes / median(took)) * 1000,
        applyMs: took,
        forwardedPerSecond: { before, during: median(rates) },
        frames: from.received,
        lost: lost(),
        wrong,
      };
    } finally {
      from.left = 0;
      await running.stop();
    }
  });
}

async function rateOf(replay: Replay, work: () => Promise<void>): Promise<number> {
  const before = replay.transmitted;
  const began = performance.now();
  await work();
  return Math.round(((replay.transmitted - before) / (performance.now() - began)) * 1000);
}

/** @param which all routes by the first next hop, or every second one by the other */
function sideOf(routes: LpmRoutes, family: Family, which: 0 | 1): Side {
  const width = family === '4' ? 1 : 4;
  const step = which + 1;
  const count = Math.ceil(routes.count / step);
  const lines: string[] = [];
  const prefixes = new Int32Array(count * width);
  const lengths = new Uint8Array(count);
  for (let i = 0, at = 0; at < routes.count; i++, at += step) {
    const words = routes.prefixes.subarray(at * width, (at + 1) * width);
    prefixes.set(words, i * width);
    lengths[i] = routes.lengths[at];
    lines.push(`${formatAddress(Array.from(words, (word) => word >>> 0))}/${lengths[i]} ${NEAR[family].hops[which]}`);
  }
  const values = new Int32Array(count).fill(which);
  const chosen = { count, prefixes, lengths, values };
  return { text: `${lines.join('\n')}\n`, routes: chosen, twin: new LpmTwin(chosen, width) };
}

/** Frames to addresses inside routes that stay. */
function framesInto({ routes }: Side, family: Family): Uint8Array[] {
  const width = family === '4' ? 1 : 4;
  const inside = addresses(routes, width, FRAMES * 2, random(SEED));
  return Array.from({ length: FRAMES }, (_, i) => {
    const destination = Array.from(inside.subarray((2 * i + 1) * width, (2 * i + 2) * width));
    const packet =
      family === '4'
        ? { ipv4: { source: '192.0.2.9', destination } }
        : { ipv6: { source: '2001:db8::9', destination } };
    return frame({ ...packet, ethernet: { destination: ROUTER }, udp: { source: 4000, destination: 5000 }, pad: true });
  });
}

/** Addresses that the tables which workers read lead elsewhere than the slow twin does. */
function differing(running: Switch, { twin }: Side, routes: LpmRoutes, family: Family): number {
  const { router } = running.tenants[0].image;
  if (router === null) return CHECKED;
  const { setStart, setMembers, hopAddress } = router;
  const width = family === '4' ? 1 : 4;
  const all = addresses(routes, width, CHECKED, random(SEED));
  const sets = new Int32Array(CHECKED);
  const table = family === '4' ? Lpm4.attach(router.routes4) : Lpm6.attach(router.routes6);
  table.lookupBatch(all, sets, CHECKED);
  const hosts = NEAR[family].hops.map((text) => Number(text.at(-1)));
  let wrong = 0;
  for (let i = 0; i < CHECKED; i++) {
    const host = sets[i] < 0 ? -1 : hopAddress[setMembers[setStart[sets[i]]] * 4 + 3] & 0xff;
    if (hosts.indexOf(host) !== twin.lookup(all, i * width)) wrong++;
  }
  return wrong;
}

function configOf(family: Family, file: string): string {
  const { from, to, hops } = NEAR[family];
  const mac = (i: number) => `'02:00:00:00:03:0${i}'`;
  const neighbors = hops.map((hop, i) => `{address: '${hop}', mac: ${mac(i)}, interface: to}`);
  const macs = hops.map((_, i) => `{mac: ${mac(i)}, vlan: 20, port: b}`);
  return `version: 1
workers: 1
tenants:
  live:
    quota: {routes: 10M}
    bridge:
      ports: {a: {memory: true, vlan: 10}, b: {memory: true, vlan: 20}}
      static_macs: [${macs.join(', ')}]
    router:
      mac: '${ROUTER}'
      interfaces: {from: {vlan: 10, addresses: ['${from}']}, to: {vlan: 20, addresses: ['${to}']}}
      neighbors: [${neighbors.join(', ')}]
      routes_file: ${file}
`;
}
