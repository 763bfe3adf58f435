import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import type { Device, DeviceSet } from './device-set.ts';
import type { Scheduler } from './scheduler.ts';
import type { TenantSet } from './tenant-set.ts';
import type { WorkerTime } from './worker-time.ts';

/** Hands what leaves to the devices of a worker, on the account of the tenants whose frames these are. */
export class Transmitter {
  readonly #pool: Pool;
  readonly #devices: DeviceSet;
  readonly #tenants: TenantSet;
  readonly #scheduler: Scheduler;
  readonly #time: WorkerTime;

  constructor(pool: Pool, devices: DeviceSet, tenants: TenantSet, scheduler: Scheduler, time: WorkerTime) {
    this.#pool = pool;
    this.#devices = devices;
    this.#tenants = tenants;
    this.#scheduler = scheduler;
    this.#time = time;
  }

  /** Empties the queues of all devices. */
  transmit(): void {
    const { list, queues } = this.#devices;
    // Alone, a tenant is not charged: nobody reads the clock for it.
    const { shared } = this.#scheduler;
    let began = shared ? this.#time.microseconds() : 0;
    for (let d = 0; d < list.length; d++) {
      const device = list[d];
      const queue = queues[device.index];
      const own = queue.count;
      for (let k = 0; k < device.inboxes.length; k++) device.inboxes[k].drain(queue);
      if (queue.count === 0) continue;
      this.#transmitTo(device, queue, own);
      if (shared) {
        const ended = this.#time.microseconds();
        this.#scheduler.chargeQueue(queue.tenant, queue.count, (ended - began) | 0, ended);
        began = ended;
      }
      queue.count = 0;
    }
  }

  /** @param own frames in the queue that are from our own paths: the first */
  #transmitTo({ port, closing }: Device, queue: TxQueue, own: number): void {
    const tenants = this.#tenants;
    // Who looks sees frames of other workers there.
    if (tenants.tapped) tenants.showEgress(queue, own, this.#time.now);
    const taken = closing ? 0 : port.transmit(queue);
    // What the port does not take now it would not take later: waiting is what its own queue is for.
    const reason = closing ? Drop.PortClosed : Drop.TxFull;
    if (tenants.tapped) tenants.showTaken(queue, own, taken, reason);
    for (let k = taken; k < queue.count; k++) {
      this.#pool.release(queue.head[k]);
      this.#pool.release(queue.body[k]);
      tenants.lost(queue.tenant[k], queue.row[k], reason);
    }
  }
}
