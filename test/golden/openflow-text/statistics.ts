import { encode } from '../../../src/openflow/codec/codec.ts';
import type {
  GroupDesc,
  GroupStats,
  MeterConfig,
  MeterStats,
  PortDesc,
  PortStats,
  TableStats,
} from '../../../src/openflow/codec/stats.ts';

/** Statistics as we hold them; ovs-ofctl prints them as our codec sends them. */
const UNKNOWN = 0xffff_ffff_ffff_ffffn;
const ANY = 0xffffffff;

export const TABLES: readonly TableStats[] = [
  { table: 0, active: 3, lookups: 100n, matches: 40n },
  { table: 1, active: 0, lookups: 0n, matches: 0n },
  { table: 2, active: 0, lookups: 0n, matches: 0n },
  { table: 3, active: 1, lookups: 0n, matches: 0n },
  ...Array.from({ length: 250 }, (_, i) => ({ table: i + 4, active: 0, lookups: 0n, matches: 0n })),
  { table: 254, active: 5, lookups: 0n, matches: 12n },
];

const counts = (port: number, base: bigint, durationSec: number, durationNsec: number): PortStats => ({
  ...{ port, durationSec, durationNsec, rxPackets: base, txPackets: base + 1n, rxBytes: base + 2n, txBytes: base + 3n },
  ...{ rxDropped: base + 4n, txDropped: base + 5n, rxErrors: base + 6n, txErrors: base + 7n, rxFrameErrors: base + 8n },
  ...{ rxOverErrors: base + 9n, rxCrcErrors: base + 10n, collisions: base + 11n },
});
export const PORTS: readonly PortStats[] = [
  counts(1, 10n, 5, 500_000_000),
  counts(0xfffffffe, 0n, 5, 0),
  counts(123, 1n, 5, 1),
  { ...counts(3, 0n, ANY, ANY), rxPackets: UNKNOWN, txErrors: UNKNOWN },
];

const entry = (port: number, name: string, numbers: readonly number[]): PortDesc => {
  const [config, state, current, advertised, supported, peer, currentSpeed, maxSpeed] = numbers;
  const address = Uint8Array.of(2, 0, 0, 0, 0, 5);
  return { port, name, address, config, state, current, advertised, supported, peer, currentSpeed, maxSpeed };
};
export const PORT_DESC: readonly PortDesc[] = [
  entry(1, 'p1', [0, 4, 0x840, 0x840, 0xffff, 0x10, 10_000_000, 40_000_000]),
  entry(7, 'x', [0x65, 6, 0xf800, 0, 0, 0, 100_000, 0]),
  entry(0xfffffffe, 'br0', [1, 1, 0, 0, 0, 0, 0, 0]),
];

export const GROUP_COUNTS: readonly GroupStats[] = [
  {
    ...{ group: 1, references: 0, packets: 5n, bytes: 500n, durationSec: 3, durationNsec: 4_000_000 },
    buckets: [
      { packets: 1n, bytes: 2n },
      { packets: 3n, bytes: 4n },
    ],
  },
  { group: 2, references: 1, packets: 0n, bytes: 0n, durationSec: 0, durationNsec: 0, buckets: [] },
];

const to = (port: number) => ({ type: 'output', port, maxLength: 0 }) as const;
const bucket = (weight: number, watchPort: number, watchGroup: number, port: number) => ({
  ...{ weight, watchPort, watchGroup },
  actions: port === 0 ? [] : [to(port)],
});
export const GROUP_DESC: readonly GroupDesc[] = [
  { group: 1, type: 'all', buckets: [bucket(0, ANY, ANY, 1), bucket(1, ANY, ANY, 1), bucket(5, 3, 4, 1)] },
  { group: 2, type: 'select', buckets: [bucket(0, ANY, ANY, 1), bucket(1, ANY, ANY, 1), bucket(5, 3, ANY, 2)] },
  { group: 3, type: 'indirect', buckets: [bucket(1, ANY, ANY, 0)] },
  { group: 4, type: 'ff', buckets: [bucket(1, 5, ANY, 1), bucket(0, 0xfffffffe, 6, 2)] },
  { group: 9, type: 'select', buckets: [] },
];

export const METER_COUNTS: readonly MeterStats[] = [
  {
    ...{ meter: 1, flows: 2, packets: 3n, bytes: 4n, durationSec: 5, durationNsec: 6_000_000 },
    bands: [
      { packets: 7n, bytes: 8n },
      { packets: 9n, bytes: 10n },
    ],
  },
  { meter: 0xfffffffe, flows: 0, packets: 0n, bytes: 0n, durationSec: 0, durationNsec: 0, bands: [] },
];

export const METER_CONFIG: readonly MeterConfig[] = [
  { meter: 1, flags: 1, bands: [{ type: 'drop', rate: 1000, burst: 0 }] },
  {
    ...{ meter: 2, flags: 0xe },
    bands: [
      { type: 'drop', rate: 1000, burst: 10 },
      { type: 'dscp_remark', rate: 100, burst: 10, precedenceLevel: 3 },
    ],
  },
  { meter: 3, flags: 1, bands: [{ type: 'drop', rate: 1000, burst: 7 }] },
  { meter: 0xfffffffe, flags: 4, bands: [] },
];

/** The messages, by name. */
export function messages(): Record<string, Uint8Array> {
  const reply = { type: 'multipart_reply', more: false } as const;
  return {
    tables: encode({ ...reply, kind: 'table', body: TABLES }, 2),
    ports: encode({ ...reply, kind: 'port_stats', body: PORTS }, 2),
    portDesc: encode({ ...reply, kind: 'port_desc', body: PORT_DESC }, 2),
    groupStats: encode({ ...reply, kind: 'group', body: GROUP_COUNTS }, 2),
    groupDesc: encode({ ...reply, kind: 'group_desc', body: GROUP_DESC }, 2),
    meterStats: encode({ ...reply, kind: 'meter', body: METER_COUNTS }, 2),
    meterConfig: encode({ ...reply, kind: 'meter_config', body: METER_CONFIG }, 2),
  };
}
