import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/control/config/load.ts';
import { views } from '../../src/control/show.ts';
import { Switch } from '../../src/control/switch.ts';
import { Program } from '../../src/lab/program.ts';
import { ping, tell } from '../../src/lab/reach.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { Column } from '../../src/observe/ledger.ts';
import { allowEcho } from '../support/hosts.ts';
import { eventually, own, sweep } from '../support/switch-process.ts';

const never = new AbortController().signal;
const [a, b] = ['da', 'db'].map(own);
const WORKERS = 2;
const folder = mkdtempSync(join(tmpdir(), 'worker-death-'));
const yaml = `
version: 1
workers: ${WORKERS}
tenants:
  red:
    bridge:
      ports:
        a: {tap: ${a}, netns: ${a}, vlan: 10, address: 10.0.10.11/24, gateway: 10.0.10.1}
        b: {tap: ${b}, netns: ${b}, vlan: 20, address: 10.0.20.11/24, gateway: 10.0.20.1}
        m: {memory: true, vlan: 10}
        rec: {pcap: {write: ${join(folder, 'rec.pcap')}}, vlan: 10}
        vm: {qemu: {listen: ${join(folder, 'vm.sock')}}, vlan: 10}
    router:
      interfaces:
        one: {vlan: 10, addresses: [10.0.10.1/24]}
        two: {vlan: 20, addresses: [10.0.20.1/24]}
    openflow:
      flows: ['priority=9,icmp,nw_dst=10.0.20.11,actions=NORMAL', 'priority=5,icmp,icmp_type=8,actions=drop', 'priority=0,actions=NORMAL']
`;

const { model } = parseConfig(yaml, 'worker-death');
const openFiles = () => readdirSync('/proc/self/fd').length;

beforeAll(sweep);
afterAll(() => rmSync(folder, { recursive: true }));

let running: Switch;
let failure: Error | undefined;

async function start(): Promise<void> {
  failure = undefined;
  running = await Switch.start(model!, { onFailure: (error) => (failure = error) });
  for (const netns of [a, b]) allowEcho(netns);
}

const reach = (from: string, to: string) => ping(from, to, { echo: true, count: 3, timeoutMs: 10_000, signal: never });
const worksAsBefore = async () => {
  expect(await reach(a, '10.0.20.11')).toMatchObject({ received: 3 });
  // Let through by no rule but the one that drops it.
  expect(await ping(b, '10.0.10.11', { echo: true, count: 1, timeoutMs: 100, signal: never })).toMatchObject({
    received: 0,
  });
  const [tenant] = running.tenants;
  await eventually('balanced books', () =>
    tenant.rows.every((row) => tenant.ledgers.every((ledger) => ledger.imbalance(row) === 0)),
  );
  await eventually('all slots free', async () =>
    (await running.audit()).every((audit) => audit?.freeHeads === audit?.heads && audit?.freeBodies === audit?.bodies),
  );
};
/** A death by lack of memory takes seconds, in which the router may have given up a neighbour whose answer nobody read. */
const neighbourIsBack = () =>
  eventually('the neighbour', async () => {
    const { received } = await ping(a, '10.0.20.11', { echo: true, count: 1, timeoutMs: 1000, signal: never });
    return received === 1;
  });
const die = async (worker: number, how: 'throw' | 'exit' | 'memory') => {
  const { restarts } = running.workers[worker];
  // It may take longer to die than others wait for an answer.
  await running.workers[worker].send({ type: 'fail', how }).catch(() => {});
  await eventually('another', () => running.workers[worker].restarts > restarts && running.workers[worker].isAlive);
};

describe('a worker that dies', () => {
  beforeAll(start);
  afterAll(() => running.stop());

  it('hangs up on who is behind its sockets, who may come again', async () => {
    const isUp = () => running.isUp(running.devices.find('red/vm')!.index);
    for (let worker = 0; worker < WORKERS; worker++) {
      const socket = connect(join(folder, 'vm.sock'));
      const closed = once(socket, 'close');
      await eventually('the peer', isUp);
      const files = openFiles();
      if (running.devices.find('red/vm')!.open.owner === worker) {
        await die(worker, 'exit');
        await closed;
        expect(openFiles()).toBeLessThan(files);
      } else {
        await die(worker, 'exit');
        expect(isUp()).toBe(true);
      }
      socket.destroy();
      await eventually('its end', () => !isUp());
    }
  });

  it.each(['throw', 'exit', 'memory'] as const)(
    'by %s is started again, and knows what it knew',
    { timeout: 300_000 },
    async (how) => {
      await worksAsBefore();
      const macs = (await views.macs(running, {})).map(({ mac, port }) => `${mac} ${port}`);
      const record = async (text: string) => {
        await tell(a, '10.0.10.255', 4242, text, 1, never);
        await eventually(text, () => readFileSync(join(folder, 'rec.pcap'), 'latin1').includes(text));
      };
      await record(`before ${how}`);
      const files = openFiles();
      // One of the two has the frames of this flow, waiting for a neighbour that never answers.
      await tell(a, `10.0.20.${60 + how.length}`, 4242, 'lost', 1, never);
      const [tenant] = running.tenants;
      await eventually('a frame held', () => tenant.books.held === 1);
      for (let worker = 0; worker < WORKERS; worker++) await die(worker, how);
      const died = DROP_REASONS.findIndex(({ name }) => name === 'worker-died');
      expect(tenant.books.total(Column.Drops + died)).toBeGreaterThan(0);
      if (how === 'memory') await neighbourIsBack();
      await worksAsBefore();
      await record(`after ${how}`);
      expect(readFileSync(join(folder, 'rec.pcap'), 'latin1')).toContain(`before ${how}`);
      expect((await views.macs(running, {})).map(({ mac, port }) => `${mac} ${port}`)).toEqual(macs);
      expect(openFiles()).toBe(files);
      const events = running.events.recent.map(({ event }) => event);
      expect(events.filter(({ type }) => type === 'worker').slice(-4)).toMatchObject(
        [0, 1].flatMap((worker) => [
          { worker, state: 'died' },
          { worker, state: 'restarted' },
        ]),
      );
    },
  );
});

describe('a worker that dies more often', () => {
  beforeAll(start);
  afterAll(() => running.stop());

  it('in the middle of a change does not spoil it', async () => {
    const { model: other } = parseConfig(
      yaml.replace('m: {memory: true, vlan: 10}', 'n: {memory: true, vlan: 20}'),
      'other',
    );
    const dying = running.workers[0].send({ type: 'fail', how: 'throw' });
    await running.change(other!);
    await dying;
    await worksAsBefore();
    expect((await views.ports(running, {})).map(({ port }) => port)).toEqual(['a', 'b', 'n', 'rec', 'vm']);
  });

  it('leaves the others forwarding meanwhile', async () => {
    const sink = new Program(b, 'udp-sink', { port: 7100, flows: 32, idle: 2, seconds: 20 });
    await sink.next();
    const flood = new Program(a, 'udp-flood', { to: '10.0.20.11', port: 7100, flows: 32, pps: 5000, frames: 10_000 });
    const [, other] = running.workers;
    const busy = () => other.turns.all - other.turns.idle;
    await eventually('traffic', () => busy() > 100);
    const seen: number[] = [];
    const stop = running.events.listen(({ event }) => {
      if (event.type === 'worker') seen.push(busy());
    });
    await die(0, 'throw');
    stop();
    expect(seen[1]).toBeGreaterThan(seen[0]);
    await flood.report();
    // The queue of the one that died holds a thousand frames until it is read again.
    const report = await sink.report();
    expect(report).toMatchObject({ outOfOrder: 0, duplicated: 0, corrupt: 0 });
    expect(Number(report['received'])).toBeGreaterThan(5000);
    await worksAsBefore();
  });

  it('again and again ends the switch, with the reason', async () => {
    for (let i = 0; i < 5 && failure === undefined; i++) {
      await running.workers[0].send({ type: 'fail', how: 'throw' }).catch(() => {});
    }
    expect(failure?.message).toMatch(/^worker 0 has died 5 times within a minute, the last time of: .*on purpose/);
  });
});
