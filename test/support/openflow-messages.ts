import { answerMultipart } from '../../src/openflow/channel/multiparts.ts';
import { decode, encode } from '../../src/openflow/codec/codec.ts';
import type { Message, MultipartRequest } from '../../src/openflow/codec/messages.ts';
import { FIELDS } from '../../src/openflow/fields.ts';
import { NO_BUFFER } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { OpenFlowRig } from './openflow-rig.ts';

const flow = (text: string, command: 'add' | 'modify' | 'delete' = 'add'): Message => ({
  type: 'flow_mod',
  mod: parseFlow(text, command),
});
const multipart = (kind: string, body: object = {}): Message =>
  ({ type: 'multipart_request', kind, more: false, body }) as Message;
const every = { table: 0xff, outPort: 0xffffffff, outGroup: 0xffffffff, cookie: 0n, cookieMask: 0n, match: [] };
const masks = { master: 7, slave: 7 };

/** Messages as controllers send them. */
export const REQUESTS: readonly Message[] = [
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

const port = { port: 1, address: Uint8Array.of(2, 0, 0, 0, 0, 1), name: 'p1', config: 1, state: 4 };
const speeds = { current: 0x840, advertised: 0, supported: 0, peer: 0, currentSpeed: 1, maxSpeed: 2 };
const { match, instructions } = parseFlow('tcp,nw_src=10.0.0.0/8,tp_dst=80/0xfff0,actions=output:2', 'add');
const counted = { packets: 3n, bytes: 180n };
const lasted = { durationSec: 9, durationNsec: 8 };

/** Messages as a switch sends them, multipart replies apart. */
const ANSWERS: readonly Message[] = [
  { type: 'error', errorType: 4, code: 9, data: encode({ type: 'features_request' }, 3) },
  { type: 'echo_reply', data: Uint8Array.of(1, 2, 3) },
  { type: 'features_reply', datapathId: 5n, buffers: 256, tables: 255, auxiliaryId: 0, capabilities: 0x4f },
  { type: 'get_config_reply', flags: 1, missSendLength: 128 },
  {
    ...{ type: 'packet_in', buffer: NO_BUFFER, totalLength: 60, reason: 1, table: 3, cookie: 7n, match },
    data: new Uint8Array(60).fill(9),
  },
  {
    ...{ type: 'flow_removed', cookie: 2n ** 64n - 1n, priority: 65535, reason: 2, table: 254, match },
    ...{ ...lasted, idleTimeout: 1, hardTimeout: 2, ...counted },
  },
  { type: 'port_status', mod: { reason: 2, port: { ...port, ...speeds } } },
  { type: 'barrier_reply' },
  {
    ...{ type: 'queue_get_config_reply', port: 1 },
    queues: [{ queue: 4, port: 1, minRate: null, maxRate: 500 }],
  },
  { type: 'role_reply', role: 2, generationId: 9n },
  { type: 'get_async_reply', packetIn: masks, portStatus: masks, flowRemoved: masks },
];

/** A match on each field, and a set-field of each that can be set. */
const FIELD_BY_FIELD: readonly Message[] = FIELDS.flatMap((field) => {
  const value = new Uint8Array(field.bytes);
  value[field.bytes - 1] = 1;
  const base = parseFlow('actions=drop', 'add');
  const bare: Message = { type: 'flow_mod', mod: { ...base, match: [{ field, value, mask: null }] } };
  const masked: Message = { type: 'flow_mod', mod: { ...base, match: [{ field, value, mask: value }] } };
  const actions = [{ type: 'set_field', field, value } as const];
  const set: Message = { type: 'flow_mod', mod: { ...base, instructions: [{ type: 'apply_actions', actions }] } };
  return [bare, ...(field.maskable ? [masked] : []), ...(field.set === null ? [] : [set])];
});

/** Multipart replies of a datapath that has some of everything. */
function multipartReplies(): Uint8Array[] {
  const { datapath } = new OpenFlowRig();
  datapath.meterMod(parseMeter('meter=1,kbps,burst,stats,bands=type=drop,rate=9,burst_size=2', 'add'), 'cli');
  datapath.meterMod(parseMeter('meter=2,pktps,bands=type=dscp_remark,rate=9,prec_level=1', 'add'), 'cli');
  for (const text of ['group_id=1,type=all,bucket=output:1', 'group_id=2,type=ff,bucket=watch_port:1,group:1'])
    datapath.groupMod(parseGroup(text, 'add'), 'cli');
  datapath.queues.set(1, 3, 1e6);
  for (const request of REQUESTS)
    if (request.type === 'flow_mod' && request.mod.command === 'add') datapath.flowMod(request.mod, 'cli');
  datapath.flowMod({ ...parseFlow('priority=77,actions=drop', 'add'), instructions }, 'cli');
  return REQUESTS.filter(
    (one): one is MultipartRequest => one.type === 'multipart_request' && one.kind !== 'experimenter',
  ).flatMap((request) => [...answerMultipart(datapath, request, 5, { isSlave: false, software: 'test' })]);
}

/** Whole messages of every kind, with a name each; those of a field alone, without what it needs, end with `of a field`. */
export function everyMessage(): { readonly name: string; readonly bytes: Uint8Array }[] {
  const all = [...REQUESTS, ...ANSWERS, ...FIELD_BY_FIELD].map((message, k) =>
    encode(message, message.type === 'bundle_add' ? 7 : k),
  );
  return [...all, ...multipartReplies()].map((bytes, k) => {
    const { message } = decode(bytes);
    const kind = 'kind' in message ? ` ${message.kind}` : '';
    const ofField = k >= REQUESTS.length + ANSWERS.length && k < all.length;
    return { name: `${k} ${message.type}${kind}${ofField ? ' of a field' : ''}`, bytes };
  });
}
