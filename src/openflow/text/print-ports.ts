import type { PortDesc, PortStats, TableStats } from '../codec/stats.ts';
import { formatPort, type PortNames } from './ports.ts';
import { formatDuration } from './print-flow.ts';
import { formatMac } from './print-value.ts';

/** All ones: not counted. */
const NOT_COUNTED = 0xffff_ffff_ffff_ffffn;

/** Body of `ovs-ofctl dump-tables`: a run of tables that are alike is one and a half lines. */
export function formatTableStats(tables: readonly TableStats[]): string {
  const lines: string[] = [];
  let last = '';
  let dittos: TableStats[] = [];
  const flush = () => {
    const [first, end] = [dittos[0], dittos.at(-1)];
    if (first !== undefined && end !== undefined) {
      lines.push(first === end ? `  table ${first.table}: ditto` : `  tables ${first.table}...${end.table}: ditto`, '');
    }
    dittos = [];
  };
  for (const table of tables) {
    const text = `    active=${table.active}, lookup=${table.lookups}, matched=${table.matches}`;
    if (text === last) {
      dittos.push(table);
      continue;
    }
    flush();
    lines.push(`  table ${table.table}:`, text, '');
    last = text;
  }
  flush();
  return lines.join('\n').trimEnd();
}

/** One port of `ovs-ofctl dump-ports`: three lines. */
export function formatPortStats(port: PortStats, names?: PortNames): string {
  const text = (counts: readonly (readonly [string, bigint])[]) =>
    counts.map(([name, count]) => `${name}=${count === NOT_COUNTED ? '?' : count}`).join(', ');
  const rx = text([
    ['pkts', port.rxPackets],
    ['bytes', port.rxBytes],
    ['drop', port.rxDropped],
    ['errs', port.rxErrors],
    ['frame', port.rxFrameErrors],
    ['over', port.rxOverErrors],
    ['crc', port.rxCrcErrors],
  ]);
  const tx = text([
    ['pkts', port.txPackets],
    ['bytes', port.txBytes],
    ['drop', port.txDropped],
    ['errs', port.txErrors],
    ['coll', port.collisions],
  ]);
  const head = `  port ${formatPort(port.port, names).padStart(2)}: rx ${rx}\n           tx ${tx}`;
  if (port.durationSec === 0xffffffff) return head;
  return `${head}\n           duration=${formatDuration(port.durationSec, port.durationNsec)}`;
}

const CONFIG: readonly (readonly [number, string])[] = [
  [1, 'PORT_DOWN'],
  [4, 'NO_RECV'],
  [0x20, 'NO_FWD'],
  [0x40, 'NO_PACKET_IN'],
];
const STATE: readonly (readonly [number, string])[] = [
  [1, 'LINK_DOWN'],
  [2, 'BLOCKED'],
  [4, 'LIVE'],
];
/** Source: 1.3.5, section 7.2.1, enum ofp_port_features. */
const FEATURES = [
  ...['10MB-HD', '10MB-FD', '100MB-HD', '100MB-FD', '1GB-HD', '1GB-FD', '10GB-FD', '40GB-FD', '100GB-FD', '1TB-FD'],
  ...['OTHER', 'COPPER', 'FIBER', 'AUTO_NEG', 'AUTO_PAUSE', 'AUTO_PAUSE_ASYM'],
].map((name, bit): readonly [number, string] => [1 << bit, name]);

/** One port of `ovs-ofctl dump-ports-desc`. */
export function formatPortDesc(port: PortDesc): string {
  const bits = (value: number, names: readonly (readonly [number, string])[]) =>
    names.flatMap(([bit, name]) => ((value & bit) === 0 ? [] : [name])).join(' ') || '0';
  const lines = [
    ` ${formatPort(port.port)}(${port.name}): addr:${formatMac(port.address)}`,
    `     config:     ${bits(port.config, CONFIG)}`,
    `     state:      ${bits(port.state, STATE)}`,
  ];
  const features: readonly (readonly [string, number])[] = [
    ['current', port.current],
    ['advertised', port.advertised],
    ['supported', port.supported],
    ['peer', port.peer],
  ];
  for (const [name, value] of features) {
    if (value !== 0) lines.push(`     ${`${name}:`.padEnd(11)} ${bits(value, FEATURES)}`);
  }
  const mbps = (speed: number) => Math.trunc(speed / 1000);
  lines.push(`     speed: ${mbps(port.currentSpeed)} Mbps now, ${mbps(port.maxSpeed)} Mbps max`);
  return lines.join('\n');
}
