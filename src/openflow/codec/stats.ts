import type { Band, Bucket, Instruction, Match } from '../model.ts';
import { type Codec, list, pad, raw, rest, sized, struct, text, u8, u16, u32, u64 } from './bytes.ts';
import { refuse } from './errors.ts';
import { instructions } from './instruction.ts';
import { match } from './match.ts';
import { band, bucket, groupType } from './mods.ts';
import { tableFeatures } from './table-features.ts';

/** What a datapath tells of itself: bodies of multipart requests and replies. Source: 1.3.5, section 7.3.5. */

export const portDesc = struct({
  port: u32,
  _1: pad(4),
  address: raw(6),
  _2: pad(2),
  name: text(16),
  config: u32,
  state: u32,
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
  currentSpeed: u32,
  maxSpeed: u32,
});
export type PortDesc = ReadOf<typeof portDesc>;

const desc = struct({
  manufacturer: text(256),
  hardware: text(256),
  software: text(256),
  serial: text(32),
  datapath: text(256),
});

const flowRequest = struct({
  table: u8,
  _1: pad(3),
  outPort: u32,
  outGroup: u32,
  _2: pad(4),
  cookie: u64,
  cookieMask: u64,
  match,
});

export interface FlowStats {
  readonly table: number;
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly priority: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly flags: number;
  readonly cookie: bigint;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
}

const flowStats: Codec<FlowStats> = sized(
  struct({
    table: u8,
    _1: pad(1),
    durationSec: u32,
    durationNsec: u32,
    priority: u16,
    idleTimeout: u16,
    hardTimeout: u16,
    flags: u16,
    _2: pad(4),
    cookie: u64,
    packets: u64,
    bytes: u64,
    match,
    instructions,
  }),
);

const aggregate = struct({ packets: u64, bytes: u64, flows: u32, _pad: pad(4) });
const tableStats = struct({ table: u8, _pad: pad(3), active: u32, lookups: u64, matches: u64 });

const portStats = struct({
  port: u32,
  _pad: pad(4),
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
  rxFrameErrors: u64,
  rxOverErrors: u64,
  rxCrcErrors: u64,
  collisions: u64,
  durationSec: u32,
  durationNsec: u32,
});

const queueStats = struct({
  port: u32,
  queue: u32,
  txBytes: u64,
  txPackets: u64,
  txErrors: u64,
  durationSec: u32,
  durationNsec: u32,
});

const pair = struct({ packets: u64, bytes: u64 });

const groupStats = sized(
  struct({
    _1: pad(2),
    group: u32,
    references: u32,
    _2: pad(4),
    packets: u64,
    bytes: u64,
    durationSec: u32,
    durationNsec: u32,
    buckets: list(pair),
  }),
);

const groupDesc: Codec<GroupDesc> = sized(
  struct({ type: groupType, _pad: pad(1), group: u32, buckets: list(bucket) }),
) as Codec<GroupDesc>;
export interface GroupDesc {
  readonly type: string | number;
  readonly group: number;
  readonly buckets: readonly Bucket[];
}

const four = struct({ all: u32, select: u32, indirect: u32, ff: u32 });
const groupFeatures = struct({ types: u32, capabilities: u32, maxGroups: four, actions: four });

const meterStats: Codec<MeterStats> = {
  read: (from) => {
    const meter = from.u32();
    const length = from.u16();
    from.skip(6);
    if (length < 40 || length - 12 > from.left) throw refuse('BAD_REQUEST', 'BAD_LEN', `a meter has ${length} bytes`);
    const body = meterStatsBody.read(from.part(length - 12));
    return { meter, ...body };
  },
  write: (into, { meter, ...body }) => {
    const start = into.at;
    into.u32(meter);
    into.u16(0);
    into.zeros(6);
    meterStatsBody.write(into, body);
    into.patch(start + 4, into.at - start);
  },
};
const meterStatsBody = struct({
  flows: u32,
  packets: u64,
  bytes: u64,
  durationSec: u32,
  durationNsec: u32,
  bands: list(pair),
});
export interface MeterStats {
  readonly meter: number;
  readonly flows: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly bands: readonly { readonly packets: bigint; readonly bytes: bigint }[];
}

export interface MeterConfig {
  readonly flags: number;
  readonly meter: number;
  readonly bands: readonly Band[];
}
const meterConfig: Codec<MeterConfig> = sized(struct({ flags: u16, meter: u32, bands: list(band) }));

const meterFeatures = struct({
  maxMeters: u32,
  bandTypes: u32,
  capabilities: u32,
  maxBands: u8,
  maxColors: u8,
  _pad: pad(2),
});

const nothing = struct({});
const byPort = struct({ port: u32, _pad: pad(4) });
const byGroup = struct({ group: u32, _pad: pad(4) });
const byMeter = struct({ meter: u32, _pad: pad(4) });
const experimenter = struct({ experimenter: u32, type: u32, data: rest });

/** Kinds of multipart messages: number, body of a request, body of a reply. */
export const MULTIPARTS = {
  desc: { number: 0, request: nothing, reply: desc },
  flow: { number: 1, request: flowRequest, reply: list(flowStats) },
  aggregate: { number: 2, request: flowRequest, reply: aggregate },
  table: { number: 3, request: nothing, reply: list(tableStats) },
  port_stats: { number: 4, request: byPort, reply: list(portStats) },
  queue: { number: 5, request: struct({ port: u32, queue: u32 }), reply: list(queueStats) },
  group: { number: 6, request: byGroup, reply: list(groupStats) },
  group_desc: { number: 7, request: nothing, reply: list(groupDesc) },
  group_features: { number: 8, request: nothing, reply: groupFeatures },
  meter: { number: 9, request: byMeter, reply: list(meterStats) },
  meter_config: { number: 10, request: byMeter, reply: list(meterConfig) },
  meter_features: { number: 11, request: nothing, reply: meterFeatures },
  table_features: { number: 12, request: list(tableFeatures), reply: list(tableFeatures) },
  port_desc: { number: 13, request: nothing, reply: list(portDesc) },
  experimenter: { number: 0xffff, request: experimenter, reply: experimenter },
} as const;

export type MultipartKind = keyof typeof MULTIPARTS;
type ReadOf<C> = C extends Codec<infer Value> ? Value : never;
export type MultipartRequestBody<K extends MultipartKind> = ReadOf<(typeof MULTIPARTS)[K]['request']>;
export type MultipartReplyBody<K extends MultipartKind> = ReadOf<(typeof MULTIPARTS)[K]['reply']>;
export type FlowStatsRequest = MultipartRequestBody<'flow'>;
export type TableStats = MultipartReplyBody<'table'>[number];
export type PortStats = MultipartReplyBody<'port_stats'>[number];
export type GroupStats = MultipartReplyBody<'group'>[number];
export type QueueStats = MultipartReplyBody<'queue'>[number];
