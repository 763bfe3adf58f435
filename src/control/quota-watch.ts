import { DROP_REASONS } from '../observe/drop.ts';
import { Column } from '../observe/ledger.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { QuotaEvent } from './events.ts';

/** A tenant that stays at a quota is told of so often, with what has come together. */
const QUIET_MS = 10_000;

const drop = (name: (typeof DROP_REASONS)[number]['name']): number =>
  Column.Drops + DROP_REASONS.findIndex((reason) => reason.name === name);

/** Columns of the books that count frames which met a quota. */
const MET: readonly (readonly [quota: QuotaEvent['quota'], column: number])[] = [
  ['macs', Column.LearnFull],
  ['frames', drop('tenant-frames')],
  ['rate', drop('tenant-rate')],
];

interface Seen {
  told: number;
  toldMs: number;
}

/** Tells when tenants meet their quotas: at once, and while they go on at most once in ten seconds. */
export class QuotaWatch {
  readonly #say: (event: QuotaEvent) => void;
  readonly #seen = new Map<string, Seen>();

  constructor(say: (event: QuotaEvent) => void) {
    this.#say = say;
  }

  /** Looks at the books, once a second. */
  look(tenants: readonly Tenant[], nowMs: number): void {
    for (const { model, books } of tenants) {
      for (const [quota, column] of MET) {
        const key = `${model.name} ${quota}`;
        const met = books.total(column);
        const seen = this.#seen.get(key) ?? { told: 0, toldMs: Number.NEGATIVE_INFINITY };
        this.#seen.set(key, seen);
        // A tenant of the same name that is another counts from 0.
        if (met < seen.told) seen.told = 0;
        if (met === seen.told || nowMs - seen.toldMs < QUIET_MS) continue;
        this.#say({ type: 'quota', tenant: model.name, quota, frames: met - seen.told });
        seen.told = met;
        seen.toldMs = nowMs;
      }
    }
    this.#forget(tenants);
  }

  #forget(tenants: readonly Tenant[]): void {
    if (this.#seen.size === tenants.length * MET.length) return;
    const names = new Set(tenants.map(({ model }) => model.name));
    for (const key of this.#seen.keys()) if (!names.has(key.split(' ')[0])) this.#seen.delete(key);
  }
}
