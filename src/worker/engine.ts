import { Batch } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import { Pool } from '../frame/pool.ts';
import { Drop } from '../observe/drop.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { TenantPath } from '../path/tenant-path.ts';
import type { Uplink } from '../path/uplink.ts';
import type { RemoteInbox } from '../port/remote-port.ts';
import type { Epochs } from '../table/epoch.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { type Device, DeviceSet, NO_TENANT, QUEUE } from './device-set.ts';
import { Scheduler } from './scheduler.ts';
import { TenantSet } from './tenant-set.ts';
import { Transmitter } from './transmitter.ts';
import { type Clock, WorkerTime } from './worker-time.ts';

/** Most frames read from a device in one turn; from one that shares the worker's time as many as its share allows, and these. */
const VISIT = 256;
const VISIT_OF_MANY = 1024;
/** Frames read after which what leaves is handed over: all may go to one device, whose queue is bounded. */
const TRANSMIT_AFTER = QUEUE - BATCH_SIZE;
const IDLE_WAIT_MS = 50;
/** After a sleep of this long caches are cold: what came then leaves at once, and not with the next turn, which is slow as well. */
const LONG_SLEEP_US = 1000;
const CLOSE_ROUNDS = 100;
/** Changes of a tenant's rules carried out in one turn: about as long as its share of a turn. */
const RULE_CHANGES = 32;

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
  /** Monotonic, of the same origin on all threads. */
  readonly clock: Clock;
  /** Time for which this worker had a processor; without it, it is taken to have one always. */
  readonly processor?: Clock;
  /** Microseconds; a sleep that took longer has left caches cold. */
  readonly longSleepUs?: number;
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
  /** Writes what was transmitted, without waiting for the next turn. */
  flush(): void;
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
  readonly #epochs: Epochs;
  readonly #worker: number;
  readonly #ring: () => void;
  readonly #longSleepUs: number;
  readonly #batch = new Batch(BATCH_SIZE);
  readonly #ready = new Batch(BATCH_SIZE);
  #io: Turner | null = null;
  readonly #time: WorkerTime;
  readonly #transmitter: Transmitter;
  /** Whether a tenant that had something to do was kept from it in this turn because it is in debt. */
  #denied = false;
  /** When the books of lists and rules were brought up to date last. */
  #bookedMs = 0;

  constructor(options: EngineOptions) {
    const { worker, buckets } = options;
    const pool = new Pool(options.heads, options.bodies, options.tenants, options.words);
    const scheduler = new Scheduler(options.tenants);
    const devices = new DeviceSet(pool, options.devices, options.linkUp, options.uplinks);
    scheduler.setWeight(NO_TENANT, 1);
    this.#epochs = options.epochs;
    this.#worker = worker;
    this.#ring = options.ring;
    this.#longSleepUs = options.longSleepUs ?? LONG_SLEEP_US;
    this.#time = new WorkerTime(options.clock, options.processor ?? null);
    this.pool = pool;
    this.scheduler = scheduler;
    this.devices = devices;
    this.tenants = new TenantSet(options.tenants, { worker, pool, devices, buckets, scheduler, clock: options.clock });
    this.#transmitter = new Transmitter(pool, devices, this.tenants, scheduler, this.#time);
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
    const epochs = this.#epochs;
    const worker = this.#worker;
    const time = this.#time;
    epochs.enter(worker, epochs.current());
    time.tick();
    const first = time.now[0] | 0;
    let began = first;
    this.scheduler.refill(began);
    this.#denied = false;
    let handled = this.#fromRouters();
    const busy = this.#request(handled > 0) || this.#denied;
    const waits = mayWait && !busy;
    let slept = false;
    if (waits || this.#io?.idle === false) {
      if (handled > 0) began = time.microseconds();
      if (waits) {
        this.tenants.book();
        epochs.offline(worker);
      }
      this.scheduler.inCalls = true;
      this.#io?.turn(waits ? this.devices.patience(time.now, IDLE_WAIT_MS) : 0);
      this.scheduler.inCalls = false;
      if (waits) epochs.enter(worker, epochs.current());
      time.tick();
      const ended = time.now[0] | 0;
      // Time in which the worker may have slept is nobody's.
      if (!waits) this.scheduler.chargeCalls((ended - began) | 0, ended);
      else {
        if (this.scheduler.shared) time.slept();
        slept = ((ended - began) | 0) > this.#longSleepUs;
      }
    }
    handled += this.#receive();
    if (handled === 0 && this.#denied) this.scheduler.forgive();
    this.#transmitter.transmit();
    if (slept && handled > 0) handled += this.#answer();
    if (handled === 0 || time.nowMs !== this.#bookedMs) {
      this.#bookedMs = time.nowMs;
      this.tenants.book();
    }
    if (this.tenants.takeBell()) this.#ring();
    if (!this.scheduler.shared) time.forget();
    else if (!waits) this.#lookAtProcessor(first);
    this.turns++;
    if (handled === 0) this.idleTurns++;
    return handled;
  }

  /**
   * Writes what leaves without the next turn, which would be slow after a sleep; and does the same with what has come meanwhile: the answer
   * of a kernel to what it is asked is there when the question is written.
   */
  #answer(): number {
    this.#io?.flush();
    // What that took is no tenant's whose frames come next.
    this.#time.tick();
    const handled = this.#receive();
    if (handled === 0) return 0;
    this.#transmitter.transmit();
    this.#io?.flush();
    return handled;
  }

  /** What others took of the worker's time is not to be paid by the tenant that it was busy for. @param began wrapped microseconds */
  #lookAtProcessor(began: number): void {
    const stolen = this.#time.stolen(began, this.#time.microseconds());
    if (stolen > 0) this.scheduler.refund(stolen);
  }

  /**
   * Sends what the slow path has said last (that a router is no longer there), drops what is held and closes every device; frames
   * in flight end in the books as lost.
   */
  close(): void {
    this.#time.tick();
    for (let round = 0; round < CLOSE_ROUNDS && this.#fromRouters() > 0; round++) this.#transmitter.transmit();
    for (const tenant of this.tenants.indices) this.tenants.paths[tenant]?.hold?.clear(Drop.PortClosed);
    for (const device of this.devices.list) device.closing = true;
    this.#transmitter.transmit();
    for (let round = 0; round < CLOSE_ROUNDS && this.devices.list.length > 0; round++) {
      this.#request(false);
      this.#io?.turn(1);
    }
  }

  #stamp(batch: Batch, tenant: number): void {
    batch.tenant = tenant;
    batch.nowUs = this.#time.now[0];
    batch.nowMs = this.#time.nowMs;
  }

  /**
   * What the control side has changed in rules, frames whose neighbour has answered, and frames that the slow path made: each tenant's
   * on its own account, and none while it is in debt.
   */
  #fromRouters(): number {
    const tenants = this.tenants.indices;
    let handled = 0;
    for (let k = 0; k < tenants.length; k++) {
      const tenant = tenants[k];
      const path = this.tenants.paths[tenant];
      if (path === undefined) continue;
      if (!this.scheduler.mayRead(tenant)) {
        this.#denied ||= path.rules?.waiting === true || this.tenants.injectors[tenant]?.waiting === true;
        continue;
      }
      const began = handled > 0 ? this.#time.microseconds() : this.#time.now[0] | 0;
      const done = this.#fromRouter(tenant, path);
      if (done === 0) continue;
      handled += done;
      const ended = this.#time.microseconds();
      this.#charge(tenant, (ended - began) | 0, ended);
    }
    return handled;
  }

  #fromRouter(tenant: number, path: TenantPath): number {
    const ready = this.#ready;
    let handled = path.changeRules(RULE_CHANGES, this.#time.now, this.#time.nowMs);
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
    return handled;
  }

  /** Says what each device may read now. @returns whether something waits already */
  #request(handled: boolean): boolean {
    const devices = this.devices.list;
    let busy = handled;
    const visit = this.scheduler.shared ? VISIT_OF_MANY : VISIT;
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
      const share = this.scheduler.visit(tenant);
      const bound = share < visit ? share : visit;
      const most = limit < bound ? limit : bound;
      const mayRead = this.scheduler.mayRead(tenant);
      if (!mayRead) this.#denied = true;
      port.request(most > 0 && mayRead ? most : 0, tenant);
      if (port.pending || waits(device.inboxes)) busy = true;
    }
    return busy;
  }

  #receive(): number {
    const devices = this.devices.list;
    let handled = 0;
    // The time at which one device's frames are done is the time at which the next one's begin.
    let began = this.#time.now[0] | 0;
    let since = 0;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      if (device.port.pending) this.scheduler.visited(device.tenant);
      while (device.port.pending && !device.closing) {
        const count = this.#receiveFrom(device, began);
        if (count === 0) break;
        handled += count;
        since += count;
        if (since > TRANSMIT_AFTER) {
          this.#transmitter.transmit();
          since = 0;
          this.#time.tick();
        }
        began = this.#time.now[0] | 0;
      }
    }
    return handled;
  }

  /** Takes one batch from a device and runs it to completion. @param began when, wrapped @returns frames */
  #receiveFrom(device: Device, began: number): number {
    const batch = this.#batch;
    batch.plain = true;
    batch.bare = false;
    batch.summed = false;
    batch.bytes = 0;
    const count = device.port.receive(batch, BATCH_SIZE);
    if (count === 0) return 0;
    if (device.uplink !== null) {
      batch.spread();
      device.uplink.split(batch);
      this.#runUplink(device.uplink, device.byCall);
      this.#time.microseconds();
    } else {
      batch.row = device.row;
      if (!batch.bare) for (let i = 0; i < count; i++) batch.port[i] = device.row;
      this.scheduler.read(device.tenant, count, device.byCall);
      this.#run(batch, device.tenant);
      const ended = this.#time.microseconds();
      this.#charge(device.tenant, (ended - began) | 0, ended);
    }
    this.#time.settle();
    return count;
  }

  #runUplink(uplink: Uplink, byCall: boolean): void {
    const { tenants, batches } = uplink;
    for (let k = 0; k < tenants.length; k++) {
      const batch = batches[tenants[k]];
      if (batch === undefined || batch.count === 0) continue;
      const began = this.#time.microseconds();
      this.scheduler.read(tenants[k], batch.count, byCall);
      this.scheduler.visited(tenants[k]);
      this.#run(batch, tenants[k]);
      this.#charge(tenants[k], (this.#time.microseconds() - began) | 0, began);
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
    this.tenants.runs(tenant);
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
    batch.spread();
    for (let i = 0; i < batch.count; i++) {
      this.pool.release(batch.head[i]);
      this.pool.release(batch.body[i]);
    }
    batch.count = 0;
  }
}

function waits(inboxes: readonly RemoteInbox[]): boolean {
  for (let k = 0; k < inboxes.length; k++) if (inboxes[k].pending) return true;
  return false;
}
