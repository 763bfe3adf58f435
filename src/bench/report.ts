import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../errors.ts';
import type { Machine } from './machine.ts';
import type { Bar, Summary } from './statistics.ts';

const WIDTH = 640;
const ROW = 22;
const LABEL = 170;
const COLOURS = ['#2563eb', '#9ca3af', '#d97706', '#059669', '#7c3aed', '#dc2626'];

/** What `tapyard bench … --json` prints; of each kind some of it is there. */
interface Result {
  readonly bars?: readonly Bar[];
  readonly medians?: Readonly<Record<string, Readonly<Record<string, Summary>>>>;
  readonly sizes?: readonly { readonly size: number; readonly ndrPps: number; readonly pdrPps: number }[];
  readonly rounds?: readonly unknown[];
  readonly verified?: boolean;
  readonly abridged?: string | null;
}

/** @throws UserError when a file is not what `tapyard bench … --json` prints */
export function readResult(file: string): Result {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      'data-unreadable',
      `cannot read ${file}: ${why}`,
      'name what `tapyard bench … --json` printed',
      {
        cause,
      },
    );
  }
  throw new UserError(
    'data-invalid',
    `${file} is no result of a benchmark`,
    'name what `tapyard bench … --json` printed',
  );
}

/** One HTML document: no script, nothing from the network; plots are SVG, raw rounds are in it. */
export function reportOf(files: readonly string[], machine: Machine, date: Date): string {
  const sections = files.map((file) => sectionOf(basename(file), readResult(file)));
  const facts = Object.entries(machine).map(
    ([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(String(value))}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tapyard: benchmarks</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111}
table{border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.15rem .8rem .15rem 0;border-bottom:1px solid #ddd}
.held{color:#047857}.missed{color:#b91c1c}pre{overflow:auto;background:#f5f5f5;padding:.6rem;font-size:12px}svg text{font:12px system-ui,sans-serif}
</style></head><body>
<h1>Tapyard: benchmarks</h1>
<p>Written ${escaped(date.toISOString())}. Figures are compared only with those of the same run.</p>
<table>${facts.join('')}</table>
${sections.join('\n')}
</body></html>
`;
}

function sectionOf(name: string, result: Result): string {
  const { bars = [], medians, sizes, verified, abridged } = result;
  const parts = [`<h2>${escaped(name)}</h2>`];
  if (verified !== undefined) {
    const held = verified ? 'held' : 'missed';
    parts.push(`<p class="${held}">Output ${verified ? 'verified' : 'NOT verified'} in the same run.</p>`);
  }
  if (typeof abridged === 'string') parts.push(`<p>Abridged: ${escaped(abridged)}.</p>`);
  if (bars.length > 0) parts.push(tableOf(bars));
  if (medians !== undefined) parts.push(...plotsOf(medians));
  if (sizes !== undefined) {
    const rows = sizes.flatMap(({ size, ndrPps, pdrPps }) => {
      const frame = size === 0 ? 'IMIX' : `${size} B`;
      const one = (value: number): Summary => ({ median: value, p10: value, p90: value, rounds: [] });
      return [
        { label: `${frame}, no loss`, summary: one(ndrPps), colour: COLOURS[0] },
        { label: `${frame}, 0.5 %`, summary: one(pdrPps), colour: COLOURS[1] },
      ];
    });
    parts.push(plot('Frames/s by size', rows));
  }
  parts.push(
    `<details><summary>Raw, every round</summary><pre>${escaped(JSON.stringify(result, null, 1))}</pre></details>`,
  );
  return `<section>${parts.join('\n')}</section>`;
}

function tableOf(bars: readonly Bar[]): string {
  const rows = bars.map(({ what, figure, least, most, held, reason }) => {
    const bar = least === undefined ? `at most ${most}` : `at least ${least}`;
    const verdict = held ? 'held' : 'missed';
    return `<tr><td class="${verdict}">${verdict}</td><td>${escaped(what)}</td><td>${figure}</td><td>${bar}</td><td>${escaped(reason)}</td></tr>`;
  });
  return `<table><tr><th></th><th>what</th><th>figure</th><th>bar</th><th>why</th></tr>${rows.join('')}</table>`;
}

/** A plot a load: a row each for those that were measured. */
function plotsOf(medians: NonNullable<Result['medians']>): string[] {
  const names = Object.keys(medians);
  const loads = Object.keys(medians[names[0]] ?? {});
  return loads.map((load) =>
    plot(
      load,
      names.map((label, i) => ({ label, summary: medians[label][load], colour: COLOURS[i % COLOURS.length] })),
    ),
  );
}

interface PlotRow {
  readonly label: string;
  readonly summary: Summary;
  readonly colour: string;
}

/** Medians as bars, the interval from the 10th to the 90th percentile as a line, every round as a dot. */
function plot(title: string, rows: readonly PlotRow[]): string {
  const most = Math.max(...rows.flatMap(({ summary }) => [summary.p90, summary.median, ...summary.rounds]), 1e-9);
  const x = (value: number) => (LABEL + (value / most) * (WIDTH - LABEL - 90)).toFixed(1);
  const lines = rows.map(({ label, summary, colour }, i) => {
    const y = i * ROW + 6;
    const middle = y + 6;
    const dots = summary.rounds.map(
      (value) => `<circle cx="${x(value)}" cy="${middle}" r="2" fill="#111" opacity=".5"/>`,
    );
    return [
      `<text x="0" y="${y + 10}">${escaped(label)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${Math.max(0, Number(x(summary.median)) - LABEL)}" height="12" fill="${colour}"/>`,
      `<line x1="${x(summary.p10)}" x2="${x(summary.p90)}" y1="${middle}" y2="${middle}" stroke="#111"/>`,
      ...dots,
      `<text x="${WIDTH - 85}" y="${y + 10}">${Number(summary.median.toPrecision(4))}</text>`,
    ].join('');
  });
  const height = rows.length * ROW + 10;
  return `<h3>${escaped(title)}</h3><svg viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">${lines.join('')}</svg>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
