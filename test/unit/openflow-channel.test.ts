import { afterEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/openflow/channel/channel.ts';
import type { ChannelOptions } from '../../src/openflow/channel/options.ts';
import { encode } from '../../src/openflow/codec/codec.ts';
import { BundleError } from '../../src/openflow/codec/errors.ts';
import { BundleControl, type Message, Role } from '../../src/openflow/codec/messages.ts';
import { type FlowMod, NO_BUFFER, Ports } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { HandTimers, OpenFlowPeer } from '../support/openflow-peer.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** A channel that listens, and peers that have said hello. */
async function channelled(peers: number, options: Partial<ChannelOptions> = {}) {
  const rig = new OpenFlowRig();
  const channel: Channel = await rig.channel({ listen: ['tcp:127.0.0.1:0'], ...options });
  open.push(channel);
  const made: OpenFlowPeer[] = [];
  for (let k = 0; k < peers; k++) {
    const peer = (await OpenFlowPeer.connect(channel.ports[0] ?? 0)).greet();
    await peer.next('hello');
    made.push(peer);
  }
  return { rig, channel, peers: made };
}

const flow = (text: string, more: Partial<FlowMod> = {}): Message => ({
  type: 'flow_mod',
  mod: { ...parseFlow(text, 'add'), ...more },
});
const config = (missSendLength: number): Message => ({ type: 'set_config', flags: 0, missSendLength });
const role = (wanted: number, generationId = 0n): Message => ({ type: 'role_request', role: wanted, generationId });
const frameOf = (length: number) => new Uint8Array(length).fill(7);
const packetIn = (more = {}) => ({
  ...{ reason: 1, table: 3, cookie: 5n, inPort: 1, metadata: 0n, tunnelId: 0n, maxLength: 64, frame: frameOf(200) },
  ...more,
});

describe('roles', () => {
  test('begin as equal; a new master makes a slave of the old one, which may read and change nothing', async () => {
    const {
      peers: [one, other],
      rig,
    } = await channelled(2);
    one.send(role(Role.NoChange));
    expect(await one.next('role_reply')).toMatchObject({ role: Role.Equal, generationId: 2n ** 64n - 1n });
    one.send(role(Role.Master, 10n));
    expect(await one.next('role_reply')).toMatchObject({ role: Role.Master, generationId: 10n });
    other.send(role(Role.Master, 11n));
    expect(await other.next('role_reply')).toMatchObject({ role: Role.Master, generationId: 11n });
    const writes: Message[] = [
      flow('priority=1,actions=drop'),
      { type: 'packet_out', mod: { buffer: NO_BUFFER, inPort: 1, actions: [], frame: frameOf(60) } },
      { type: 'group_mod', mod: { command: 'add', type: 'all', group: 1, buckets: [] } },
      { type: 'meter_mod', mod: { command: 'delete', flags: 0, meter: 1, bands: [] } },
      { type: 'port_mod', mod: { port: 1, address: frameOf(6), config: 0, mask: 0, advertise: 0 } },
      { type: 'table_mod', mod: { table: 0, config: 0 } },
      { type: 'bundle_control', bundle: 1, control: BundleControl.OpenRequest, flags: 0 },
    ];
    for (const write of writes) {
      one.send(write);
      expect(await one.next('error'), write.type).toMatchObject({ errorType: 1, code: 10 });
    }
    expect(rig.datapath.flows.size).toBe(0);
    one.send({ type: 'multipart_request', kind: 'desc', more: false, body: {} });
    expect(await one.next('multipart_reply')).toMatchObject({ kind: 'desc' });
    other.send(flow('priority=1,actions=drop'));
    expect(await other.settle()).toEqual([]);
    expect(rig.datapath.flows.size).toBe(1);
  });

  test('of an old generation, and ones that there are not, are refused', async () => {
    const { peers } = await channelled(1);
    const [peer] = peers;
    peer.send(role(Role.Slave, 5n));
    await peer.next('role_reply');
    peer.send(role(Role.Master, 4n));
    expect(await peer.next('error')).toMatchObject({ errorType: 11, code: 0 });
    peer.send(role(9));
    expect(await peer.next('error')).toMatchObject({ errorType: 11, code: 2 });
    // Numbers of generations go round.
    peer.send(role(Role.Master, 5n + 2n ** 63n - 1n));
    expect(await peer.next('role_reply')).toMatchObject({ role: Role.Master });
  });
});

describe('what nobody asked for', () => {
  test('goes to a client only when it has shown that it stays, and by its filter', async () => {
    const {
      rig,
      peers: [quiet, listening],
    } = await channelled(2);
    listening.send(config(128));
    await listening.settle();
    rig.datapath.portChanged(1, false);
    expect(await listening.next('port_status')).toMatchObject({ mod: { reason: 2, port: { port: 1 } } });
    expect(await quiet.settle()).toEqual([]);
    listening.send({
      type: 'set_async',
      ...{
        packetIn: { master: 0, slave: 0 },
        portStatus: { master: 0, slave: 7 },
        flowRemoved: { master: 0, slave: 0 },
      },
    });
    listening.send({ type: 'get_async_request' });
    expect(await listening.next('get_async_reply')).toMatchObject({ portStatus: { master: 0, slave: 7 } });
    rig.datapath.portChanged(1, true);
    expect(await listening.settle()).toEqual([]);
    listening.send(role(Role.Slave));
    await listening.next('role_reply');
    rig.datapath.portChanged(1, false);
    expect((await listening.next('port_status')).mod.port.state).toBe(1);
  });

  test('tells of removed rules with reason, counts and duration', async () => {
    const { rig, peers } = await channelled(1);
    const [peer] = peers;
    peer.send(config(128));
    peer.send(flow('table=2,priority=7,cookie=0x9,hard_timeout=3,send_flow_rem,tcp,actions=drop'));
    await peer.settle();
    rig.nowMs += 3000;
    rig.datapath.tick();
    expect(await peer.next('flow_removed')).toMatchObject({
      ...{ cookie: 9n, priority: 7, table: 2, reason: 1, durationSec: 3, hardTimeout: 3, packets: 0n },
    });
    expect(rig.datapath.flows.size).toBe(0);
  });
});

describe('frames for controllers', () => {
  test('come cut, with a buffer that can be named once', async () => {
    const { rig, channel, peers } = await channelled(1);
    const [peer] = peers;
    peer.send(config(32));
    await peer.settle();
    channel.packetIn(packetIn());
    const first = await peer.next('packet_in');
    expect(first).toMatchObject({ totalLength: 200, reason: 1, table: 3, cookie: 5n });
    expect([first.data.length, first.match.map(({ field }) => field.name)]).toEqual([64, ['in_port']]);
    const send = (buffer: number): Message => ({
      type: 'packet_out',
      mod: { buffer, inPort: 1, actions: [{ type: 'output', port: 2, maxLength: 0 }], frame: new Uint8Array() },
    });
    peer.send(send(first.buffer));
    expect(await peer.settle()).toEqual([]);
    expect(rig.packetOuts).toEqual([1]);
    peer.send(send(first.buffer));
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 7 });
    peer.send(send(first.buffer + 1));
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 8 });
  });

  test('come whole where the action wants that, or for a wrong TTL as long as the configuration says', async () => {
    const { channel, peers } = await channelled(1);
    const [peer] = peers;
    const masks = { master: 7, slave: 0 };
    peer.send({ type: 'set_async', packetIn: masks, portStatus: masks, flowRemoved: masks });
    peer.send(config(20));
    await peer.settle();
    channel.packetIn(packetIn({ maxLength: 0xffff, metadata: 9n, tunnelId: 8n }));
    const whole = await peer.next('packet_in');
    expect([whole.buffer, whole.data.length]).toEqual([NO_BUFFER, 200]);
    expect(whole.match.map(({ field }) => field.name)).toEqual(['in_port', 'metadata', 'tunnel_id']);
    channel.packetIn(packetIn({ reason: 2 }));
    expect((await peer.next('packet_in')).data.length).toBe(20);
  });

  test('begin with the rule that was made for them', async () => {
    const { rig, channel, peers } = await channelled(1);
    const [peer] = peers;
    peer.send(config(128));
    await peer.settle();
    channel.packetIn(packetIn({ inPort: 2 }));
    const { buffer } = await peer.next('packet_in');
    peer.send(flow('priority=1,in_port=2,actions=output:1', { buffer }));
    expect(await peer.settle()).toEqual([]);
    expect(rig.packetOuts).toEqual([2]);
    peer.send(flow('priority=2,in_port=2,actions=output:1', { buffer: 12345 }));
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 8 });
    expect(rig.datapath.flows.size).toBe(2);
  });

  test('are bounded in rate, and dropped where nobody wants them or reads them', async () => {
    const limits = { packetInRate: 10, packetInBurst: 5, packetInBytes: 1 };
    const { channel, peers } = await channelled(1, { limits });
    channel.packetIn(packetIn());
    expect(channel.status().packetInsDropped).toEqual({ nobody: 1, rate: 0, slow: 0 });
    const [peer] = peers;
    peer.send(config(128));
    await peer.settle();
    for (let k = 0; k < 3; k++) channel.packetIn(packetIn());
    // Three in one turn of the event loop: the first fills what may wait.
    expect(channel.status().packetInsDropped).toEqual({ nobody: 3, rate: 0, slow: 2 });
    for (let k = 0; k < 10; k++) {
      await peer.settle();
      channel.packetIn(packetIn());
    }
    expect(channel.status().packetInsDropped.rate).toBeGreaterThan(3);
  });
});

describe('bundles', () => {
  const control = (what: number, flags = 3): Message => ({ type: 'bundle_control', bundle: 1, control: what, flags });
  const add = (message: Message, xid: number): [Message, number] => [
    { type: 'bundle_add', bundle: 1, flags: 3, message: encode(message, xid) },
    xid,
  ];

  test('are carried out together, in their order', async () => {
    const { rig, peers } = await channelled(1);
    const [peer] = peers;
    peer.send(control(BundleControl.OpenRequest));
    expect(await peer.next('bundle_control')).toMatchObject({ control: BundleControl.OpenReply, bundle: 1 });
    const group = { command: 'add', type: 'indirect', group: 4 } as const;
    const buckets = [{ weight: 0, watchPort: Ports.Any, watchGroup: Ports.Any, actions: [] }];
    peer.send(...add({ type: 'group_mod', mod: { ...group, buckets } }, 901));
    peer.send(...add(flow('priority=1,actions=group:4'), 902));
    expect(await peer.settle()).toEqual([]);
    expect(rig.datapath.flows.size).toBe(0);
    peer.send(control(BundleControl.CloseRequest));
    await peer.next('bundle_control');
    peer.send(control(BundleControl.CommitRequest));
    expect(await peer.next('bundle_control')).toMatchObject({ control: BundleControl.CommitReply });
    expect([rig.datapath.flows.size, rig.datapath.groups.groups.size]).toEqual([1, 1]);
  });

  test('leave nothing behind when one message is refused, which is named', async () => {
    const { rig, peers } = await channelled(1);
    const [peer] = peers;
    peer.send(flow('priority=5,cookie=1,tcp,actions=output:1'));
    await peer.settle();
    peer.send(control(BundleControl.OpenRequest));
    await peer.next('bundle_control');
    peer.send(...add(flow('priority=5,cookie=2,tcp,actions=output:2'), 901));
    peer.send(...add(flow('priority=6,actions=drop'), 902));
    peer.send(
      ...add({ type: 'port_mod', mod: { port: 1, address: rig.address(1), config: 1, mask: 1, advertise: 0 } }, 903),
    );
    peer.send(...add(flow('priority=7,actions=group:77'), 904));
    const commit = peer.send(control(BundleControl.CommitRequest));
    expect(await peer.next('error')).toMatchObject({ errorType: 2, code: 9, xid: 904 });
    expect(await peer.next('error')).toMatchObject({ errorType: 0xffff, code: BundleError.MsgFailed, xid: commit });
    expect(await peer.settle()).toEqual([]);
    const rules = [...rig.datapath.statistics.flowStats(ALL)];
    expect(rules.map(({ cookie, priority }) => [cookie, priority])).toEqual([[1n, 5]]);
    expect(rig.datapath.ports.get(1)?.config).toBe(0);
    expect(rig.store.size).toBe(1);
  });

  test.each<[string, number, readonly [Message, number][]]>([
    ['that are not there', BundleError.BadId, [[control(BundleControl.CommitRequest), 1]]],
    ['opened twice', BundleError.BadId, [open1(), open1()]],
    ['added to with other flags', BundleError.BadFlags, [open1(0), add(flow('actions=drop'), 3)]],
    ['with what is not bundled', BundleError.MsgUnsup, [open1(), add({ type: 'barrier_request' }, 3)]],
    ['added to after the end', BundleError.BundleClosed, [open1(), [control(4 - 2), 2], add(flow('actions=drop'), 3)]],
    ['of a kind that nobody knows', BundleError.BadType, [[control(99), 1]]],
    ['with another number inside', BundleError.MsgBadXid, [open1(), [add(flow('actions=drop'), 3)[0], 4]]],
  ])('%s are refused', async (_, code, messages) => {
    const { peers } = await channelled(1);
    const [peer] = peers;
    for (const [message, xid] of messages) peer.send(message, xid);
    const error = await peer.next('error');
    expect(error).toMatchObject({ errorType: 0xffff, code });
    // ONF's number stands before the message.
    expect(Buffer.from(error.data.subarray(0, 4)).toString('hex')).toBe('4f4e4600');
  });

  function open1(flags = 3): [Message, number] {
    return [control(BundleControl.OpenRequest, flags), 1];
  }
});

const ALL = {
  ...{ table: 0xff, outPort: Ports.Any, outGroup: Ports.Any, cookie: 0n, cookieMask: 0n, match: [] },
};

describe('long answers', () => {
  test('come in several messages, none longer than 64 KiB, all but the last marked', async () => {
    const { peers } = await channelled(1);
    const [peer] = peers;
    for (let k = 0; k < 3000; k++)
      peer.send(flow(`table=${k % 200},priority=${k},tcp,nw_dst=10.0.0.0/24,actions=output:1`));
    await peer.settle();
    peer.send({ type: 'multipart_request', kind: 'flow', more: false, body: ALL });
    let rows = 0;
    for (let parts = 1; ; parts++) {
      const reply = await peer.next('multipart_reply');
      if (reply.kind !== 'flow') throw new Error(reply.kind);
      rows += reply.body.length;
      if (reply.more) continue;
      expect(parts).toBeGreaterThan(3);
      break;
    }
    expect(rows).toBe(3000);
  });

  test('that walk over rules or ports come a few milliseconds apart; others, and changes of other connections, do not wait', async () => {
    const timers = new HandTimers();
    const rig = new OpenFlowRig();
    const channel = await rig.channel({ listen: ['tcp:127.0.0.1:0'], timers });
    open.push(channel);
    const port = channel.ports[0] ?? 0;
    const [peer, other] = [await OpenFlowPeer.connect(port), await OpenFlowPeer.connect(port)];
    await Promise.all([peer, other].map((one) => one.greet().next('hello')));
    const ask = (kind: string, body: object): Message =>
      ({ type: 'multipart_request', kind, more: false, body }) as Message;
    peer.send(ask('flow', ALL));
    expect(await peer.next('multipart_reply')).toMatchObject({ kind: 'flow' });
    peer.send(ask('desc', {}));
    expect(await peer.next('multipart_reply')).toMatchObject({ kind: 'desc' });
    peer.send(ask('port_stats', { port: Ports.Any }));
    const next = peer.next('multipart_reply');
    let answered = false;
    void next.then(() => {
      answered = true;
    });
    expect(await other.settle()).toEqual([]);
    await timers.pass(9);
    expect(await other.settle()).toEqual([]);
    expect(answered).toBe(false);
    await timers.pass(1);
    expect(await next).toMatchObject({ kind: 'port_stats' });
  });

  test('to questions in parts are given once, and endless ones refused', async () => {
    const { peers } = await channelled(1);
    const [peer] = peers;
    const part = (more: boolean): Message => ({ type: 'multipart_request', kind: 'table_features', more, body: [] });
    peer.send(part(true), 5);
    peer.send(part(false), 5);
    const reply = await peer.next('multipart_reply');
    expect([reply.kind, reply.xid]).toEqual(['table_features', 5]);
    for (let k = 0; k < 65; k++) peer.send(part(true), 6);
    expect(await peer.next('error')).toMatchObject({ errorType: 1, code: 13 });
  });
});

describe('refused with the error of the specification', () => {
  const multipart = (kind: 'meter' | 'meter_config', meter: number): Message =>
    ({ type: 'multipart_request', kind, more: false, body: { meter } }) as Message;
  test.each<[string, Message, number, number]>([
    [
      'messages of experimenters',
      { type: 'experimenter', experimenter: 0x2320, experimenterType: 1, data: frameOf(8) },
      1,
      3,
    ],
    [
      'unknown messages of ONF',
      { type: 'experimenter', experimenter: 0x4f4e4600, experimenterType: 1, data: frameOf(8) },
      1,
      4,
    ],
    ['what a switch says', { type: 'barrier_reply' }, 1, 1],
    [
      'questions of experimenters',
      {
        type: 'multipart_request',
        kind: 'experimenter',
        more: false,
        body: { experimenter: 0x2320, type: 2, data: frameOf(0) },
      },
      1,
      3,
    ],
    [
      'ports that are not there',
      { type: 'multipart_request', kind: 'port_stats', more: false, body: { port: 77 } },
      1,
      11,
    ],
    ['queues of ports that are not there', { type: 'queue_get_config_request', port: 77 }, 9, 0],
    [
      'queues that are not there',
      { type: 'multipart_request', kind: 'queue', more: false, body: { port: 1, queue: 7 } },
      9,
      1,
    ],
    ['meters that are not there', multipart('meter', 77), 12, 3],
    ['configurations that there are not', { type: 'set_config', flags: 2, missSendLength: 0 }, 10, 0],
    ['table-mods of tables that are not there', { type: 'table_mod', mod: { table: 0xfe + 0, config: 8 } }, 8, 1],
  ])('%s', async (_, message, errorType, code) => {
    const { peers } = await channelled(1);
    const [peer] = peers;
    peer.send(message, 42);
    expect(await peer.next('error')).toMatchObject({ errorType, code, xid: 42 });
  });
});
