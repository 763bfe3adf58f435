import { Batch, Fate, Trait } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import { Pool } from '../frame/pool.ts';
import { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { COLUMNS, Column, type Ledger } from '../observe/ledger.ts';
import type { Devices } from '../path/devices.ts';
import type { TenantImage } from '../path/image.ts';
import { type LeakSink, TenantPath } from '../path/tenant-path.ts';
import { Uplink } from '../path/uplink.ts';
import type { Port, TxSink } from '../port/port.ts';
import type { RemoteInbox } from '../port/remote-port.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { Injector } from './injector.ts';
import { Scheduler } from './scheduler.ts';

/** Index of the books that belong to no tenant: those of shared uplinks. */
export const NO_TENANT = 0;
const QUEUE = 1024;
/** Frames read from a device in one visit. */
const VISIT = 64;
const IDLE_WAIT_MS = 50;
const CLOSE_ROUNDS = 100;

export interface EngineOptions {
  readonly worker: number;
  readonly heads: number;
  readonly bodies: number;
  /** Highest numbers of tenants (index 0 excluded from use) and devices. */
  readonly tenants: number;
  readonly devices: number;
  readonly buckets: SharedBuckets;
  /** A word a device, written by the control side: 1 when its link is up. */
  readonly linkUp: Int32Array;
  /** Books of the shared uplinks, a row each. */
  readonly uplinks: Ledger;
  /** Monotonic microseconds, the same origin on all threads. */
  readonly clock: () => number;
  /** Tells the slow path that punt rings hold something. */
  readonly ring: () => void;
}

/** What moves frames between memory and TAPs, once a turn; see src/port/io.ts. */
export interface Turner {
  turn(waitMs: number): number;
}

interface Device {
  readonly index: number;
  readonly port: Port;
  readonly uplink: Uplink | null;
  /** Frames that other workers send by this device, whose owner this worker is. */
  readonly inboxes: RemoteInbox[];
  tenant: number;
  row: number;
  closing: boolean;
}

/**
 * One worker's dataplane: its pool, its devices, its tenants' paths, and `turn`, which does one round of everything. It knows no
 * thread and no message, so that tests run it where they like, by their own clock.
 */
export class Engine implements TxSink, LeakSink {
  readonly pool: Pool;
  readonly devices: Devices & { count: number; queues: TxQueue[] };
  readonly paths: (TenantPath | undefined)[];
  readonly scheduler: Scheduler;
  /** Turns made, and turns that had no frame to handle. */
  turns = 0;
  idleTurns = 0;
  readonly #options: EngineOptions;
  readonly #devices: Device[] = [];
  readonly #tenants: number[] = [];
  readonly #batch = new Batch(BATCH_SIZE);
  readonly #ready = new Batch(BATCH_SIZE);
  readonly #leaked: (Batch | undefined)[];
  readonly #injectors: (Injector | undefined)[];
  #io: Turner | null = null;
  #nowUs = 0;
  #nowMs = 0;
  /** Whether a device was not read from in this turn because its tenant is in debt. */
  #denied = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.pool = new Pool(options.heads, options.bodies, options.tenants);
    this.paths = new Array(options.tenants).fill(undefined);
    this.#leaked = new Array(options.tenants).fill(undefined);
    this.#injectors = new Array(options.tenants).fill(undefined);
    this.scheduler = new Scheduler(options.tenants);
    this.devices = {
      count: 0,
      offloads: new Int32Array(options.devices),
      linkUp: options.linkUp,
      queues: [],
    };
    this.scheduler.setWeight(NO_TENANT, 1);
  }

  /** The pump of ports that need one; set once, before TAPs are added. */
  set io(io: Turner) {
    this.#io = io;
  }

  /** Adds a device under an index of the control side's choice. @param shared of an uplink: row in the uplinks' books, TPID of the outer tag */
  addDevice(index: number, port: Port, shared: { readonly row: number; readonly tpid: number } | null): void {
    if (this.#devices.some((device) => device.index === index)) throw new Error(`device ${index} is there already`);
    const uplink = shared === null ? null : new Uplink(this.pool, this.#options.uplinks, shared.row, shared.tpid);
    this.devices.offloads[index] = port.offloads;
    for (let i = this.devices.queues.length; i <= index; i++) this.devices.queues.push(new TxQueue(QUEUE));
    this.devices.count = this.devices.queues.length;
    this.#devices.push({ index, port, uplink, inboxes: [], tenant: NO_TENANT, row: -1, closing: false });
  }

  /** Adds a ring by which another worker sends through a device of this one. */
  addInbox(index: number, inbox: RemoteInbox): void {
    this.#device(index).inboxes.push(inbox);
  }

  /** Says whose frames the device carries: all of them, or those with an outer VID. Tenant 0 takes the device away again. */
  assignDevice(index: number, vid: number, tenant: number, row: number): void {
    const device = this.#device(index);
    if (device.uplink !== null) device.uplink.assign(vid, tenant, row);
    else {
      device.tenant = tenant;
      device.row = row;
    }
  }

  #device(index: number): Device {
    const device = this.#devices.find((one) => one.index === index);
    if (device === undefined) throw new Error(`there is no device ${index}`);
    return device;
  }

  /** Stops reading from a device; it is gone when `hasDevice` says so. */
  removeDevice(index: number): void {
    const device = this.#devices.find((one) => one.index === index);
    if (device !== undefined) device.closing = true;
  }

  hasDevice(index: number): boolean {
    return this.#devices.some((device) => device.index === index);
  }

  /** Adds a tenant, or gives it a new path compiled from a changed image; frames that wait for neighbours are dropped then. */
  setTenant(image: TenantImage): void {
    const { index } = image;
    this.paths[index]?.hold?.clear(Drop.NeighborFailed);
    const path = new TenantPath(this.pool, image, this.#options.worker, this.devices, this.#options.buckets, this);
    this.paths[index] = path;
    this.#leaked[index] ??= new Batch(BATCH_SIZE);
    this.#injectors[index] = new Injector(this.pool, path, image.workers[this.#options.worker].inject);
    this.scheduler.setWeight(index, image.weight);
    if (!this.#tenants.includes(index)) this.#tenants.push(index);
  }

  removeTenant(index: number): void {
    this.paths[index]?.hold?.clear(Drop.PortClosed);
    this.paths[index] = undefined;
    this.#injectors[index] = undefined;
    this.scheduler.setWeight(index, 0);
    const at = this.#tenants.indexOf(index);
    if (at >= 0) this.#tenants.splice(at, 1);
  }

  /**
   * One round: what waits for neighbours and what the slow path made goes first, then every device in turn is read and its
   * frames run to completion, then everything that leaves is handed over.
   * @param mayWait whether to sleep, at most 50 ms, when there is nothing to do
   * @returns frames handled
   */
  turn(mayWait: boolean): number {
    this.#tick();
    this.scheduler.refill(this.#nowUs);
    let handled = this.#fromRouters();
    const busy = this.#request(handled > 0) || this.#denied;
    const began = this.#options.clock();
    const waits = mayWait && !busy;
    this.#io?.turn(waits ? this.#patience(began) : 0);
    this.#tick();
    // Time in which the worker may have slept is nobody's.
    if (!waits) this.scheduler.chargeCalls(this.#nowUs - began, this.#nowUs);
    handled += this.#receive();
    if (handled === 0 && this.#denied) this.scheduler.forgive();
    this.#transmit();
    this.#ringBell();
    this.turns++;
    if (handled === 0) this.idleTurns++;
    return handled;
  }

  /** How long the worker may sleep: until the next frame that nothing will tell of. */
  #patience(nowUs: number): number {
    let due = nowUs + IDLE_WAIT_MS * 1000;
    for (let d = 0; d < this.#devices.length; d++) {
      const { dueUs } = this.#devices[d].port;
      if (dueUs < due) due = dueUs;
    }
    const wait = Math.floor((due - nowUs) / 1000);
    return wait > 0 ? wait : 0;
  }

  sent(tenant: number, row: number, port: number, bytes: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    const { cells } = ledger;
    const from = row * COLUMNS;
    const to = port * COLUMNS;
    cells[from + Column.Held]--;
    cells[from + Column.Sent]++;
    cells[to + Column.Transmitted]++;
    cells[to + Column.TransmittedBytes] += bytes;
    this.scheduler.moved(tenant, 1);
  }

  lost(tenant: number, row: number, reason: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    ledger.add(row, Column.Held, -1);
    ledger.drop(row, reason);
  }

  leak(batch: Batch, i: number): void {
    const tenant = batch.leakTo[i];
    const path = this.paths[tenant];
    const to = this.#leaked[tenant];
    if (path === undefined || to === undefined || to.count === to.capacity) {
      // Gone, or fuller than one batch can make it: the frame was booked as leaked out, and ends in nobody's books but the pool's.
      this.pool.release(batch.head[i]);
      this.pool.release(batch.body[i]);
      return;
    }
    const k = to.take(batch, i);
    to.fate[k] = Fate.Live;
    to.traits[k] = (batch.traits[i] | Trait.Leaked) & ~Trait.Routed;
    to.port[k] = path.routerRow;
    to.inInterface[k] = -1;
    to.outInterface[k] = -1;
    to.twin[k] = -1;
    path.ledger.add(path.routerRow, Column.LeakedIn, 1);
  }

  /**
   * Sends what the slow path has said last (that a router is no longer there), drops what is held and closes every device; frames
   * in flight end in the books as lost.
   */
  close(): void {
    this.#tick();
    for (let round = 0; round < CLOSE_ROUNDS && this.#fromRouters() > 0; round++) this.#transmit();
    for (const tenant of [...this.#tenants]) this.paths[tenant]?.hold?.clear(Drop.PortClosed);
    for (const device of this.#devices) device.closing = true;
    this.#transmit();
    for (let round = 0; round < CLOSE_ROUNDS && this.#devices.length > 0; round++) {
      this.#request(false);
      this.#io?.turn(1);
    }
  }

  #tick(): void {
    this.#nowUs = this.#options.clock();
    this.#nowMs = (this.#nowUs / 1000) | 0;
  }

  #stamp(batch: Batch, tenant: number): void {
    batch.tenant = tenant;
    batch.nowUs = this.#nowUs;
    batch.nowMs = this.#nowMs;
  }

  /** Frames whose neighbour has answered, and frames that the slow path made. */
  #fromRouters(): number {
    const tenants = this.#tenants;
    const ready = this.#ready;
    let handled = 0;
    for (let k = 0; k < tenants.length; k++) {
      const tenant = tenants[k];
      const path = this.paths[tenant];
      if (path === undefined) continue;
      if (path.hold !== null && path.hold.count > 0) {
        this.#stamp(ready, tenant);
        path.hold.release(ready);
        if (ready.count > 0) {
          handled += ready.count;
          path.forward(ready);
        }
      }
      const injector = this.#injectors[tenant];
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
    const devices = this.#devices;
    let busy = handled;
    this.#denied = false;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      const { port, tenant } = device;
      if (this.devices.queues[device.index].count > 0) busy = true;
      if (device.closing) {
        if (port.close()) devices.splice(d--, 1);
        busy = true;
        continue;
      }
      const path = this.paths[tenant];
      const limit =
        path === undefined ? (device.uplink === null ? 0 : VISIT) : path.image.frames - this.pool.held[tenant];
      const most = limit < VISIT ? limit : VISIT;
      const mayRead = this.scheduler.mayRead(tenant);
      if (!mayRead) this.#denied = true;
      port.request(most > 0 && mayRead ? most : 0, tenant);
      if (port.pending || waits(device.inboxes)) busy = true;
    }
    return busy;
  }

  #receive(): number {
    const devices = this.#devices;
    const batch = this.#batch;
    let handled = 0;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      if (!device.port.pending || device.closing) continue;
      const began = this.#options.clock();
      const count = device.port.receive(batch, VISIT);
      if (count === 0) continue;
      handled += count;
      this.#nowUs = began;
      if (device.uplink !== null) {
        device.uplink.split(batch);
        this.#runUplink(device.uplink);
      } else {
        batch.port.fill(device.row, 0, count);
        this.scheduler.moved(device.tenant, count);
        this.#run(batch, device.tenant);
        this.scheduler.charge(device.tenant, this.#options.clock() - began, began);
      }
    }
    return handled;
  }

  #runUplink(uplink: Uplink): void {
    const { tenants, batches } = uplink;
    for (let k = 0; k < tenants.length; k++) {
      const batch = batches[tenants[k]];
      if (batch === undefined || batch.count === 0) continue;
      const began = this.#options.clock();
      this.scheduler.moved(tenants[k], batch.count);
      this.#run(batch, tenants[k]);
      this.scheduler.charge(tenants[k], this.#options.clock() - began, began);
    }
  }

  #run(batch: Batch, tenant: number): void {
    const path = this.paths[tenant];
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
    const tenants = this.#tenants;
    for (let k = 0; k < tenants.length; k++) {
      const tenant = tenants[k];
      const batch = this.#leaked[tenant];
      if (tenant === from || batch === undefined || batch.count === 0) continue;
      this.#stamp(batch, tenant);
      this.paths[tenant]?.route(batch);
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
    const devices = this.#devices;
    for (let d = 0; d < devices.length; d++) {
      const device = devices[d];
      const queue = this.devices.queues[device.index];
      for (let k = 0; k < device.inboxes.length; k++) device.inboxes[k].drain(queue);
      if (queue.count === 0) continue;
      const taken = device.closing ? 0 : device.port.transmit(queue);
      // What the port does not take now it would not take later: waiting is what its own queue is for.
      const reason = device.closing ? Drop.PortClosed : Drop.TxFull;
      for (let k = taken; k < queue.count; k++) {
        this.pool.release(queue.head[k]);
        this.pool.release(queue.body[k]);
        this.lost(queue.tenant[k], queue.row[k], reason);
      }
      queue.count = 0;
    }
  }

  #ringBell(): void {
    const tenants = this.#tenants;
    let rang = false;
    for (let k = 0; k < tenants.length; k++) {
      const punter = this.paths[tenants[k]]?.punter;
      if (punter?.rang === true) {
        punter.rang = false;
        rang = true;
      }
    }
    if (rang) this.#options.ring();
  }
}

function waits(inboxes: readonly RemoteInbox[]): boolean {
  for (let k = 0; k < inboxes.length; k++) if (inboxes[k].pending) return true;
  return false;
}
