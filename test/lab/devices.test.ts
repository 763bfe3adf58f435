import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addAddresses, deleteLink, findLink, setLink } from '../../native-free/links.ts';
import { createNetns, deleteAllNetns, netnsExists } from '../../native-free/netns.ts';
import { runTool } from '../../native-free/tool.ts';
import { stream } from '../../src/lab/program.ts';
import { ping, tell } from '../../src/lab/reach.ts';
import { frame } from '../../src/wire/build.ts';
import { build, buildRecord, HEADER_LENGTH, RECORD_LENGTH } from '../../src/wire/pcapfile.ts';
import { allowEcho } from '../support/hosts.ts';
import { eventually, own, SwitchProcess, sweep } from '../support/switch-process.ts';

const never = new AbortController().signal;
const [host, far, veth, inner] = ['h', 'far', 'v0', 'v1'].map(own);

beforeAll(sweep);

describe('a port on an existing device', () => {
  const yaml = `
version: 1
tenants:
  red:
    bridge:
      ports:
        host: {tap: ${host}, netns: ${host}, address: 10.0.0.1/24}
        vm: {netdev: ${veth}}
`;
  let running: SwitchProcess;
  const ingress = () => runTool('tc', ['-j', 'filter', 'show', 'dev', veth, 'ingress']).trim();
  const untouched = () =>
    !runTool('tc', ['qdisc', 'show', 'dev', veth]).includes('clsact') && findLink(veth)?.promiscuity === 0;

  beforeAll(() => {
    createNetns(far, 'test');
    runTool('ip', [], [['link', 'add', veth, 'type', 'veth', 'peer', 'name', inner, 'netns', far]]);
    setLink(veth, { up: true });
    setLink(inner, { up: true }, far);
    addAddresses(inner, ['10.0.0.2/24'], far);
    allowEcho(far);
  });
  afterEach(() => running?.stop());
  afterAll(() => {
    deleteLink(veth);
    deleteAllNetns([far, host]);
  });

  it('carries pings and TCP with super-frames both ways, follows its link, and is undone at the end', async () => {
    running = await SwitchProcess.started(yaml);
    expect(await ping(far, '10.0.0.1', { echo: true, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 5,
      errors: [],
    });
    for (const [from, to, address] of [
      [far, host, '10.0.0.2'],
      [host, far, '10.0.0.1'],
    ] as const) {
      const { bytes, wrong } = await stream(from, to, address, 0.5, never);
      expect(wrong).toBe(0);
      expect(bytes).toBeGreaterThan(1 << 20);
    }
    const ports = await running.show('ports');
    const vm = ports.find(({ port }) => port === 'vm')!;
    expect(vm).toMatchObject({ kind: 'netdev', device: veth, link: 'up' });
    // Super-frames, or there were no offloads.
    expect(Number(vm['rx_bytes']) / Number(vm['rx_frames'])).toBeGreaterThan(2000);
    setLink(inner, { up: false }, far);
    await eventually('link down', async () => (await running.show('ports'))[1]['link'] === 'down');
    setLink(inner, { up: true }, far);
    await eventually('link up', async () => (await running.show('ports'))[1]['link'] === 'up');
    expect(await ping(far, '10.0.0.1', { echo: true, count: 2, timeoutMs: 10_000, signal: never })).toMatchObject({
      received: 2,
    });
    expect(ingress()).not.toBe('');
    expect(await running.end('SIGINT')).toMatchObject({ code: 0 });
    expect(untouched()).toBe(true);
  });

  it('starts with the link that the device has', async () => {
    setLink(inner, { up: false }, far);
    running = await SwitchProcess.started(yaml);
    expect((await running.show('ports'))[1]).toMatchObject({ port: 'vm', link: 'down' });
    setLink(inner, { up: true }, far);
    await eventually('link up', async () => (await running.show('ports'))[1]['link'] === 'up');
  });

  it('is undone after kill -9', async () => {
    running = await SwitchProcess.started(yaml);
    expect(untouched()).toBe(false);
    expect(await running.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    await eventually('an untouched device, and no namespace', () => untouched() && !netnsExists(host));
  });

  it('is refused when it carries an address, with the cure, and nothing is left', async () => {
    addAddresses(veth, ['10.99.0.1/24']);
    running = new SwitchProcess(yaml);
    expect(await running.ended).toMatchObject({ code: 69 });
    expect(running.stderr).toMatch(/10\.99\.0\.1.*Cure: .*force/);
    expect(untouched()).toBe(true);
    runTool('ip', ['addr', 'flush', 'dev', veth]);
  });
});

describe('a port on capture files', () => {
  let running: SwitchProcess;
  afterAll(() => running?.stop());

  function capture(frames: readonly Uint8Array[]): Uint8Array {
    const length = frames.reduce((sum, one) => sum + RECORD_LENGTH + one.length, HEADER_LENGTH);
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    let at = HEADER_LENGTH;
    build(view, 0, false, 262_144, true);
    frames.forEach((one, i) => {
      buildRecord(view, at, 1_000_000, i, one.length, one.length, true);
      bytes.set(one, at + RECORD_LENGTH);
      at += RECORD_LENGTH + one.length;
    });
    return bytes;
  }

  it('plays a file out of a TAP, and records what a TAP sends so that tshark can read it', async () => {
    const played = frame({
      ethernet: { source: '02:00:00:00:00:99', destination: 'ff:ff:ff:ff:ff:ff' },
      ipv4: { source: '10.0.0.9', destination: '10.0.0.255' },
      udp: { source: 5000, destination: 4242 },
      payload: 'played',
    });
    running = await SwitchProcess.started(
      `
version: 1
tenants:
  red:
    bridge:
      ports:
        host: {tap: ${host}, netns: ${host}, address: 10.0.0.1/24}
        rec: {pcap: {read: in.pcap, write: out.pcap, pace: speed, loop: 3}}
`,
      {},
      { 'in.pcap': capture(Array.from({ length: 10 }, () => played)) },
    );
    const ports = await eventually('all played', async () => {
      const rows = await running.show('ports');
      return Number(rows[1]['rx_frames']) === 30 ? rows : null;
    });
    expect(Number(ports[0]['tx_frames'])).toBeGreaterThanOrEqual(30);
    await tell(host, '10.0.0.255', 4242, 'recorded', 20, never);
    const out = join(running.folder, 'out.pcap');
    const sent = async () => Number((await running.show('ports'))[1]['tx_frames']) >= 20;
    await eventually('frames sent', sent);
    await eventually('frames written', () => existsSync(out) && readFileSync(out).includes('recorded'));
    expect(await running.end('SIGTERM')).toMatchObject({ code: 0 });
    const read = spawnSync(
      'tshark',
      [
        '-r',
        out,
        '-o',
        'udp.check_checksum:TRUE',
        '-o',
        'ip.check_checksum:TRUE',
        '-T',
        'fields',
        '-e',
        'udp.dstport',
        '-e',
        'udp.checksum.status',
        '-e',
        '_ws.malformed',
      ],
      { encoding: 'utf8' },
    );
    const rows = read.stdout.split('\n').map((row) => row.split('\t'));
    expect(rows.filter(([port]) => port === '4242')).toHaveLength(20);
    expect(rows.filter(([port, status]) => port === '4242' && status !== '1')).toEqual([]);
    expect(rows.filter(([, , malformed]) => malformed)).toEqual([]);
  });
});
