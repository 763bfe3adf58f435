import type { FlowMod, GroupMod, Match, MeterMod, PacketOut, PortMod, TableMod } from '../model.ts';
import { type Codec, list, pad, type Reader, rest, struct, u8, u16, u32, u64, type Writer } from './bytes.ts';
import { refuse, refuseBundle } from './errors.ts';
import { match } from './match.ts';
import { flowMod, groupMod, meterMod, packetOut, portMod, tableMod } from './mods.ts';
import { queueConfig } from './queue.ts';
import {
  MULTIPARTS,
  type MultipartKind,
  type MultipartReplyBody,
  type MultipartRequestBody,
  type PortDesc,
  portDesc,
} from './stats.ts';

/** All messages of OpenFlow 1.3 and the bundles of ONF extension 230. Source: 1.3.5, section 7. */

export const VERSION = 4;
export const HEADER_LENGTH = 8;
export const ONF = 0x4f4e4600;
const BUNDLE_CONTROL = 2300;
const BUNDLE_ADD = 2301;

/** OFPR_*, OFPRR_*, OFPPR_*, OFPCR_ROLE_*. */
export const PacketInReason = { NoMatch: 0, Action: 1, InvalidTtl: 2 } as const;
export const RemovedReason = { Idle: 0, Hard: 1, Delete: 2, GroupDelete: 3 } as const;
export const PortReason = { Add: 0, Delete: 1, Modify: 2 } as const;
export const Role = { NoChange: 0, Equal: 1, Master: 2, Slave: 3 } as const;

/** OFPBCT_*. */
export const BundleControl = {
  OpenRequest: 0,
  OpenReply: 1,
  CloseRequest: 2,
  CloseReply: 3,
  CommitRequest: 4,
  CommitReply: 5,
  DiscardRequest: 6,
  DiscardReply: 7,
} as const;
export const BundleFlag = { Atomic: 1, Ordered: 2 } as const;

const hello: Codec<{ readonly versions: readonly number[] | null }> = {
  read: (from) => {
    let versions: number[] | null = null;
    while (from.left >= 4) {
      const type = from.u16();
      const length = from.u16();
      if (length < 4 || length - 4 > from.left) break;
      const part = from.part(length - 4);
      from.skip(Math.min(from.left, -length & 7));
      if (type !== 1) continue;
      versions = [];
      for (let base = 0; part.left >= 4; base += 32) {
        const bits = part.u32();
        for (let k = 0; k < 32; k++) if ((bits >>> k) & 1) versions.push(base + k);
      }
    }
    from.skip(from.left);
    return { versions };
  },
  write: (into, { versions }) => {
    if (versions === null) return;
    into.u16(1);
    into.u16(8);
    into.u32(versions.reduce((bits, version) => bits | (1 << version), 0) >>> 0);
  },
};

const data = struct({ data: rest });
const nothing = struct({});
const config = struct({ flags: u16, missSendLength: u16 });
const role = struct({ role: u32, _pad: pad(4), generationId: u64 });
const pairOf = struct({ master: u32, slave: u32 });
/** Masks of reasons: as equal or master, and as slave. */
export interface PairOf {
  readonly master: number;
  readonly slave: number;
}
const asyncConfig = struct({ packetIn: pairOf, portStatus: pairOf, flowRemoved: pairOf });
const features = struct({
  datapathId: u64,
  buffers: u32,
  tables: u8,
  auxiliaryId: u8,
  _pad: pad(2),
  capabilities: u32,
  _reserved: pad(4),
});
const packetIn = struct({
  buffer: u32,
  totalLength: u16,
  reason: u8,
  table: u8,
  cookie: u64,
  match,
  _pad: pad(2),
  data: rest,
});
const flowRemoved = struct({
  cookie: u64,
  priority: u16,
  reason: u8,
  table: u8,
  durationSec: u32,
  durationNsec: u32,
  idleTimeout: u16,
  hardTimeout: u16,
  packets: u64,
  bytes: u64,
  match,
});

/** Number and body of each message that is more than a kind. */
const BODIES = {
  hello: { number: 0, body: hello },
  error: { number: 1, body: struct({ errorType: u16, code: u16, data: rest }) },
  echo_request: { number: 2, body: data },
  echo_reply: { number: 3, body: data },
  features_request: { number: 5, body: nothing },
  features_reply: { number: 6, body: features },
  get_config_request: { number: 7, body: nothing },
  get_config_reply: { number: 8, body: config },
  set_config: { number: 9, body: config },
  packet_in: { number: 10, body: packetIn },
  flow_removed: { number: 11, body: flowRemoved },
  port_status: { number: 12, body: struct({ reason: u8, _pad: pad(7), port: portDesc }) },
  packet_out: { number: 13, body: packetOut },
  flow_mod: { number: 14, body: flowMod },
  group_mod: { number: 15, body: groupMod },
  port_mod: { number: 16, body: portMod },
  table_mod: { number: 17, body: tableMod },
  barrier_request: { number: 20, body: nothing },
  barrier_reply: { number: 21, body: nothing },
  queue_get_config_request: { number: 22, body: struct({ port: u32, _pad: pad(4) }) },
  queue_get_config_reply: { number: 23, body: struct({ port: u32, _pad: pad(4), queues: list(queueConfig) }) },
  role_request: { number: 24, body: role },
  role_reply: { number: 25, body: role },
  get_async_request: { number: 26, body: nothing },
  get_async_reply: { number: 27, body: asyncConfig },
  set_async: { number: 28, body: asyncConfig },
  meter_mod: { number: 29, body: meterMod },
} as const;

const EXPERIMENTER = 4;
const MULTIPART_REQUEST = 18;
export const MULTIPART_REPLY = 19;
/** OFPMPF_REQ_MORE, OFPMPF_REPLY_MORE. */
export const MORE = 1;

interface Named {
  flow_mod: FlowMod;
  group_mod: GroupMod;
  meter_mod: MeterMod;
  port_mod: PortMod;
  table_mod: TableMod;
  packet_out: PacketOut;
  port_status: { readonly reason: number; readonly port: PortDesc };
}
type BodyOf<K extends keyof typeof BODIES> = K extends keyof Named
  ? Named[K]
  : (typeof BODIES)[K]['body'] extends Codec<infer Value>
    ? Value
    : never;

/** Flow-mods and their like lie in `mod`, since they have a `type` or `command` of their own. */
type Plain = {
  [K in keyof typeof BODIES]: K extends keyof Named
    ? { readonly type: K; readonly mod: BodyOf<K> }
    : { readonly type: K } & BodyOf<K>;
}[keyof typeof BODIES];

export type MultipartRequest = {
  [K in MultipartKind]: {
    readonly type: 'multipart_request';
    readonly kind: K;
    readonly more: boolean;
    readonly body: MultipartRequestBody<K>;
  };
}[MultipartKind];

export type MultipartReply = {
  [K in MultipartKind]: {
    readonly type: 'multipart_reply';
    readonly kind: K;
    readonly more: boolean;
    readonly body: MultipartReplyBody<K>;
  };
}[MultipartKind];

export type Message =
  | Plain
  | MultipartRequest
  | MultipartReply
  | { readonly type: 'bundle_control'; readonly bundle: number; readonly control: number; readonly flags: number }
  /** `message`: a whole message, header included. */
  | { readonly type: 'bundle_add'; readonly bundle: number; readonly flags: number; readonly message: Uint8Array }
  | {
      readonly type: 'experimenter';
      readonly experimenter: number;
      readonly experimenterType: number;
      readonly data: Uint8Array;
    };

export type { FlowMod, Match };

const MODS: ReadonlySet<string> = new Set<keyof Named>([
  ...(['flow_mod', 'group_mod', 'meter_mod', 'port_mod', 'table_mod', 'packet_out', 'port_status'] as const),
]);
const BY_NUMBER: ReadonlyMap<number, readonly [string, unknown]> = new Map(
  Object.entries(BODIES).map(([type, { number, body }]) => [number, [type, body] as const]),
);
const BY_MULTIPART: ReadonlyMap<number, MultipartKind> = new Map(
  Object.entries(MULTIPARTS).map(([kind, { number }]) => [number, kind as MultipartKind]),
);

/** Reads a message behind its header. @param number of the type @throws OpenFlowError */
export function readMessage(number: number, from: Reader): Message {
  if (number === EXPERIMENTER) return readExperimenter(from);
  if (number === MULTIPART_REQUEST || number === MULTIPART_REPLY) return readMultipart(number, from);
  const found = BY_NUMBER.get(number);
  if (found === undefined) throw refuse('BAD_REQUEST', 'BAD_TYPE', `there is no message of type ${number}`);
  const [type, body] = found;
  const value = (body as Codec<object>).read(from);
  if (from.left > 0) throw refuse('BAD_REQUEST', 'BAD_LEN', `${from.left} bytes too many`);
  return (MODS.has(type) ? { type, mod: value } : { type, ...value }) as Message;
}

function readMultipart(number: number, from: Reader): Message {
  const kindNumber = from.u16();
  const flags = from.u16();
  from.skip(4);
  const kind = BY_MULTIPART.get(kindNumber);
  if (kind === undefined) throw refuse('BAD_REQUEST', 'BAD_MULTIPART', `there is no multipart ${kindNumber}`);
  const isRequest = number === MULTIPART_REQUEST;
  const codec = MULTIPARTS[kind][isRequest ? 'request' : 'reply'] as Codec<never>;
  const body = codec.read(from);
  if (from.left > 0) throw refuse('BAD_REQUEST', 'BAD_LEN', `${from.left} bytes too many`);
  const type = isRequest ? ('multipart_request' as const) : ('multipart_reply' as const);
  return { type, kind, more: (flags & MORE) !== 0, body } as Message;
}

function readExperimenter(from: Reader): Message {
  const experimenter = from.u32();
  const experimenterType = from.u32();
  if (experimenter !== ONF) return { type: 'experimenter', experimenter, experimenterType, data: from.rest() };
  if (experimenterType === BUNDLE_CONTROL) {
    const bundle = from.u32();
    const control = from.u16();
    const flags = from.u16();
    from.skip(from.left);
    return { type: 'bundle_control', bundle, control, flags };
  }
  if (experimenterType === BUNDLE_ADD) {
    const bundle = from.u32();
    from.skip(2);
    const flags = from.u16();
    if (from.left < HEADER_LENGTH) throw refuseBundle(2308, 'the message of a bundle is cut short');
    const length = (from.bytes[from.at + 2] << 8) | from.bytes[from.at + 3];
    if (length < HEADER_LENGTH || length > from.left)
      throw refuseBundle(2308, `a message of a bundle has ${length} bytes`);
    const message = from.slice(length);
    from.skip(from.left);
    return { type: 'bundle_add', bundle, flags, message };
  }
  return { type: 'experimenter', experimenter, experimenterType, data: from.rest() };
}

/** Writes a message behind its header. @returns the number of its type */
export function writeMessage(into: Writer, message: Message): number {
  switch (message.type) {
    case 'multipart_request':
    case 'multipart_reply': {
      const { number, request, reply } = MULTIPARTS[message.kind];
      into.u16(number);
      into.u16(message.more ? MORE : 0);
      into.zeros(4);
      const isRequest = message.type === 'multipart_request';
      ((isRequest ? request : reply) as Codec<unknown>).write(into, message.body);
      return isRequest ? MULTIPART_REQUEST : MULTIPART_REPLY;
    }
    case 'bundle_control':
      into.u32(ONF);
      into.u32(BUNDLE_CONTROL);
      into.u32(message.bundle);
      into.u16(message.control);
      into.u16(message.flags);
      return EXPERIMENTER;
    case 'bundle_add':
      into.u32(ONF);
      into.u32(BUNDLE_ADD);
      into.u32(message.bundle);
      into.zeros(2);
      into.u16(message.flags);
      into.raw(message.message);
      return EXPERIMENTER;
    case 'experimenter':
      into.u32(message.experimenter);
      into.u32(message.experimenterType);
      into.raw(message.data);
      return EXPERIMENTER;
    default: {
      const { number, body } = BODIES[message.type];
      (body as Codec<unknown>).write(into, 'mod' in message ? message.mod : message);
      return number;
    }
  }
}
