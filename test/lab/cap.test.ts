import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteLink, findLink, setLink } from '../../native-free/links.ts';
import { createNetns, deleteNetns } from '../../native-free/netns.ts';
import { runTool } from '../../native-free/tool.ts';
import { loadCap } from '../../src/control/cap-device.ts';
import { stream } from '../../src/lab/program.ts';
import { ping } from '../../src/lab/reach.ts';
import { expectBooksToBalance } from '../support/books.ts';
import { allowEcho } from '../support/hosts.ts';
import { eventually, own, SwitchProcess, sweep, tapyard } from '../support/switch-process.ts';

const [device, host, other] = ['cap', 'caph', 'capo'].map(own);
const signal = new AbortController().signal;

/** A veth whose near end the port captures from; its far end is in a namespace. */
function lay(): void {
  createNetns(host);
  runTool('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host]);
  setLink(device, { up: true });
  runTool('ip', ['-n', host, 'address', 'add', '10.0.0.1/24', 'dev', 'eth0']);
  setLink('eth0', { up: true }, host);
  // libpcap cannot tell that a checksum is still to be completed, or that a frame is many.
  const offloads = ['tx', 'tso', 'gso', 'gro'].flatMap((name) => [name, 'off']);
  runTool('ip', ['netns', 'exec', host, 'ethtool', '-K', 'eth0', ...offloads]);
}

describe('a switch of two workers with a cap port', () => {
  let running: SwitchProcess;
  beforeAll(async () => {
    sweep();
    lay();
    running = await SwitchProcess.started(`version: 1
workers: 2
tenants:
  red:
    bridge:
      ports:
        first: {memory: true, vlan: 2}
        cap: {cap: ${device}}
        tap: {tap: ${other}, netns: ${other}, address: 10.0.0.2/24}
`);
    for (const netns of [host, other]) allowEcho(netns);
  });
  afterAll(async () => {
    await running?.stop();
    deleteNetns(host);
    if (findLink(device) !== undefined) deleteLink(device);
  });

  it('carries pings and TCP both ways, every frame of it accounted for', async () => {
    const there = await eventually('an answer', async () => {
      const result = await ping(host, '10.0.0.2', { echo: true, count: 3, timeoutMs: 10_000, signal });
      return result.received === 3 ? result : null;
    });
    expect(there.errors).toEqual([]);
    expect((await ping(other, '10.0.0.1', { echo: true, count: 3, timeoutMs: 10_000, signal })).received).toBe(3);
    for (const [from, to, address] of [
      [host, other, '10.0.0.1'],
      [other, host, '10.0.0.2'],
    ]) {
      const { bytes, wrong, compared } = await stream(from, to, address, 1, signal);
      expect(wrong).toBe(0);
      expect(compared).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(100_000);
    }
    await expectBooksToBalance(running);
  });

  it('outlives a link that goes down, and works when it is up again', async () => {
    setLink('eth0', { up: false }, host);
    const link = async () => (await running.show('ports')).find(({ port }) => port === 'cap')?.['link'];
    await eventually('the link to be down', async () => (await link()) === 'down');
    setLink('eth0', { up: true }, host);
    await eventually('the link to be up', async () => (await link()) === 'up');
    await eventually('an answer', async () => {
      return (await ping(other, '10.0.0.1', { echo: true, count: 1, timeoutMs: 500, signal })).received === 1;
    });
    setLink(device, { up: false });
    await eventually('the link to be down', async () => (await link()) === 'down');
    setLink(device, { up: true });
    await eventually('an answer', async () => {
      return (await ping(other, '10.0.0.1', { echo: true, count: 1, timeoutMs: 500, signal })).received === 1;
    });
    await expectBooksToBalance(running);
  });

  it('outlives its device', async () => {
    deleteLink(device);
    const link = async () => (await running.show('ports')).find(({ port }) => port === 'cap')?.['link'];
    await eventually('the link to be down', async () => (await link()) === 'down');
    expect((await ping(other, '10.0.0.1', { echo: true, count: 1, timeoutMs: 20, signal })).received).toBe(0);
    await expectBooksToBalance(running);
  });
});

describe('the package cap', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cap-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const from = join(folder, 'x.js');
  const binary = join(folder, 'node_modules/cap/build/Release/cap.node');

  it('says what to do where it is missing, dangerous, or built for something else', () => {
    expect(() => loadCap(from)).toThrow('which is not installed');
    cpSync('node_modules/cap', join(folder, 'node_modules/cap'), { recursive: true });
    expect(loadCap(from).Cap).toBeTypeOf('function');
    mkdirSync(join(folder, 'other'));
    writeFileSync(binary, 'assert: status == 0');
    expect(() => loadCap(from)).toThrow('would end the switch');
  });

  it('names a device that is not there', () => {
    const file = join(folder, 'none.yaml');
    writeFileSync(file, 'version: 1\ntenants: {red: {bridge: {ports: {a: {cap: no-such-dev}}}}}\n');
    const { code, stderr } = tapyard(['up', file, '--socket', join(folder, 's.sock')]);
    expect([code, stderr]).toEqual([
      69,
      expect.stringMatching(/libpcap cannot open no-such-dev: .*\[capture-failed\]/s),
    ]);
  });
});
