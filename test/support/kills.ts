import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addAddresses, deleteLink, findLink, listLinks, setLink, setNeighbour } from '../../native-free/links.ts';
import { createNetns, deleteAllNetns, listNetns } from '../../native-free/netns.ts';
import { runTool } from '../../native-free/tool.ts';
import { ping } from '../../src/lab/reach.ts';
import { Random } from '../fuzz/random.ts';
import { allowEcho } from './hosts.ts';
import { eventually, type Process, SwitchProcess } from './switch-process.ts';

const never = new AbortController().signal;
/** In the machine's own namespace: a network that no other run has. */
const NETWORK = `10.${128 + (process.pid & 127)}.${(process.pid >> 7) & 255}`;
const HOST = `${NETWORK}.1`;
const FAR = `${NETWORK}.2`;

export interface KillsOptions {
  readonly kills: number;
  readonly seed: number;
  /** Makes names that nobody else has, of at most 6 bytes. */
  readonly own: (what: string) => string;
}

export interface KillsResult {
  readonly kills: number;
  /** Kills by the place that they happened at. */
  readonly places: Readonly<Record<string, number>>;
  /** The longest that the joined device took to work on its own again. */
  readonly slowestMs: number;
  readonly wrong: readonly string[];
}

/**
 * Runs a switch through start, two changes and its end, time and again, and each time kills it at another of its failpoints. It has
 * joined a veth that carries the machine's own address, made namespaces and listens at a socket; beside it another
 * switch runs, and there are a namespace and a device of somebody else.
 */
export async function measureKills({ kills, seed, own }: KillsOptions): Promise<KillsResult> {
  const [joined, far, host, late, stranger, side] = ['kj', 'kf', 'kh', 'kl', 'ks', 'ki'].map(own);
  const yaml = (more: string) => `
version: 1
workers: 1
tenants:
  red:
    bridge:
      ports:
        joined: {netdev: ${joined}, force: true}
        host: {tap: ${host}, netns: ${host}, address: 10.78.0.2/24}
        vm: {qemu: {listen: vm.sock}}
${more}
`;
  const first = yaml('');
  const second = yaml(`        late: {tap: ${late}, netns: ${late}}`);
  const sideYaml = `
version: 1
tenants: {blue: {bridge: {ports: {a: {netdev: ${side}}, b: {tap: ${own('kt')}, netns: ${own('kt')}}}}}}
`;
  const start = (failpoint: string) =>
    new SwitchProcess(first, { TAPYARD_FAILPOINT: failpoint }, { 'second.yaml': Buffer.from(second) });
  const veth = (name: string, peer: string) =>
    runTool('ip', [], [['link', 'add', name, 'type', 'veth', 'peer', 'name', peer, 'netns', far]]);
  createNetns(far, 'test');
  createNetns(stranger, 'test');
  let beside: SwitchProcess | undefined;
  try {
    allowEcho(far);
    for (const name of [joined, stranger, side]) {
      veth(name, `${name}p`);
      setLink(`${name}p`, { up: true }, far);
      setLink(name, { up: true });
    }
    addAddresses(`${joined}p`, [`${FAR}/24`], far);
    addAddresses(joined, [`${HOST}/24`]);
    // Who asks for an address in vain asks again after a second: that is not to be measured.
    setNeighbour(HOST, findLink(joined)?.address ?? '', `${joined}p`, far);
    setNeighbour(FAR, findLink(`${joined}p`, far)?.address ?? '', joined);
    runTool(
      'tc',
      [],
      [
        ['qdisc', 'add', 'dev', stranger, 'clsact'],
        `filter add dev ${stranger} ingress pref 7 protocol ip u32 match u32 0 0 flowid 1:1`.split(' '),
      ],
    );
    beside = await SwitchProcess.started(sideYaml);
    const deviceState = (name: string) => {
      const link = findLink(name);
      const tc = ['qdisc', 'filter'].map((kind) =>
        runTool('tc', [kind, 'show', 'dev', name, ...(kind === 'filter' ? ['ingress'] : [])]),
      );
      return [link?.flags.filter((flag) => flag !== 'LOWER_UP'), link?.promiscuity, ...tc].join(' ');
    };
    const world = () => ({
      namespaces: listNetns().filter((name) => name.startsWith(own(''))),
      links: listLinks()
        .map(({ ifname }) => ifname)
        .filter((name) => name.startsWith(own('')) || isLeft(name)),
      states: [joined, stranger, side].map(deviceState),
    });
    // What a test beside this one has just killed is not what is to stay.
    await eventually('no device left by others', () => !listLinks().some(({ ifname }) => isLeft(ifname)));
    const before = JSON.stringify(world());
    const dead = () =>
      readdirSync('/run/tapyard').filter(
        (name) => spawnSync('flock', ['-n', `/run/tapyard/${name}/.`, 'true']).status === 0,
      ).length;
    const places = await placesOf(start);
    const random = new Random(seed);
    const wrong: string[] = [];
    const counts: Record<string, number> = {};
    let slowestMs = 0;
    for (let i = 0; i < kills; i++) {
      const n = 1 + random.below(places.length);
      const what = `kill ${i} at ${places[n - 1]} (*:${n})`;
      const one = start(`*:${n}`);
      try {
        await live(one);
        const { signal } = await one.ended;
        if (signal !== 'SIGKILL') wrong.push(`${what}: it was not killed`);
        const ms = await works(far);
        slowestMs = Math.max(slowestMs, ms);
        if (ms > 1000) wrong.push(`${what}: the device took ${Math.round(ms)} ms`);
        await eventually(
          `${what}: all as it was, not ${JSON.stringify(world())} but ${before}`,
          () => JSON.stringify(world()) === before,
        );
        const next = start('');
        await next.said('ready\n');
        next.child.kill('SIGTERM');
        const { code } = await next.ended;
        if (code !== 0) wrong.push(`${what}: the next start ended with ${code}: ${next.stderr}`);
        await next.stop();
        await eventually(`${what}: all as it was after the next start`, () => JSON.stringify(world()) === before);
        // One that was killed before anybody watched over it leaves an empty folder for the next start.
        await eventually(`${what}: no instance left`, () => dead() === 0);
      } catch (error) {
        wrong.push(error instanceof Error ? error.message : String(error));
      } finally {
        await one.stop();
      }
      counts[places[n - 1]] = (counts[places[n - 1]] ?? 0) + 1;
    }
    return { kills, places: counts, slowestMs, wrong };
  } finally {
    await beside?.stop();
    for (const name of [joined, stranger, side]) if (findLink(name) !== undefined) deleteLink(name);
    deleteAllNetns([far, stranger, host, late]);
  }
}

/** The names of all failpoints that such a life passes, in order. */
async function placesOf(start: (failpoint: string) => SwitchProcess): Promise<string[]> {
  const process = start('print');
  await live(process);
  await process.stop();
  return [...process.stderr.matchAll(/^failpoint (.*)$/gm)].map(([, place]) => place);
}

/** Start, a change, the change back, the end; until it dies. */
async function live(process: SwitchProcess): Promise<void> {
  try {
    await orDeath(process, process.said('ready\n'));
    for (const file of ['second.yaml', 'tapyard.yaml'])
      await orDeath(process, process.call('apply', { file: join(process.folder, file) }));
    process.child.kill('SIGTERM');
  } catch {
    // It has died.
  }
  await process.ended;
}

function orDeath<Value>(process: Process, value: Promise<Value>): Promise<Value> {
  const died = process.ended.then(() => {
    throw new Error('died');
  });
  died.catch(() => {});
  value.catch(() => {});
  return Promise.race([value, died]);
}

/** Whether a TAP that was made for a joined device belongs to an instance that is no more. */
function isLeft(name: string): boolean {
  const instance = /^ty([0-9a-z]{6})-\d+$/.exec(name)?.[1];
  return instance !== undefined && !existsSync(`/run/tapyard/${instance}`);
}

/** @returns milliseconds until the machine answers at its own address again, through the device that was joined */
async function works(far: string): Promise<number> {
  const start = performance.now();
  await eventually(
    'an answer',
    async () => (await ping(far, HOST, { echo: true, count: 1, timeoutMs: 20, signal: never })).received === 1,
  );
  return performance.now() - start;
}
