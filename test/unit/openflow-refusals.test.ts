import { afterAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/openflow/channel/channel.ts';
import { encode } from '../../src/openflow/codec/codec.ts';
import { errorName } from '../../src/openflow/codec/errors.ts';
import type { Message } from '../../src/openflow/codec/messages.ts';
import { type FieldName, fieldNamed } from '../../src/openflow/fields.ts';
import {
  type Action,
  type FlowMod,
  type GroupMod,
  type Instruction,
  type MeterMod,
  NO_BUFFER,
} from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { OpenFlowPeer } from '../support/openflow-peer.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';

/**
 * What a datapath refuses, and with which type and code: 1.3.5, section 7.4.4, case by case. Each is sent over a connection, and leaves
 * the datapath as it was.
 */
const flow = (text: string, more: Partial<FlowMod> = {}): Message => ({
  type: 'flow_mod',
  mod: { ...parseFlow(text, 'add'), ...more },
});
const doing = (...instructions: Instruction[]): Message => flow('actions=drop', { instructions });
const applying = (...actions: Action[]): Message => doing({ type: 'apply_actions', actions });
const group = (text: string, more: Partial<GroupMod> = {}): Message => ({
  type: 'group_mod',
  mod: { ...parseGroup(text, more.command ?? 'add'), ...more },
});
const meter = (text: string, more: Partial<MeterMod> = {}): Message => ({
  type: 'meter_mod',
  mod: { ...parseMeter(text, more.command ?? 'add'), ...more },
});
const portMod = (more: object): Message => ({
  type: 'port_mod',
  mod: { port: 1, address: Uint8Array.of(2, 0, 0, 0, 0, 1), config: 0, mask: 0, advertise: 0, ...more },
});
const packetOut = (more: object): Message => ({
  type: 'packet_out',
  mod: { buffer: NO_BUFFER, inPort: 1, actions: [], frame: new Uint8Array(60), ...more },
});
const matching = (...fields: [FieldName, number[], number[]?][]): Message =>
  flow('actions=drop', {
    match: fields.map(([name, value, mask]) => ({
      ...{ field: fieldNamed(name), value: Uint8Array.from(value) },
      mask: mask === undefined ? null : Uint8Array.from(mask),
    })),
  });
const multipart = (kind: string, body: object): Message =>
  ({ type: 'multipart_request', kind, more: false, body }) as Message;
/** A message with other bytes at a place. */
const bent = (message: Message, at: number, ...bytes: number[]): Uint8Array => {
  const whole = encode(message, 1);
  whole.set(bytes, at);
  return whole;
};
const IP = [0x08, 0x00];
const OXM = 8 + 40 + 4;
const drop = flow('actions=drop');
const oneAction = applying({ type: 'dec_nw_ttl' });
/** Place of the first instruction, and of its first action, behind an empty match. */
const INSTRUCTION = 8 + 40 + 8;
const ACTION = INSTRUCTION + 8;

const CASES: readonly (readonly [what: string, error: string, message: Message | Uint8Array])[] = [
  // Requests.
  ['a version that was not agreed on', 'OFPBRC_BAD_VERSION', bent({ type: 'features_request' }, 0, 5)],
  ['a type that there is not', 'OFPBRC_BAD_TYPE', bent({ type: 'features_request' }, 1, 99)],
  ['a message for controllers', 'OFPBRC_BAD_TYPE', { type: 'barrier_reply' }],
  ['a multipart that there is not', 'OFPBRC_BAD_MULTIPART', bent(multipart('desc', {}), 8, 0, 99)],
  [
    'an experimenter that nobody knows',
    'OFPBRC_BAD_EXPERIMENTER',
    { type: 'experimenter', experimenter: 7, experimenterType: 1, data: new Uint8Array() },
  ],
  [
    'a message of ONF that nobody knows',
    'OFPBRC_BAD_EXP_TYPE',
    { type: 'experimenter', experimenter: 0x4f4e4600, experimenterType: 1, data: new Uint8Array() },
  ],
  [
    'an experimenter of statistics',
    'OFPBRC_BAD_EXPERIMENTER',
    multipart('experimenter', { experimenter: 7, type: 1, data: new Uint8Array() }),
  ],
  ['bytes too many', 'OFPBRC_BAD_LEN', Uint8Array.of(4, 5, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0)],
  ['a flow-mod that is cut short', 'OFPBRC_BAD_LEN', Uint8Array.of(4, 14, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0)],
  ['a buffer that was never given', 'OFPBRC_BUFFER_UNKNOWN', packetOut({ buffer: 77, frame: new Uint8Array() })],
  ['a frame from a port that cannot be', 'OFPBRC_BAD_PORT', packetOut({ inPort: 0xfffffffc })],
  ['a frame without a header', 'OFPBRC_BAD_PACKET', packetOut({ frame: new Uint8Array(5) })],
  // Matches.
  ['a match of an old kind', 'OFPBMC_BAD_TYPE', bent(drop, 48, 0, 0)],
  ['a match that is cut short', 'OFPBMC_BAD_LEN', bent(drop, 48, 0, 1, 0, 3)],
  ['a field of another length', 'OFPBMC_BAD_LEN', bent(matching(['eth_type', IP]), OXM + 3, 1)],
  ['a field that there is not', 'OFPBMC_BAD_FIELD', bent(matching(['eth_type', IP]), OXM + 2, 60 << 1)],
  ['a class that there is not', 'OFPBMC_BAD_FIELD', bent(matching(['eth_type', IP]), OXM, 0x12, 0x34)],
  ['more bits than the field has', 'OFPBMC_BAD_VALUE', matching(['eth_type', IP], ['ip_dscp', [0x40]])],
  ['a VLAN without the bit of the tag', 'OFPBMC_BAD_VALUE', matching(['vlan_vid', [0, 5]])],
  ['a mask where none may be', 'OFPBMC_BAD_MASK', matching(['eth_type', [8, 0], [0xff, 0]])],
  [
    'bits outside of the mask',
    'OFPBMC_BAD_WILDCARDS',
    matching(['eth_type', IP], ['ipv4_src', [10, 0, 0, 1], [255, 0, 0, 0]]),
  ],
  ['an address without its protocol', 'OFPBMC_BAD_PREREQ', matching(['ipv4_src', [10, 0, 0, 1]])],
  [
    'an address of another protocol',
    'OFPBMC_BAD_PREREQ',
    matching(['eth_type', [0x86, 0xdd]], ['ipv4_src', [10, 0, 0, 1]]),
  ],
  ['a port without its protocol', 'OFPBMC_BAD_PREREQ', matching(['eth_type', IP], ['tcp_dst', [0, 80]])],
  ['a priority of a tag that is not there', 'OFPBMC_BAD_PREREQ', matching(['vlan_vid', [0, 0]], ['vlan_pcp', [3]])],
  [
    'a priority of a tag that may be there',
    'OFPBMC_BAD_PREREQ',
    matching(['vlan_vid', [0, 5], [0x0f, 0xff]], ['vlan_pcp', [3]]),
  ],
  [
    "a target that is no neighbour's",
    'OFPBMC_BAD_PREREQ',
    matching(
      ['eth_type', [0x86, 0xdd]],
      ['ip_proto', [58]],
      ['icmpv6_type', [128]],
      ['ipv6_nd_target', new Array<number>(16).fill(1)],
    ),
  ],
  ['a physical port without a port', 'OFPBMC_BAD_PREREQ', matching(['in_phy_port', [0, 0, 0, 1]])],
  ['a field twice', 'OFPBMC_DUP_FIELD', matching(['eth_type', IP], ['eth_type', IP])],
  [
    'statistics of a match that cannot be',
    'OFPBMC_BAD_PREREQ',
    multipart('flow', {
      table: 255,
      outPort: 0xffffffff,
      outGroup: 0xffffffff,
      cookie: 0n,
      cookieMask: 0n,
      match: [{ field: fieldNamed('tcp_dst'), value: Uint8Array.of(0, 80), mask: null }],
    }),
  ],
  // Instructions.
  ['an instruction that there is not', 'OFPBIC_UNKNOWN_INST', bent(oneAction, INSTRUCTION, 0, 9)],
  [
    'an instruction of another length',
    'OFPBIC_BAD_LEN',
    bent(doing({ type: 'meter', meter: 1 }), INSTRUCTION + 2, 0, 4),
  ],
  ['an instruction twice', 'OFPBIC_UNSUP_INST', doing({ type: 'clear_actions' }, { type: 'clear_actions' })],
  [
    'an instruction of an experimenter',
    'OFPBIC_BAD_EXPERIMENTER',
    doing({ type: 'experimenter', experimenter: 7, data: new Uint8Array() }),
  ],
  [
    'a table before this one',
    'OFPBIC_BAD_TABLE_ID',
    flow('table=3,actions=drop', { instructions: [{ type: 'goto_table', table: 3 }] }),
  ],
  ['a table that there is not', 'OFPBIC_BAD_TABLE_ID', doing({ type: 'goto_table', table: 255 })],
  ['a meter that there is not', 'OFPMMFC_UNKNOWN_METER', doing({ type: 'meter', meter: 5 })],
  // Actions.
  ['an action that there is not', 'OFPBAC_BAD_TYPE', bent(oneAction, ACTION, 0, 99)],
  ['an action of another length', 'OFPBAC_BAD_LEN', bent(oneAction, ACTION + 2, 0, 4)],
  ['an action longer than its list', 'OFPBAC_BAD_LEN', bent(oneAction, ACTION + 2, 0, 64)],
  [
    'an action of an experimenter',
    'OFPBAC_BAD_EXPERIMENTER',
    applying({ type: 'experimenter', experimenter: 7, data: new Uint8Array() }),
  ],
  ['port 0', 'OFPBAC_BAD_OUT_PORT', applying({ type: 'output', port: 0, maxLength: 0 })],
  ['any port', 'OFPBAC_BAD_OUT_PORT', applying({ type: 'output', port: 0xffffffff, maxLength: 0 })],
  ['the tables, from a rule', 'OFPBAC_BAD_OUT_PORT', applying({ type: 'output', port: 0xfffffff9, maxLength: 0 })],
  ['a group that there is not', 'OFPBAC_BAD_OUT_GROUP', applying({ type: 'group', group: 5 })],
  ['a tag of another type', 'OFPBAC_BAD_ARGUMENT', applying({ type: 'push_vlan', ethertype: 0x0800 })],
  ['a label of another type', 'OFPBAC_BAD_ARGUMENT', applying({ type: 'push_mpls', ethertype: 0x0800 })],
  ['an I-TAG of another type', 'OFPBAC_BAD_ARGUMENT', applying({ type: 'push_pbb', ethertype: 0x0800 })],
  [
    'no tag to pop',
    'OFPBAC_MATCH_INCONSISTENT',
    flow('vlan_tci=0,actions=drop', { instructions: [{ type: 'apply_actions', actions: [{ type: 'pop_vlan' }] }] }),
  ],
  [
    'a field of other frames',
    'OFPBAC_MATCH_INCONSISTENT',
    flow('arp,actions=drop', {
      instructions: [
        {
          type: 'apply_actions',
          actions: [{ type: 'set_field', field: fieldNamed('tcp_dst'), value: Uint8Array.of(0, 80) }],
        },
      ],
    }),
  ],
  [
    'a field that the match does not promise',
    'OFPBAC_MATCH_INCONSISTENT',
    applying({ type: 'set_field', field: fieldNamed('tcp_dst'), value: Uint8Array.of(0, 80) }),
  ],
  [
    'a field of a header that was popped',
    'OFPBAC_MATCH_INCONSISTENT',
    applying({ type: 'pop_vlan' }, { type: 'set_field', field: fieldNamed('vlan_pcp'), value: Uint8Array.of(1) }),
  ],
  [
    'a field that cannot be set',
    'OFPBAC_BAD_SET_TYPE',
    applying({ type: 'set_field', field: fieldNamed('in_port'), value: Uint8Array.of(0, 0, 0, 1) }),
  ],
  [
    'a value of too many bits to set',
    'OFPBAC_BAD_SET_ARGUMENT',
    applying({ type: 'set_field', field: fieldNamed('ip_dscp'), value: Uint8Array.of(0xff) }),
  ],
  [
    'a value of another length to set',
    'OFPBAC_BAD_SET_LEN',
    bent(applying({ type: 'set_field', field: fieldNamed('ip_dscp'), value: Uint8Array.of(1) }), ACTION + 7, 2),
  ],
  ['bad actions of a packet-out', 'OFPBAC_BAD_OUT_GROUP', packetOut({ actions: [{ type: 'group', group: 9 }] })],
  // Rules.
  ['a table for all', 'OFPFMFC_BAD_TABLE_ID', flow('actions=drop', { table: 255 })],
  ['a change in all tables', 'OFPFMFC_BAD_TABLE_ID', flow('actions=drop', { table: 255, command: 'modify' })],
  ['flags that there are not', 'OFPFMFC_BAD_FLAGS', flow('actions=drop', { flags: 0x40 })],
  [
    'flags that there are not, to delete',
    'OFPFMFC_BAD_FLAGS',
    flow('actions=drop', { flags: 0x40, command: 'delete' }),
  ],
  ['a command that there is not', 'OFPFMFC_BAD_COMMAND', bent(drop, 8 + 17, 9)],
  ['a rule that overlaps', 'OFPFMFC_OVERLAP', flow('priority=9,ip,nw_dst=10.0.0.0/24,actions=drop', { flags: 2 })],
  ['a rule too many', 'OFPFMFC_TABLE_FULL', flow('priority=8,actions=drop')],
  // Groups.
  ['a group that is there', 'OFPGMFC_GROUP_EXISTS', group('group_id=1,type=all')],
  ['a group with the number of all', 'OFPGMFC_INVALID_GROUP', group('group_id=2,type=all', { group: 0xfffffffc })],
  [
    'an indirect group of two',
    'OFPGMFC_INVALID_GROUP',
    group('group_id=2,type=indirect,bucket=output:1', {
      buckets: [0, 1].map(() => ({ weight: 0, watchPort: 0xffffffff, watchGroup: 0xffffffff, actions: [] })),
    }),
  ],
  ['a group without a kind', 'OFPGMFC_BAD_TYPE', group('group_id=2,type=all', { type: 9 })],
  [
    'a group that is not there, to change',
    'OFPGMFC_UNKNOWN_GROUP',
    group('group_id=2,type=all', { command: 'modify' }),
  ],
  ['a command for groups that there is not', 'OFPGMFC_BAD_COMMAND', bent(group('group_id=2,type=all'), 8, 0, 9)],
  ['a bucket that is cut short', 'OFPGMFC_BAD_BUCKET', bent(group('group_id=2,type=all,bucket=output:1'), 16, 0, 4)],
  [
    'a bucket that watches nothing',
    'OFPGMFC_BAD_WATCH',
    group('group_id=2,type=ff,bucket=watch_port:1,output:1', {
      buckets: [{ weight: 0, watchPort: 0xffffffff, watchGroup: 0xffffffff, actions: [] }],
    }),
  ],
  ['a group that leads to itself', 'OFPGMFC_LOOP', group('group_id=1,type=all,bucket=group:1', { command: 'modify' })],
  ['a bucket with an action that cannot be', 'OFPBAC_BAD_OUT_GROUP', group('group_id=2,type=all,bucket=group:7')],
  // Ports, tables, configuration, roles, queues.
  ['a port that there is not', 'OFPPMFC_BAD_PORT', portMod({ port: 9 })],
  ['another hardware address', 'OFPPMFC_BAD_HW_ADDR', portMod({ address: new Uint8Array(6) })],
  ['a configuration that there is not', 'OFPPMFC_BAD_CONFIG', portMod({ config: 2, mask: 2 })],
  ['a table of which nothing is known', 'OFPTMFC_BAD_CONFIG', { type: 'table_mod', mod: { table: 1, config: 8 } }],
  ['fragments put together', 'OFPSCFC_BAD_FLAGS', { type: 'set_config', flags: 2, missSendLength: 128 }],
  ['a role that there is not', 'OFPRRFC_BAD_ROLE', { type: 'role_request', role: 9, generationId: 0n }],
  ['queues of a port that there is not', 'OFPQOFC_BAD_PORT', { type: 'queue_get_config_request', port: 9 }],
  ['a queue that there is not', 'OFPQOFC_BAD_QUEUE', multipart('queue', { port: 1, queue: 9 })],
  ['statistics of a port that there is not', 'OFPBRC_BAD_PORT', multipart('port_stats', { port: 9 })],
  // Meters.
  ['a meter that is there', 'OFPMMFC_METER_EXISTS', meter('meter=1,kbps,bands=type=drop,rate=9')],
  ['meter 0', 'OFPMMFC_INVALID_METER', meter('meter=2,kbps,bands=type=drop,rate=9', { meter: 0 })],
  [
    'a meter that is not there, to change',
    'OFPMMFC_UNKNOWN_METER',
    meter('meter=2,kbps,bands=type=drop,rate=9', { command: 'modify' }),
  ],
  ['statistics of a meter that is not there', 'OFPMMFC_UNKNOWN_METER', multipart('meter', { meter: 9 })],
  [
    'a command for meters that there is not',
    'OFPMMFC_BAD_COMMAND',
    bent(meter('meter=2,kbps,bands=type=drop,rate=9'), 8, 0, 9),
  ],
  ['both rates', 'OFPMMFC_BAD_FLAGS', meter('meter=2,kbps,bands=type=drop,rate=9', { flags: 3 })],
  [
    'a rate of nothing',
    'OFPMMFC_BAD_RATE',
    meter('meter=2,kbps,bands=type=drop,rate=9', { bands: [{ type: 'drop', rate: 0, burst: 0 }] }),
  ],
  ['a band that there is not', 'OFPMMFC_BAD_BAND', bent(meter('meter=2,kbps,bands=type=drop,rate=9'), 16, 0, 9)],
  [
    'bands too many',
    'OFPMMFC_OUT_OF_BANDS',
    meter('meter=2,kbps,bands=type=drop,rate=9', { bands: new Array(17).fill({ type: 'drop', rate: 9, burst: 0 }) }),
  ],
];

describe('is refused', async () => {
  const rig = new OpenFlowRig({ mostRules: 2 });
  const { datapath } = rig;
  for (const text of ['priority=9,ip,actions=drop', 'priority=1,actions=drop'])
    datapath.flowMod(parseFlow(text, 'add'), 'cli');
  datapath.groupMod(parseGroup('group_id=1,type=all,bucket=output:1', 'add'), 'cli');
  datapath.meterMod(parseMeter('meter=1,kbps,bands=type=drop,rate=9', 'add'), 'cli');
  const channel: Channel = await rig.channel({ listen: ['tcp:127.0.0.1:0'] });
  afterAll(() => channel.close());
  const peer = (await OpenFlowPeer.connect(channel.ports[0] ?? 0)).greet();
  await peer.next('hello');
  const state = () => JSON.stringify([...datapath.records()].map((record) => Array.from(record)));
  const before = state();

  test.each(CASES)('%s: %s', async (_what, error, message) => {
    const bytes = message instanceof Uint8Array ? message : encode(message, 1);
    peer.stream.write(bytes);
    const { errorType, code, data, xid } = await peer.next('error');
    expect(errorName(errorType, code)).toBe(error);
    expect(xid).toBe(1);
    expect(Buffer.from(data)).toEqual(Buffer.from(bytes.subarray(0, 64)));
    expect(await peer.settle()).toEqual([]);
    expect(state()).toBe(before);
  });
});
