import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/openflow/channel/channel.ts';
import { FailState } from '../../src/openflow/channel/fail-mode.ts';
import type { ChannelEvent, ChannelTls, FailMode } from '../../src/openflow/channel/options.ts';
import { OpenFlowPeer } from '../support/openflow-peer.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';

const folder = mkdtempSync(join(tmpdir(), 'openflow-'));
const channels: Channel[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const channel of channels.splice(0)) await channel.close();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A controller that says hello to whoever comes. */
class Controller {
  readonly server: Server;
  readonly peers: OpenFlowPeer[] = [];
  #arrived: (() => void)[] = [];

  constructor(tls?: ChannelTls) {
    const take = (socket: Socket) => {
      this.peers.push(new OpenFlowPeer(socket).greet());
      for (const resolve of this.#arrived.splice(0)) resolve();
    };
    this.server =
      tls === undefined
        ? createServer(take)
        : createTlsServer({ ...pem(tls), requestCert: true, rejectUnauthorized: true }, take);
    servers.push(this.server);
  }

  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** The next connection that comes. */
  async visitor(): Promise<OpenFlowPeer> {
    while (this.peers.length === 0) await new Promise<void>((resolve) => this.#arrived.push(resolve));
    return this.peers.shift() as OpenFlowPeer;
  }

  async hangUp(peer: OpenFlowPeer): Promise<void> {
    peer.stream.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const pem = ({ privateKey, certificate, authority }: ChannelTls) => ({
  key: privateKey,
  cert: certificate,
  ca: authority,
});

/** A channel and what has happened to it; `until` waits for an event of a kind. */
async function dial(controllers: readonly string[], failMode: FailMode, tls?: ChannelTls) {
  const rig = new OpenFlowRig();
  const events: ChannelEvent[] = [];
  let wake: () => void = () => undefined;
  const onEvent = (event: ChannelEvent) => {
    events.push(event);
    wake();
  };
  const channel = await rig.channel({ controllers, failMode, onEvent, ...(tls === undefined ? {} : { tls }) });
  channels.push(channel);
  const until = async (kind: ChannelEvent['kind']): Promise<ChannelEvent> => {
    for (;;) {
      const found = events.findIndex((event) => event.kind === kind);
      if (found >= 0) return events.splice(0, found + 1)[found];
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { rig, channel, until };
}

describe('a controller', () => {
  test('is connected to, lost and found again; standalone forwards meanwhile', async () => {
    const controller = new Controller();
    const port = await controller.listen();
    const { rig, channel, until } = await dial([`tcp:127.0.0.1:${port}`], 'standalone');
    const peer = await controller.visitor();
    peer.send({ type: 'features_request' });
    expect(await peer.next('features_reply')).toMatchObject({
      datapathId: 1n,
      tables: 255,
      auxiliaryId: 0,
      buffers: 256,
    });
    expect(channel.status().rows).toMatchObject([{ kind: 'controller', state: 'connected', role: 'equal' }]);
    expect(rig.datapath.standalone).toBe(false);
    await controller.hangUp(peer);
    expect(await until('standalone')).toMatchObject({ on: true });
    expect([rig.datapath.standalone, channel.status().standalone]).toEqual([true, true]);
    const back = new Controller();
    await back.listen(port);
    await back.visitor();
    expect(await until('standalone')).toMatchObject({ on: false });
    expect(rig.datapath.standalone).toBe(false);
    expect(rig.datapath.flows.size).toBe(0);
  });

  test('that is lost leaves the rules as they are when the mode is secure', async () => {
    const controller = new Controller();
    const { rig, channel, until } = await dial([`tcp:127.0.0.1:${await controller.listen()}`], 'secure');
    await until('connected');
    await controller.hangUp(await controller.visitor());
    await until('unreachable');
    expect(rig.datapath.standalone).toBe(false);
    const frame = new Uint8Array(60);
    channel.packetIn({ reason: 0, table: 0, cookie: 0n, inPort: 1, metadata: 0n, tunnelId: 0n, maxLength: 60, frame });
    expect(channel.status().packetInsDropped.nobody).toBe(1);
  });

  test('of several decides alone while it is the last that is left', () => {
    const told: boolean[] = [];
    const state = new FailState('standalone', 2, (on) => told.push(on));
    state.set(0, false);
    expect(told).toEqual([]);
    state.set(1, true);
    state.set(1, false);
    expect(told).toEqual([true]);
    state.set(0, true);
    expect(told).toEqual([true, false]);
    const secure = new FailState('secure', 1, (on) => told.push(on));
    secure.set(0, false);
    expect(told).toHaveLength(2);
  });
});

describe('a unix socket', () => {
  const path = join(folder, 'red.mgmt');

  test('is the owner’s alone, takes the place of a dead one, and goes with the channel', async () => {
    const first = await new OpenFlowRig().channel({ listen: [`unix:${path}`] });
    channels.push(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await expect(new OpenFlowRig().channel({ listen: [`unix:${path}`] })).rejects.toThrow(/Another switch answers/);
    const peer = (await OpenFlowPeer.connect(path)).greet();
    expect(await peer.settle()).toEqual(['hello']);
    await first.close();
    expect(existsSync(path)).toBe(false);
    // One that a dead switch left: made by a process that is gone.
    const made = spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`,
    ]);
    expect(made.signal).toBe('SIGKILL');
    expect(existsSync(path)).toBe(true);
    channels.push(await new OpenFlowRig().channel({ listen: [`unix:${path}`] }));
    expect(await (await OpenFlowPeer.connect(path)).greet().settle()).toEqual(['hello']);
  });

  test('does not take the place of a file', async () => {
    const file = join(folder, 'notes');
    writeFileSync(file, 'mine');
    await expect(new OpenFlowRig().channel({ listen: [`unix:${file}`] })).rejects.toThrow(/no socket/);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  test('takes no more connections than the bound', async () => {
    const channel = await new OpenFlowRig().channel({ listen: ['tcp:127.0.0.1:0'], limits: { connections: 1 } });
    channels.push(channel);
    const one = (await OpenFlowPeer.connect(channel.ports[0] ?? 0)).greet();
    await one.settle();
    const other = await OpenFlowPeer.connect(channel.ports[0] ?? 0);
    await other.ended();
    expect(await one.settle()).toEqual([]);
  });
});

describe('TLS', () => {
  const file = (name: string) => join(folder, name);
  const openssl = (...words: readonly string[]) => {
    const done = spawnSync('openssl', words, { encoding: 'utf8', cwd: folder });
    if (done.status !== 0) throw new Error(done.stderr);
  };
  /** A certificate that an authority has signed. */
  const issue = (name: string, authority: string): ChannelTls => {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    const sign = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-out', `${name}.pem`);
    const read = (what: string) => readFileSync(file(what), 'utf8');
    return { privateKey: read(`${name}.key`), certificate: read(`${name}.pem`), authority: read(`${authority}.pem`) };
  };
  let ours: ChannelTls;
  let theirs: ChannelTls;
  let foreign: ChannelTls;

  beforeAll(() => {
    for (const name of ['authority', 'other'])
      openssl(
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
      );
    ours = issue('switch', 'authority');
    theirs = issue('controller', 'authority');
    foreign = issue('stranger', 'other');
  });

  test('connects to a controller of the same authority', async () => {
    const controller = new Controller(theirs);
    const { channel } = await dial([`ssl:127.0.0.1:${await controller.listen()}`], 'secure', ours);
    const peer = await controller.visitor();
    expect(await peer.settle()).toEqual(['hello']);
    expect(channel.status().rows[0].state).toBe('connected');
  });

  test('refuses a controller of another authority', async () => {
    const controller = new Controller(foreign);
    const { until } = await dial([`ssl:127.0.0.1:${await controller.listen()}`], 'secure', ours);
    expect(await until('unreachable')).toMatchObject({ reason: expect.stringMatching(/certificate|unable|alert/i) });
  });

  test('listens for whoever shows a certificate of the authority, and nobody else', async () => {
    const channel = await new OpenFlowRig().channel({ listen: ['ssl:127.0.0.1:0'], tls: ours });
    channels.push(channel);
    const port = channel.ports[0] ?? 0;
    const visit = (options: object) =>
      new OpenFlowPeer(tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }));
    expect(await visit(pem(theirs)).greet().settle()).toEqual(['hello']);
    for (const stranger of [visit({ key: foreign.privateKey, cert: foreign.certificate }), visit({})]) {
      await stranger.ended();
      expect(stranger.received).toEqual([]);
    }
  });

  test('needs certificates', async () => {
    await expect(new OpenFlowRig().channel({ listen: ['ssl:127.0.0.1:0'] })).rejects.toThrow(/needs certificates/);
    await expect(new OpenFlowRig().channel({ controllers: ['ssl:127.0.0.1:6653'] })).rejects.toThrow(
      /needs certificates/,
    );
  });
});
