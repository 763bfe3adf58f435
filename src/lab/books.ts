import { setTimeout as sleep } from 'node:timers/promises';
import { views } from '../control/show.ts';
import { Column } from '../observe/ledger.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { Check, Finding } from './check.ts';
import { TENANTS } from './plan.ts';

/** A worker counts while we read; what hosts chatter (neighbour discovery) is over in no time. */
const TRIES = 20;
const TRY_MS = 50;

function sum(tenant: Tenant, column: number): number {
  return tenant.books.total(column);
}

function imbalance(tenant: Tenant): number {
  return tenant.ledgers.reduce(
    (all, ledger) => tenant.rows.reduce((some, row) => some + Math.abs(ledger.imbalance(row)), all),
    0,
  );
}

/** Looks again until it holds: between two batches it must. */
async function settled(look: () => Finding | Promise<Finding>, signal: AbortSignal): Promise<Finding> {
  let finding = await look();
  for (let i = 0; i < TRIES && !finding.ok; i++) {
    await sleep(TRY_MS, undefined, { signal });
    finding = await look();
  }
  return finding;
}

/** What was written to a tenant's ports is what came from that tenant, frame by frame. */
export const nothingCrossed: Check = {
  claim: 'No frame crossed from tenant to tenant, by the books',
  look: (lab, signal) =>
    settled(() => {
      const rows = lab.running.tenants.map((tenant) => ({
        name: tenant.model.name,
        sent: sum(tenant, Column.Sent),
        transmitted: sum(tenant, Column.Transmitted),
        leaked: sum(tenant, Column.LeakedIn) + sum(tenant, Column.LeakedOut),
      }));
      const ok = rows.every(({ sent, transmitted, leaked }) => sent > 0 && sent === transmitted && leaked === 0);
      const measured = rows
        .map(
          ({ name, sent, transmitted, leaked }) =>
            `${name} sent ${sent}, its ports got ${transmitted}, shared ${leaked}`,
        )
        .join('; ');
      return { ok, measured };
    }, signal),
};

export const ownMacsOnly: Check = {
  claim: 'Each tenant has learned its own hosts and no others',
  look: async (lab) => {
    const rows = await views.macs(lab.running, {});
    const strange = rows.filter(({ tenant, mac }) =>
      lab.hosts().every((host) => host.tenant !== tenant || host.mac !== mac),
    );
    const counts = TENANTS.map((name) => rows.filter(({ tenant }) => tenant === name).length);
    const ok = strange.length === 0 && counts.every((count) => count === 4);
    return {
      ok,
      measured: `${TENANTS.map((name, i) => `${name} ${counts[i]}`).join(', ')} addresses, ${strange.length} strange`,
    };
  },
};

/** Received + made = sent + dropped + consumed + held, in every row; and what nobody holds is back in the pool. */
export const booksHold: Check = {
  claim: 'Every frame is accounted for, every buffer is back',
  look: (lab, signal) =>
    settled(async () => {
      const { tenants } = lab.running;
      const audits = (await lab.running.audit()).filter((audit) => audit !== null);
      const received = tenants.reduce((all, tenant) => all + sum(tenant, Column.Received), 0);
      const wrong = tenants.reduce((all, tenant) => all + imbalance(tenant), 0);
      const held = tenants.reduce((all, tenant) => all + tenant.books.held, 0);
      const out = audits.reduce((all, { heads, freeHeads }) => all + heads - freeHeads, 0);
      return {
        ok: wrong === 0 && out === held,
        measured: `${received} frames received, ${wrong} unexplained, ${out} buffers out, ${held} frames waiting`,
      };
    }, signal),
};
