import { Batch } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { Uplink } from '../path/uplink.ts';
import type { RemoteInbox } from '../port/remote-port.ts';
import type { Epochs } from '../table/epoch.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { DeviceSet, NO_TENANT } from './device-set.ts';
import { Scheduler } from './scheduler.ts';
import { TenantSet } from './tenant-set.ts';

/** Frames read from a device in one visit; fewer where many devices may all send to one, whose queue is bounded. */
const VISIT = 256;
const VISIT_OF_MANY = 64;
const FEW = 4;
const IDLE_WAIT_MS = 50;
const CLOSE_ROUNDS = 100;
/** Changes of a tenant's rules carried out in one turn: about as long as a batch of frames takes. */
const RULE_CHANGES = 128;

export interface EngineOptions {
  readonly worker: number;
  readonly heads: number;
  readonly bodies: number;
  /** Highest numbers of tenants (index 0 excluded from use) and devices. */
  readonly tenants: number;
  readonly devices: number;
  readonly buckets: SharedBuckets;
  /** What says that this worker holds nothing of a table from before. */
  readonly epochs: Epochs;
  /** A word a device, written by the control side: 1 when its link is up. */
  readonly linkUp: Int32Array;
  /** Books of the shared uplinks, a row each. */
  readonly uplinks: Ledger;
  /** Writes monotonic microseconds, of the same origin on all threads, into the first element. */
  readonly clock: (into: Float64Array) => void;
  /** Makes zeroed memory for tables that are looked up at random. */
  readonly words?: (count: number) => Int32Array;
  /** Tells the slow path that punt rings hold something. */
  readonly ring: () => void;
}

/** What moves frames between memory and TAPs, once a turn; see src/port/io.ts. */
export interface Turner {
  /** Whether a turn has nothing to do but to sleep: no TAP is open. */
  readonly idle: boolean;
  /** Whether `transmit` writes at once, and not the next turn. */
  readonly writesAtOnce: boolean;
  turn(waitMs: number): number;
}

/**
 * One worker's dataplane: its pool, its devices, its tenants' paths, and `turn`, which does one round of everything. It knows no
 * thread and no message, so that tests run it where they like, by their own clock.
 */
export class Engine {
  readonly pool: Pool;
  readonly devices: DeviceSet;
  readonly tenants: TenantSet;
  readonly scheduler: Scheduler;
  /** Turns made, and turns that had no frame to handle. */
  turns = 0;
  idleTurns = 0;
  readonly #options: EngineOptions;
  readonly #batch = new Batch(BATCH_SIZE);
  readonly #ready = new Batch(BATCH_SIZE);
  #io: Turner | null = null;
  /** Microseconds; in an array, since a field would get a new object for every number. */
  readonly #now = new Float64Array(1);
  readonly #reading = new Float64Array(1);
  #nowMs = 0;
  /** Whether a device was not read from in this turn because its tenant is in debt. */
  #denied = false;

  constructor(options: EngineOptions) {
    const { worker, buckets } = options;
    const pool = new Pool(options.heads, options.bodies, options.tenants, options.words);
    const scheduler = new Scheduler(options.tenants);
    const devices = new DeviceSet(pool, options.devices, options.linkUp, options.uplinks);
    scheduler.setWeight(NO_TENANT, 1);
    this.#options = options;
    this.pool = pool;
    this.scheduler = scheduler;
    this.devices = devices;
    this.tenants = new TenantSet(options.tenants, { worker, pool, devices, buckets, scheduler, clock: options.clock });
  }

  /** The pump of ports that need one; set once, before TAPs are added. */
  set io(io: Turner) {
    this.#io = io;
  }

  /**
   * One round: what waits for neighbours and what the slow path made goes first, then every device in turn is read and its
   * frames run to completion, then everything that leaves is handed over.
   * @param mayWait whether to sleep, at most 50 ms, when there is nothing to do
   * @returns frames handled
   */
  turn(mayWait: boolean): number {
    const { epochs, worker } = this.#options;
    epochs.enter(worker, epochs.current());
    this.#tick();
    let began = this.#now[0] | 0;
    this.scheduler.refill(began);
    let handled = this.#fromRouters();
    const busy = this.#request(handled > 0) || this.#denied;
    const waits = mayWait && !busy;
    if (waits || this.#io?.idle === false) {
      if (handled > 0) began = this.#microseconds();
      if (waits) epochs.offline(worker);
      this.#io?.turn(waits ? this.devices.patience(this.#now, IDLE_WAIT_MS) : 0);
      if (waits) epochs.enter(worker, epochs.current());
      this.#tick();
      const ended = this.#now[0] | 0;
      // Time in which the worker may have slept is nobody's.
      if (!waits) this.scheduler.chargeCalls((ended - began) | 0, ended);
    }
    handled += this.#receive();
    if (handled === 0 && this.#denied) this.scheduler.forgive();
    this.#transmit();
    if (this.tenants.takeBell()) this.#options.ring();
    this.turns++;
    if (handled === 0) this.idleTurns++;
    return handled;
  }

  /**
   * Sends what the slow path has said last (that a router is no longer there), drops what is held and closes every device; frames
   * in flight end in the books as lost.
   */
  close(): void {
    this.#tick();
    for (let round = 0; round < CLOSE_ROUNDS && this.#fromRouters() > 0; round++) this.#transmit();
    for (const tenant of this.tenants.indices) this.tenants.paths[tenant]?.hold?.clear(Drop.PortClosed);
    for (const device of this.devices.list) device.closing = true;
    this.#transmit();
    for (let round = 0; round < CLOSE_ROUNDS && this.devices.list.length > 0; round++) {
      this.#request(false);
      this.#io?.turn(1);
    }
  }

  #tick(): void {
    const now = this.#now;
    this.#options.clock(now);
    this.#nowMs = (now[0] / 1000) | 0;
  }

  /** What the clock says, wrapped to 32 bits: enough to charge by, and no object. */
  #microseconds(): number {
    const reading = this.#reading;
    this.#options.clock(reading);
    return reading[0] | 0;
  }

  #stamp(batch: Batch, tenant: number): void {
    batch.tenant = tenant;
    batch.nowUs = this.#now[0];
    batch.nowMs = this.#nowMs;
  }

  /** What the control side has changed in rules, frames whose neighbour has answered, and frames that the slow path made. */
  #fromRouters(): number {
    const tenants = this.tenants.indices;
    const ready = this.#ready;
    let handled = 0;
    for (let k = 0; k < tenants.length; k++) {
      const tenant = tenants[k];
      const path = this.tenants.paths[tenant];
      if (path === undefined) continue;
      handled += path.changeRules(RULE_CHANGES, this.#now, this.#nowMs);
      if (path.hold !== null && path.hold.count > 0) {
        this.#stamp(ready, tenant);
        path.hold.release(ready);
        if (ready.count > 0) {
          handled += ready.count;
          path.forward(ready);
        }
      }
      const injector = this.tenants.injectors[tenant];
      if (injector?.waiting === true) {
        this.#stamp(ready, tenant);
        handled += injector.drain(ready);
        this.#runLeaks(tenant);
      }
    }
    return handled;
  }

  /** Says what each device may read now. @returns whether something waits already */
  #request(handled: boolean): boolean {
    const devices = this.devices.list;
    let busy = handled;
    this.#denied = false;
    const visit = devices.length > FEW ? VISIT_OF_MANY : VISIT;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      const { port, tenant } = device;
      if (this.devices.queues[device.index].count > 0) busy = true;
      if (device.closing) {
        if (port.close() && this.devices.queues[device.index].count === 0 && !waits(device.inboxes)) {
          this.devices.drop(device);
          d--;
        }
        busy = true;
        continue;
      }
      const path = this.tenants.paths[tenant];
      const limit =
        path === undefined
          ? device.uplink !== null && device.uplink.tenants.length > 0
            ? visit
            : 0
          : path.image.frames - this.pool.held[tenant];
      const most = limit < visit ? limit : visit;
      const mayRead = this.scheduler.mayRead(tenant);
      if (!mayRead) this.#denied = true;
      port.request(most > 0 && mayRead ? most : 0, tenant);
      if (port.pending || waits(device.inboxes)) busy = true;
    }
    return busy;
  }

  #receive(): number {
    const devices = this.devices.list;
    const batch = this.#batch;
    let handled = 0;
    // The time at which one device's frames are done is the time at which the next one's begin.
    let began = this.#now[0] | 0;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      if (!device.port.pending || device.closing) continue;
      batch.plain = true;
      batch.bytes = 0;
      const count = device.port.receive(batch, BATCH_SIZE);
      if (count === 0) continue;
      handled += count;
      if (device.uplink !== null) {
        device.uplink.split(batch);
        this.#runUplink(device.uplink);
        began = this.#microseconds();
      } else {
        batch.port.fill(device.row, 0, count);
        this.scheduler.moved(device.tenant, count);
        this.#run(batch, device.tenant);
        const ended = this.#microseconds();
        this.#charge(device.tenant, (ended - began) | 0, ended);
        began = ended;
      }
      this.#now[0] = this.#reading[0];
    }
    return handled;
  }

  #runUplink(uplink: Uplink): void {
    const { tenants, batches } = uplink;
    for (let k = 0; k < tenants.length; k++) {
      const batch = batches[tenants[k]];
      if (batch === undefined || batch.count === 0) continue;
      const began = this.#microseconds();
      this.scheduler.moved(tenants[k], batch.count);
      this.#run(batch, tenants[k]);
      this.#charge(tenants[k], (this.#microseconds() - began) | 0, began);
    }
  }

  #charge(tenant: number, tookUs: number, nowUs: number): void {
    this.scheduler.charge(tenant, tookUs, nowUs);
    this.tenants.paths[tenant]?.worked(tookUs);
  }

  #run(batch: Batch, tenant: number): void {
    const path = this.tenants.paths[tenant];
    if (path === undefined) {
      this.#discard(batch);
      return;
    }
    this.#stamp(batch, tenant);
    path.receive(batch);
    this.#runLeaks(tenant);
  }

  /** Hands what leaked out of a tenant to the routers it was meant for; nothing leaks twice. */
  #runLeaks(from: number): void {
    const tenants = this.tenants.indices;
    for (let k = 0; k < tenants.length; k++) {
      const tenant = tenants[k];
      const batch = this.tenants.leaked[tenant];
      if (tenant === from || batch === undefined || batch.count === 0) continue;
      this.#stamp(batch, tenant);
      this.tenants.paths[tenant]?.route(batch);
    }
  }

  /** Frames of a device that no tenant has any more. */
  #discard(batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      this.pool.release(batch.head[i]);
      this.pool.release(batch.body[i]);
    }
    batch.count = 0;
  }

  #transmit(): void {
    const devices = this.devices.list;
    const timed = this.#io?.writesAtOnce === true;
    const began = timed ? this.#microseconds() : 0;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      const queue = this.devices.queues[device.index];
      const own = queue.count;
      for (let k = 0; k < device.inboxes.length; k++) device.inboxes[k].drain(queue);
      if (queue.count === 0) continue;
      // Who looks sees frames of other workers there.
      if (this.tenants.tapped) this.tenants.showEgress(queue, own, this.#now);
      const taken = device.closing ? 0 : device.port.transmit(queue);
      // What the port does not take now it would not take later: waiting is what its own queue is for.
      const reason = device.closing ? Drop.PortClosed : Drop.TxFull;
      if (this.tenants.tapped) this.tenants.showTaken(queue, own, taken, reason);
      for (let k = taken; k < queue.count; k++) {
        this.pool.release(queue.head[k]);
        this.pool.release(queue.body[k]);
        this.tenants.lost(queue.tenant[k], queue.row[k], reason);
      }
      queue.count = 0;
    }
    if (!timed) return;
    const ended = this.#microseconds();
    this.scheduler.chargeCalls((ended - began) | 0, ended);
  }
}

function waits(inboxes: readonly RemoteInbox[]): boolean {
  for (let k = 0; k < inboxes.length; k++) if (inboxes[k].pending) return true;
  return false;
}
