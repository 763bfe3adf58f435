/** Medians and ratios of the rows that run.sh has measured: `summary.ts ROWS [JSON]`. Exit code 1: a bar does not hold. */
import { readFileSync, writeFileSync } from 'node:fs';

const COLUMNS = [
  'pps',
  'tcpGbits',
  'rttMs',
  'deliveredPps',
  'lost',
  'outOfOrder',
  'duplicated',
  'corrupt',
  'socketDrops',
] as const;
type Column = (typeof COLUMNS)[number];
type Row = { readonly round: number; readonly name: string } & Readonly<Record<Column, number>>;

/** What Tapyard must reach, and why that much. */
const BARS: readonly {
  readonly column: Column;
  readonly peer: string;
  readonly least: number;
  readonly why: string;
}[] = [
  { column: 'pps', peer: 'ovs', least: 1.3, why: 'Open vSwitch in userspace reads a frame a system call' },
  { column: 'deliveredPps', peer: 'ovs', least: 1.3, why: 'the same, as the checking sink sees it' },
  { column: 'tcpGbits', peer: 'ovs', least: 6, why: 'it cuts super-frames, Tapyard passes them on' },
  { column: 'tcpGbits', peer: 'ovs-tso', least: 0.9, why: 'its mode that passes super-frames on' },
  {
    column: 'pps',
    peer: 'c-uring',
    least: 0.85,
    why: 'the same way of reading in C, with no forwarding logic: the limit',
  },
  { column: 'deliveredPps', peer: 'c-uring', least: 0.85, why: 'the same, as the checking sink sees it' },
  { column: 'tcpGbits', peer: 'c-uring', least: 0.85, why: 'the limit' },
];

const [file, json] = process.argv.slice(2);
const rows: Row[] = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [round, name, ...figures] = line.split(' ');
    const values = COLUMNS.map((column, i) => [column, Number(figures[i])] as const);
    const bad = values.find(([, value]) => !Number.isFinite(value));
    if (bad !== undefined) throw new Error(`${bad[0]} of «${line}» is no number`);
    return { round: Number(round), name, ...Object.fromEntries(values) } as Row;
  });

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const names = [...new Set(rows.map(({ name }) => name))];
const medians = names.map((name) => {
  const own = rows.filter((row) => row.name === name);
  const of = (column: Column) => median(own.map((row) => row[column]));
  return { name, ...Object.fromEntries(COLUMNS.map((column) => [column, of(column)])) } as { name: string } & Record<
    Column,
    number
  >;
});

const ours = names.filter((name) => name.startsWith('tapyard'));
const ratios = ours.flatMap((name) =>
  BARS.flatMap((bar) => {
    const own = medians.find((row) => row.name === name);
    const peer = medians.find((row) => row.name === bar.peer);
    if (own === undefined || peer === undefined) return [];
    const ratio = own[bar.column] / peer[bar.column];
    return [{ name, ...bar, ratio, holds: ratio >= bar.least }];
  }),
);
const disorder = rows.filter(
  ({ name, outOfOrder, duplicated, corrupt }) => name.startsWith('tapyard') && outOfOrder + duplicated + corrupt > 0,
);

console.log('\nMedians');
for (const row of medians) {
  const { name, pps, tcpGbits, rttMs, deliveredPps, socketDrops } = row;
  const figures = [`${(pps / 1000).toFixed(0)} kpps`, `${tcpGbits.toFixed(2)} Gbit/s`, `${rttMs.toFixed(3)} ms`];
  console.log(
    `  ${name.padEnd(13)} ${figures.join('  ')}  ${(deliveredPps / 1000).toFixed(0)} kpps delivered, ${socketDrops} dropped by the sink's socket`,
  );
}
console.log('\nRatios');
for (const { name, column, peer, least, ratio, holds, why } of ratios) {
  console.log(`  ${holds ? '✓' : '✗'} ${name} ${column} is ${ratio.toFixed(2)} × ${peer} (bar ${least}: ${why})`);
}
for (const { round, name } of disorder) console.log(`  ✗ ${name} in round ${round}: out of order, doubled or corrupt`);
if (json !== undefined && json !== '') writeFileSync(json, `${JSON.stringify({ rows, medians, ratios }, null, 2)}\n`);
process.exitCode = ratios.every(({ holds }) => holds) && disorder.length === 0 ? 0 : 1;
