import { type Batch, Fate, Trait } from '../frame/batch.ts';

/**
 * Takes frame i of a batch over into the batch of the tenant whose router it goes to, as that router sees it: live, its way still
 * to be found, its TTL gone down already. The caller sees to room and to the books.
 * @param routerRow row of the router in that tenant's books
 */
export function takeLeaked(to: Batch, from: Batch, i: number, routerRow: number): void {
  const k = to.take(from, i);
  to.fate[k] = Fate.Live;
  to.traits[k] = (from.traits[i] | Trait.Leaked) & ~(Trait.Routed | Trait.Generated);
  to.port[k] = routerRow;
  to.inInterface[k] = -1;
  to.outInterface[k] = -1;
  to.twin[k] = -1;
  to.leakedFrom[k] = from.tenant;
}

/** Takes frames that another tenant's router is to forward; it has no more than one batch of them at a time. */
export interface LeakSink {
  /** @returns false when the tenant is gone; the frame stays the caller's */
  leak(batch: Batch, i: number): boolean;
}
