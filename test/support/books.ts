import type { Row } from '../../src/control/show.ts';
import { eventually, type SwitchProcess } from './switch-process.ts';

const IN = ['received', 'generated', 'cloned', 'segments', 'leaked_in'] as const;
const OUT = ['sent', 'dropped', 'consumed', 'held', 'leaked_out'] as const;

/** Frames of a row of `show tenants` that are unaccounted for (invariant 1 of the design). */
export function imbalance(row: Row): number {
  const sum = (columns: readonly string[]) => columns.reduce((all, column) => all + Number(row[column]), 0);
  return sum(IN) - sum(OUT);
}

/** Between two batches the books must balance, and nothing be held once all is quiet; workers may count while we read. */
export async function expectBooksToBalance(running: SwitchProcess): Promise<void> {
  await eventually(
    'balanced books',
    async () => (await running.show('tenants')).every((row) => imbalance(row) === 0 && row['held'] === 0),
    5000,
  );
}
