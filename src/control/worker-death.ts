import { Drop } from '../observe/drop.ts';
import type { Epochs } from '../table/epoch.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { Events } from './events.ts';
import type { WorkerHandle, WorkerHooks } from './worker-handle.ts';

/** What workers share with others, and must be put in order when one of them dies. */
export interface Survivors {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly epochs: Epochs;
  readonly events: Events;
  readonly workers: () => readonly WorkerHandle[];
}

/**
 * What follows from the death of a worker, but the worker itself: nobody waits for it, no lock is its, what it held is booked as lost,
 * and the rules are written for the next one from the beginning. The others notice nothing.
 */
export function whenWorkersDie({
  tenants,
  epochs,
  events,
  workers,
}: Survivors): Pick<WorkerHooks, 'died' | 'filled' | 'restarted' | 'trouble'> {
  const of = (indices: readonly number[]) => [...tenants.values()].filter(({ index }) => indices.includes(index));
  return {
    died: (worker, error) => {
      epochs.offline(worker);
      let lost = workers()[worker].uplinks.writeOff(Drop.WorkerDied);
      for (const { ledgers, macs, datapath } of tenants.values()) {
        lost += ledgers[worker].writeOff(Drop.WorkerDied);
        macs.unlockFor(worker);
        datapath.refill(worker);
      }
      events.add({ type: 'worker', worker, state: 'died', lost, detail: error.message });
    },
    filled: async (_, indices) => {
      await Promise.all(of(indices).map(({ datapath }) => datapath.barrier()));
    },
    restarted: (worker) => events.add({ type: 'worker', worker, state: 'restarted', lost: 0, detail: '' }),
    trouble: (message) => events.add({ type: 'trouble', message }),
  };
}
