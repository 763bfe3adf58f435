import type { Row } from './show.ts';

/** Rows of a view at a moment. */
export interface Snapshot {
  /** Milliseconds, of any origin. */
  readonly at: number;
  readonly rows: readonly Row[];
}

/** What has changed between two snapshots of the view `ports`, a second. */
export function portRates(before: Snapshot, now: Snapshot): Row[] {
  return now.rows.map((row) => {
    const rate = rateOf(before, now, row, ['tenant', 'port']);
    return {
      tenant: row['tenant'],
      port: row['port'],
      vlan: row['vlan'],
      link: row['link'],
      'rx frames/s': Math.round(rate('rx_frames')),
      'rx Mbit/s': Number(((rate('rx_bytes') * 8) / 1e6).toFixed(2)),
      'tx frames/s': Math.round(rate('tx_frames')),
      'tx Mbit/s': Number(((rate('tx_bytes') * 8) / 1e6).toFixed(2)),
      'dropped/s': Math.round(rate('dropped')),
    };
  });
}

/** The same of the view `tenants`: frames, drops, the share of one processor, and nanoseconds a frame. */
export function tenantRates(before: Snapshot, now: Snapshot): Row[] {
  return now.rows.map((row) => {
    const rate = rateOf(before, now, row, ['tenant']);
    const frames = rate('received');
    const busy = rate('busy_us');
    return {
      tenant: row['tenant'],
      macs: row['macs'],
      'frames/s': Math.round(frames),
      'sent/s': Math.round(rate('sent')),
      'dropped/s': Math.round(rate('dropped')),
      'cached %': frames > 0 ? Math.round((rate('cached') / frames) * 100) : null,
      'cpu %': Number((busy / 1e4).toFixed(1)),
      'ns/frame': frames > 0 ? Math.round((busy * 1000) / frames) : null,
    };
  });
}

/** The same of the view `stages`: frames that each is given, sampled, and nanoseconds that it takes for one. */
export function stageRates(before: Snapshot, now: Snapshot): Row[] {
  return now.rows.flatMap((row) => {
    const rate = rateOf(before, now, row, ['tenant', 'stage']);
    const frames = rate('frames');
    if (frames <= 0) return [];
    const ns = Math.round((rate('busy_us') * 1000) / frames);
    return [{ tenant: row['tenant'], stage: row['stage'], 'sampled/s': Math.round(frames), 'ns/frame': ns }];
  });
}

/** @returns the rate of a column of a row, which is found again by what names it */
function rateOf(before: Snapshot, now: Snapshot, row: Row, names: readonly string[]): (column: string) => number {
  const then = before.rows.find((one) => names.every((name) => one[name] === row[name]));
  const seconds = Math.max(1e-3, (now.at - before.at) / 1000);
  // A row that was not there has no rate yet.
  return (column) => (then === undefined ? 0 : (Number(row[column]) - Number(then[column])) / seconds);
}
