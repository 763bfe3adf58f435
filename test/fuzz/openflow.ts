import { setImmediate as turn } from 'node:timers/promises';
import { Connection } from '../../src/openflow/channel/connection.ts';
import { DEFAULT_LIMITS } from '../../src/openflow/channel/options.ts';
import { PacketBuffers } from '../../src/openflow/channel/packet-buffers.ts';
import { Requests } from '../../src/openflow/channel/requests.ts';
import { Roles } from '../../src/openflow/channel/roles.ts';
import { Session } from '../../src/openflow/channel/session.ts';
import { encode } from '../../src/openflow/codec/codec.ts';
import type { Message } from '../../src/openflow/codec/messages.ts';
import { NO_BUFFER } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { HandTimers, streamPair } from '../support/openflow-peer.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';
import type { Random } from './random.ts';

const flow = (text: string, command: 'add' | 'modify' | 'delete' = 'add'): Message => ({
  type: 'flow_mod',
  mod: parseFlow(text, command),
});
const multipart = (kind: string, body: object = {}): Message =>
  ({ type: 'multipart_request', kind, more: false, body }) as Message;
const every = { table: 0xff, outPort: 0xffffffff, outGroup: 0xffffffff, cookie: 0n, cookieMask: 0n, match: [] };
const masks = { master: 7, slave: 7 };

/** Messages as controllers send them: what random ones are made from. */
const GIVEN: readonly Message[] = [
  { type: 'hello', versions: [4] },
  { type: 'echo_request', data: Uint8Array.of(1, 2, 3) },
  { type: 'features_request' },
  { type: 'get_config_request' },
  { type: 'set_config', flags: 0, missSendLength: 128 },
  { type: 'barrier_request' },
  { type: 'role_request', role: 1, generationId: 0n },
  { type: 'get_async_request' },
  { type: 'set_async', packetIn: masks, portStatus: masks, flowRemoved: masks },
  { type: 'queue_get_config_request', port: 1 },
  flow(
    'table=1,priority=9,in_port=1,tcp,nw_src=10.0.0.0/8,tp_dst=80,actions=dec_ttl,set_field:02:00:00:00:00:01->eth_dst,output:2',
  ),
  flow(
    'priority=8,udp6,ipv6_dst=2001:db8::/32,idle_timeout=3,send_flow_rem,actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:1',
  ),
  flow('priority=7,actions=write_actions(group:1),write_metadata:0x1/0xff,goto_table:2'),
  flow('priority=6,icmp6,icmpv6_type=135,actions=meter:1,output:CONTROLLER'),
  flow('priority=5,mpls,mpls_label=5,actions=pop_mpls:0x0800,clear_actions', 'modify'),
  flow('tcp', 'delete'),
  {
    type: 'group_mod',
    mod: parseGroup('group_id=1,type=select,bucket=weight:1,output:1,bucket=weight:2,output:2', 'add'),
  },
  {
    type: 'group_mod',
    mod: parseGroup('group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,group:1', 'add'),
  },
  { type: 'group_mod', mod: parseGroup('group_id=1', 'delete') },
  { type: 'meter_mod', mod: parseMeter('meter=1,kbps,burst,bands=type=drop,rate=9,burst_size=2', 'add') },
  { type: 'meter_mod', mod: parseMeter('meter=1', 'delete') },
  { type: 'port_mod', mod: { port: 1, address: Uint8Array.of(2, 0, 0, 0, 0, 1), config: 1, mask: 1, advertise: 0 } },
  { type: 'table_mod', mod: { table: 255, config: 3 } },
  {
    type: 'packet_out',
    mod: {
      buffer: NO_BUFFER,
      inPort: 1,
      actions: [{ type: 'output', port: 2, maxLength: 0 }],
      frame: new Uint8Array(60),
    },
  },
  ...['desc', 'table', 'group_desc', 'group_features', 'meter_features', 'port_desc'].map((kind) => multipart(kind)),
  ...['flow', 'aggregate'].map((kind) => multipart(kind, every)),
  multipart('port_stats', { port: 0xffffffff }),
  multipart('queue', { port: 0xffffffff, queue: 0xffffffff }),
  multipart('group', { group: 0xfffffffc }),
  multipart('meter', { meter: 0xffffffff }),
  multipart('meter_config', { meter: 0xffffffff }),
  multipart('table_features', []),
  multipart('experimenter', { experimenter: 0x2320, type: 1, data: new Uint8Array(8) }),
  { type: 'experimenter', experimenter: 0x2320, experimenterType: 16, data: new Uint8Array(8) },
  { type: 'bundle_control', bundle: 1, control: 0, flags: 3 },
  { type: 'bundle_add', bundle: 1, flags: 3, message: encode(flow('priority=1,actions=drop'), 7) },
  { type: 'bundle_control', bundle: 1, control: 4, flags: 3 },
];
const TEMPLATES = GIVEN.map((message, k) => encode(message, message.type === 'bundle_add' ? 7 : k));
const HELLO = TEMPLATES[0];
/** Values that lengths, types and numbers are set to. */
const EDGES = [0, 1, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xfe, 0xff];

/** A message that is given, changed in some bytes; seldom in its length, since behind a wrong one the stream is lost. */
export function randomMessage(random: Random): Uint8Array {
  const bytes = Uint8Array.from(TEMPLATES[random.below(TEMPLATES.length)]);
  if (bytes.length > 8) {
    for (let changes = random.below(5); changes > 0; changes--)
      bytes[8 + random.below(bytes.length - 8)] =
        random.below(2) === 0 ? EDGES[random.below(EDGES.length)] : random.below(256);
    if (random.below(20) === 0) return cut(bytes, 8 + random.below(bytes.length - 8));
  }
  if (random.below(50) === 0) bytes[1] = random.below(40);
  if (random.below(1000) === 0) bytes[random.below(4)] = random.below(256);
  return bytes;
}

/** Shorter, with a length that says so. */
function cut(bytes: Uint8Array, length: number): Uint8Array {
  const part = bytes.slice(0, length);
  new DataView(part.buffer).setUint16(2, length);
  return part;
}

export interface FuzzResult {
  readonly messages: number;
  readonly connections: number;
  readonly errors: number;
  /** Why connections ended, for reasons of ours: none is the only good answer. */
  readonly faults: readonly string[];
  readonly rules: number;
}

/** Sends random messages, in random pieces, over connections in memory, one after the other, to one datapath. */
export async function fuzzMessages(random: Random, count: number): Promise<FuzzResult> {
  const rig = new OpenFlowRig({ mostRules: 500 });
  const timers = new HandTimers();
  const buffers = new PacketBuffers(DEFAULT_LIMITS, () => timers.nowMs());
  const sessions: Session[] = [];
  const context = { datapath: rig.datapath, roles: new Roles(), buffers, limits: DEFAULT_LIMITS, software: 'fuzz' };
  const requests = new Requests({ ...context, sessions: () => sessions });
  const faults: string[] = [];
  let connections = 0;
  let errors = 0;
  let sent = 0;
  while (sent < count) {
    connections++;
    const [ours, theirs] = streamPair();
    theirs.resume();
    const connection: Connection = new Connection(
      ours,
      {
        greeted: () => undefined,
        message: (envelope, bytes) => requests.answer(session, envelope, bytes),
        closed: (reason) => {
          if (reason.startsWith('internal')) faults.push(reason);
        },
      },
      { timers, limits: DEFAULT_LIMITS, idleMs: 1e9, answerMs: 1e9 },
    );
    const session = new Session(connection, true, DEFAULT_LIMITS);
    sessions.splice(0, sessions.length, session);
    theirs.write(HELLO);
    for (let k = 0; k < 2000 && connection.open && sent < count; k++, sent++) {
      const bytes = randomMessage(random);
      const at = random.below(bytes.length);
      if (random.below(4) === 0) {
        theirs.write(bytes.subarray(0, at));
        await turn();
        theirs.write(bytes.subarray(at));
      } else theirs.write(bytes);
      if (k % 32 === 31) {
        rig.nowMs += 100;
        rig.datapath.tick();
        while (connection.open && theirs.writableLength > 0) await turn();
      }
    }
    for (let k = 0; k < 50; k++) await turn();
    errors += connection.errors;
    connection.close('done');
    await timers.pass(2000);
  }
  return { messages: sent, connections, errors, faults, rules: rig.datapath.flows.size };
}
