import type { GroupCounts, GroupEntry } from '../../../src/openflow/text/print-group.ts';
import type { MeterCounts, MeterEntry } from '../../../src/openflow/text/print-meter.ts';
import type { PortCounts, PortEntry, TableCounts } from '../../../src/openflow/text/print-ports.ts';
import { bytes, multipart } from './ofctl.ts';

/** Statistics as we hold them, and the same as messages for ovs-ofctl to print. */
const UNKNOWN = 0xffff_ffff_ffff_ffffn;
const ANY = 0xffffffff;

export const TABLES: readonly TableCounts[] = [
  { table: 0, active: 3, lookups: 100n, matched: 40n },
  { table: 1, active: 0, lookups: 0n, matched: 0n },
  { table: 2, active: 0, lookups: 0n, matched: 0n },
  { table: 3, active: 1, lookups: 0n, matched: 0n },
  ...Array.from({ length: 250 }, (_, i) => ({ table: i + 4, active: 0, lookups: 0n, matched: 0n })),
  { table: 254, active: 5, lookups: 0n, matched: 12n },
];

const counts = (port: number, base: bigint, durationSec: number, durationNsec: number): PortCounts => ({
  ...{ port, durationSec, durationNsec, rxPackets: base, txPackets: base + 1n, rxBytes: base + 2n, txBytes: base + 3n },
  ...{ rxDropped: base + 4n, txDropped: base + 5n, rxErrors: base + 6n, txErrors: base + 7n, rxFrameErrors: base + 8n },
  ...{ rxOverErrors: base + 9n, rxCrcErrors: base + 10n, collisions: base + 11n },
});
export const PORTS: readonly PortCounts[] = [
  counts(1, 10n, 5, 500_000_000),
  counts(0xfffffffe, 0n, 5, 0),
  counts(123, 1n, 5, 1),
  { ...counts(3, 0n, ANY, ANY), rxPackets: UNKNOWN, txErrors: UNKNOWN },
];

const entry = (port: number, name: string, numbers: readonly number[]): PortEntry => {
  const [config, state, current, advertised, supported, peer, currentSpeed, maxSpeed] = numbers;
  const address = Uint8Array.of(2, 0, 0, 0, 0, 5);
  return { port, name, address, config, state, current, advertised, supported, peer, currentSpeed, maxSpeed };
};
export const PORT_DESC: readonly PortEntry[] = [
  entry(1, 'p1', [0, 4, 0x840, 0x840, 0xffff, 0x10, 10_000_000, 40_000_000]),
  entry(7, 'x', [0x65, 6, 0xf800, 0, 0, 0, 100_000, 0]),
  entry(0xfffffffe, 'br0', [1, 1, 0, 0, 0, 0, 0, 0]),
];

export const GROUP_COUNTS: readonly GroupCounts[] = [
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
export const GROUP_DESC: readonly GroupEntry[] = [
  { group: 1, type: 'all', buckets: [bucket(0, ANY, ANY, 1), bucket(1, ANY, ANY, 1), bucket(5, 3, 4, 1)] },
  { group: 2, type: 'select', buckets: [bucket(0, ANY, ANY, 1), bucket(1, ANY, ANY, 1), bucket(5, 3, ANY, 2)] },
  { group: 3, type: 'indirect', buckets: [bucket(1, ANY, ANY, 0)] },
  { group: 4, type: 'ff', buckets: [bucket(1, 5, ANY, 1), bucket(0, 0xfffffffe, 6, 2)] },
  { group: 9, type: 'select', buckets: [] },
];

export const METER_COUNTS: readonly MeterCounts[] = [
  {
    ...{ meter: 1, flows: 2, packets: 3n, bytes: 4n, durationSec: 5, durationNsec: 6_000_000 },
    bands: [
      { packets: 7n, bytes: 8n },
      { packets: 9n, bytes: 10n },
    ],
  },
  { meter: 0xfffffffe, flows: 0, packets: 0n, bytes: 0n, durationSec: 0, durationNsec: 0, bands: [] },
];

export const METER_CONFIG: readonly MeterEntry[] = [
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

const joined = (parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);

/** The messages, by name. Source: 1.3.5, section 7.3.5. */
export function messages(): Record<string, Buffer> {
  return {
    tables: multipart(
      3,
      joined(
        TABLES.map(({ table, active, lookups, matched }) =>
          bytes([1, table], [3, 0], [4, active], [8, lookups], [8, matched]),
        ),
      ),
    ),
    ports: multipart(
      4,
      joined(
        PORTS.map((p) =>
          bytes(
            ...([
              [4, p.port],
              [4, 0],
              [8, p.rxPackets],
              [8, p.txPackets],
              [8, p.rxBytes],
              [8, p.txBytes],
            ] as const),
            ...([
              [8, p.rxDropped],
              [8, p.txDropped],
              [8, p.rxErrors],
              [8, p.txErrors],
              [8, p.rxFrameErrors],
            ] as const),
            ...([
              [8, p.rxOverErrors],
              [8, p.rxCrcErrors],
              [8, p.collisions],
              [4, p.durationSec],
              [4, p.durationNsec],
            ] as const),
          ),
        ),
      ),
    ),
    portDesc: multipart(
      13,
      joined(
        PORT_DESC.map((p) =>
          joined([
            bytes([4, p.port], [4, 0]),
            ...[p.address, bytes([2, 0]), Buffer.from(p.name.padEnd(16, '\0'))],
            bytes([4, p.config], [4, p.state], [4, p.current], [4, p.advertised], [4, p.supported], [4, p.peer]),
            bytes([4, p.currentSpeed], [4, p.maxSpeed]),
          ]),
        ),
      ),
    ),
    groupStats: multipart(
      6,
      joined(
        GROUP_COUNTS.map((g) =>
          joined([
            bytes([2, 40 + 16 * g.buckets.length], [2, 0], [4, g.group], [4, g.references], [4, 0]),
            bytes([8, g.packets], [8, g.bytes], [4, g.durationSec], [4, g.durationNsec]),
            ...g.buckets.map((one) => bytes([8, one.packets], [8, one.bytes])),
          ]),
        ),
      ),
    ),
    groupDesc: multipart(7, joined(GROUP_DESC.map(groupDesc))),
    meterStats: multipart(
      9,
      joined(
        METER_COUNTS.map((m) =>
          joined([
            bytes([4, m.meter], [2, 40 + 16 * m.bands.length], [6, 0], [4, m.flows], [8, m.packets], [8, m.bytes]),
            bytes([4, m.durationSec], [4, m.durationNsec]),
            ...m.bands.map((one) => bytes([8, one.packets], [8, one.bytes])),
          ]),
        ),
      ),
    ),
    meterConfig: multipart(10, joined(METER_CONFIG.map(meterConfig))),
  };
}

function groupDesc({ group, type, buckets }: GroupEntry): Buffer {
  const body = joined(
    buckets.map(({ weight, watchPort, watchGroup, actions }) => {
      const acts = joined(
        actions.map((action) =>
          action.type === 'output' ? bytes([2, 0], [2, 16], [4, action.port], [2, 0], [6, 0]) : Buffer.alloc(0),
        ),
      );
      return joined([bytes([2, 16 + acts.length], [2, weight], [4, watchPort], [4, watchGroup], [4, 0]), acts]);
    }),
  );
  const number = ['all', 'select', 'indirect', 'ff'].indexOf(String(type));
  return joined([bytes([2, 8 + body.length], [1, number], [1, 0], [4, group]), body]);
}

function meterConfig({ meter, flags, bands }: MeterEntry): Buffer {
  const body = joined(
    bands.map((band) =>
      band.type === 'dscp_remark'
        ? bytes([2, 2], [2, 16], [4, band.rate], [4, band.burst], [1, band.precedenceLevel], [3, 0])
        : bytes([2, 1], [2, 16], [4, band.rate], [4, band.burst], [4, 0]),
    ),
  );
  return joined([bytes([2, 8 + body.length], [2, flags], [4, meter]), body]);
}
