/**
 * Quantities with units, exact: digits are shifted, never multiplied as floats. Every function returns null for what it
 * cannot read as a whole, safe number; none throws.
 */
const si: Readonly<Record<string, number>> = { '': 0, k: 3, M: 6, G: 9, T: 12 };
const binary: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40 };
const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A count or a rate: 2048, '500k', '1.5M', '1G'. Suffixes are decimal (SI): k is 1,000. */
export function parseQuantity(value: unknown): number | null {
  if (typeof value === 'number') return whole(value);
  const parts = typeof value === 'string' ? /^(\d+)(?:\.(\d+))?([kMGT]?)$/.exec(value) : null;
  return parts ? shifted(parts[1]!, parts[2] ?? '', si[parts[3]!]!) : null;
}

/** Bytes: as a quantity, and Ki, Mi, Gi, Ti for powers of 1,024. */
export function parseSize(value: unknown): number | null {
  const parts = typeof value === 'string' ? /^(\d+)(Ki|Mi|Gi|Ti)$/.exec(value) : null;
  return parts ? whole(Number(parts[1]) * 2 ** binary[parts[2]!]!) : parseQuantity(value);
}

/** Milliseconds of '300s', '5m', '1.5h', '250ms', '1d'; a bare number is seconds. */
export function parseDuration(value: unknown): number | null {
  if (typeof value === 'number') return shifted(...decimal(value), 3);
  const parts = typeof value === 'string' ? /^(\d+)(?:\.(\d+))?(ms|s|m|h|d)$/.exec(value) : null;
  if (!parts) return null;
  const fraction = parts[2] ?? '';
  const digits = Number(parts[1]! + fraction) * milliseconds[parts[3]!]!;
  const scale = 10 ** fraction.length;
  return Number.isSafeInteger(digits) && digits % scale === 0 ? whole(digits / scale) : null;
}

/** A quantity with the largest suffix that leaves it exact: 500000 is '500k', 1500 is '1500'. */
export function formatQuantity(value: number): string {
  for (const [suffix, power] of Object.entries(si).reverse()) {
    if (value >= 10 ** power && value % 10 ** power === 0) return `${value / 10 ** power}${suffix}`;
  }
  return String(value);
}

/** Milliseconds as the largest unit that leaves them exact: 300000 is '5m'. */
export function formatDuration(value: number): string {
  for (const [suffix, length] of Object.entries(milliseconds).reverse()) {
    if (value >= length && value % length === 0) return `${value / length}${suffix}`;
  }
  return `${value}ms`;
}

function whole(value: number): number | null {
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** `integer.fraction` × 10^power, if that is whole. */
function shifted(integer: string, fraction: string, power: number): number | null {
  const used = fraction.replace(/0+$/, '');
  if (used.length > power) return null;
  return whole(Number(integer + used.padEnd(power, '0')));
}

function decimal(value: number): [string, string] {
  const [integer = '', fraction = ''] = /^\d+(\.\d+)?$/.test(String(value)) ? String(value).split('.') : ['x'];
  return [integer, fraction];
}
