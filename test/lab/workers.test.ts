import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../native-free/tool.ts';
import type { Row } from '../../src/control/show.ts';
import { Program, stream } from '../../src/lab/program.ts';
import { ping, tell } from '../../src/lab/reach.ts';
import { expectBooksToBalance } from '../support/books.ts';
import { allowEcho } from '../support/hosts.ts';
import { eventually, own, SwitchProcess, sweep } from '../support/switch-process.ts';

const never = new AbortController().signal;
const [a, b, c] = ['a', 'b', 'c'].map(own);

const yaml = `
version: 1
workers: 2
tenants:
  red:
    bridge:
      ports:
        a: {tap: ${a}, netns: ${a}, vlan: 10, address: 10.0.10.11/24, gateway: 10.0.10.1}
        b: {tap: ${b}, netns: ${b}, vlan: 10, address: 10.0.10.12/24, gateway: 10.0.10.1}
        c: {tap: ${c}, netns: ${c}, vlan: 20, address: 10.0.20.11/24, gateway: 10.0.20.1}
        rec0: {pcap: {write: rec0.pcap}, vlan: 10}
        rec1: {pcap: {write: rec1.pcap}, vlan: 10}
        mem: {memory: true, vlan: 30}
    router:
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24]}
        db: {vlan: 20, addresses: [10.0.20.1/24]}
`;

beforeAll(sweep);

describe('two workers', () => {
  let running: SwitchProcess;
  beforeAll(async () => {
    running = await SwitchProcess.started(yaml);
    for (const netns of [a, b, c]) allowEcho(netns);
  });
  afterAll(() => running?.stop());

  const turnsWithFrames = ({ turns, idle_turns }: Row) => Number(turns) - Number(idle_turns);

  it('both run, each with a pool of its own', async () => {
    const workers = await running.show('workers');
    expect(workers.map(({ worker }) => worker)).toEqual([0, 1]);
  });

  it('carry pings, TCP within a VLAN, and TCP through the router', async () => {
    expect(await ping(a, '10.0.10.12', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    expect(await ping(a, '10.0.20.11', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    for (const [from, to] of [
      [a, b],
      [a, c],
    ]) {
      expect(await stream(from, to, '10.0.10.11', 0.5, never)).toMatchObject({ wrong: 0 });
    }
  });

  it('carry flows in both directions in order, and both take part', async () => {
    const sinks = [b, a].map(
      (netns) => new Program(netns, 'udp-sink', { port: 7100, flows: 32, idle: 1, seconds: 15 }),
    );
    await Promise.all(sinks.map((sink) => sink.next()));
    const before = await running.show('workers');
    // Slow enough that the queue of a TAP bears a machine that has no time for us for a fifth of a second.
    const options = { port: 7100, flows: 32, pps: 5000, frames: 5000 };
    const floods = [
      new Program(a, 'udp-flood', { ...options, to: '10.0.10.12' }),
      new Program(b, 'udp-flood', { ...options, to: '10.0.10.11' }),
    ];
    await Promise.all(floods.map((flood) => flood.report()));
    const after = await running.show('workers');
    for (const [i, worker] of after.entries())
      expect(turnsWithFrames(worker)).toBeGreaterThan(turnsWithFrames(before[i]));
    for (const sink of sinks) {
      const report = await sink.report();
      expect(report).toMatchObject({ outOfOrder: 0, duplicated: 0, corrupt: 0 });
      expect(Number(report['received'])).toBeGreaterThan(4500);
    }
  });

  it('see a MAC move, whichever of them learned it', async () => {
    // b takes the MAC address of a, which must be silent meanwhile; what is sent to that address then reaches b.
    const mac = (await running.show('macs')).find(({ port }) => port === 'a')!['mac'] as string;
    runTool('ip', ['-n', a, 'link', 'set', 'dev', a, 'down']);
    runTool('ip', ['-n', b, 'link', 'set', 'dev', b, 'address', mac]);
    expect(await ping(b, '10.0.20.11', { echo: true, count: 3, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 3,
    });
    const [row] = (await running.show('macs')).filter((one) => one['mac'] === mac);
    expect(row).toMatchObject({ port: 'b' });
    expect(Number(row['moves'])).toBeGreaterThanOrEqual(1);
    runTool('ip', ['-n', a, 'link', 'set', 'dev', a, 'up']);
  });

  it('reach a port with one queue from either, and lose nothing on the way', async () => {
    const tx = async () =>
      (await running.show('ports'))
        .filter(({ port }) => String(port).startsWith('rec'))
        .map((row) => Number(row['tx_frames']));
    // Sixteen sockets, hence sixteen flows: the kernel spreads them over both queues.
    const before = await tx();
    for (let i = 0; i < 16; i++) await tell(b, '10.0.10.255', 4242, `flow ${i}`, 10, never);
    await eventually('all recorded', async () => (await tx()).every((frames, i) => frames - before[i] >= 160));
    for (const name of ['rec0.pcap', 'rec1.pcap']) {
      const file = await eventually('the file', () => {
        const text = readFileSync(join(running.folder, name), 'latin1');
        return text.split('flow ').length - 1 === 160 ? text : null;
      });
      for (let i = 0; i < 16; i++) expect(file).toContain(`flow ${i}`);
    }
  });

  it('keep books whose sum balances, and get every buffer back', async () => {
    await expectBooksToBalance(running);
    await eventually('all buffers', async () =>
      (await running.show('workers')).every(
        (worker) => worker['heads_free'] === worker['heads'] && worker['bodies_free'] === worker['bodies'],
      ),
    );
  });

  it('end at SIGTERM', async () => {
    expect(await running.end('SIGTERM')).toMatchObject({ code: 0 });
  });
});
