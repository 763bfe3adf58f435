import type { Row } from '../control/show.ts';
import type { Json } from '../json.ts';

/** Rows as a table for people: a heading, columns as wide as their widest cell, numbers to the right. */
export function table(rows: readonly Row[]): string {
  if (rows.length === 0) return 'nothing to show\n';
  const columns = Object.keys(rows[0]);
  const cells = rows.map((row) => columns.map((column) => cell(row[column])));
  const widths = columns.map((column, c) => Math.max(column.length, ...cells.map((row) => row[c].length)));
  const right = columns.map((column) => rows.every((row) => row[column] === null || typeof row[column] === 'number'));
  const line = (texts: readonly string[]) =>
    texts
      .map((text, c) => (right[c] ? text.padStart(widths[c]) : text.padEnd(widths[c])))
      .join('  ')
      .trimEnd();
  return `${[line(columns.map((column) => column.toUpperCase())), ...cells.map(line)].join('\n')}\n`;
}

function cell(value: Json | undefined): string {
  if (value === null || value === undefined) return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
