import { Batch } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import type { TxQueue } from '../frame/tx-queue.ts';
import { Drop } from '../observe/drop.ts';
import { COLUMNS, Column } from '../observe/ledger.ts';
import { carryHits } from '../path/acl.ts';
import type { Devices } from '../path/devices.ts';
import type { TenantImage } from '../path/image.ts';
import { type LeakSink, takeLeaked } from '../path/leak.ts';
import { RuleStore } from '../path/rules/store.ts';
import { type CaptureOrder, CaptureTap } from '../path/tap/capture-tap.ts';
import { type LiveOrder, LiveTap } from '../path/tap/live-tap.ts';
import { StageClock } from '../path/tap/stage-clock.ts';
import { Taps } from '../path/tap/tap.ts';
import { TenantPath } from '../path/tenant-path.ts';
import type { TxSink } from '../port/port.ts';
import type { Lending } from '../port/remote-port.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { Injector } from './injector.ts';
import type { Scheduler } from './scheduler.ts';

/** Heads that a tenant may hold: its frames in flight, and as many again for copies and pieces made of them. */
export function headsFor(frames: number): number {
  return 2 * frames;
}

export interface TenantContext {
  readonly worker: number;
  readonly pool: Pool;
  readonly devices: Devices;
  readonly buckets: SharedBuckets;
  readonly scheduler: Scheduler;
  /** Writes microseconds into the first element. */
  readonly clock: (into: Float64Array) => void;
}

/**
 * The tenants of one worker by index: their paths, what the slow path sends them, what leaks between them, and the books in which
 * ports report what became of their frames.
 */
export class TenantSet implements TxSink, LeakSink, Lending {
  readonly paths: (TenantPath | undefined)[];
  readonly injectors: (Injector | undefined)[];
  /** Frames that other tenants' routers have handed to each. */
  readonly leaked: (Batch | undefined)[];
  /** Indices in use. */
  readonly indices: number[] = [];
  readonly #context: TenantContext;
  readonly #stores: ({ readonly serial: number; readonly store: RuleStore } | undefined)[] = [];
  #cached = true;
  /** Who looks at each tenant's frames; none where nobody does. */
  readonly #taps: (Taps | undefined)[] = [];
  readonly #clocks: (StageClock | undefined)[] = [];
  /** Whether anybody looks at any frame. */
  tapped = false;

  /** Tenants whose frames were carried out since the books were brought up to date. */
  readonly #ran: Int32Array;
  readonly #hasRun: Uint8Array;
  #running = 0;

  constructor(most: number, context: TenantContext) {
    this.#ran = new Int32Array(most);
    this.#hasRun = new Uint8Array(most);
    this.paths = new Array(most).fill(undefined);
    this.injectors = new Array(most).fill(undefined);
    this.leaked = new Array(most).fill(undefined);
    this.#context = context;
  }

  /** Frames of a tenant are carried out. */
  runs(tenant: number): void {
    if (this.#hasRun[tenant] === 1) return;
    this.#hasRun[tenant] = 1;
    this.#ran[this.#running++] = tenant;
  }

  /** Brings the books of those up to date. */
  book(): void {
    for (let k = 0; k < this.#running; k++) {
      const tenant = this.#ran[k];
      this.#hasRun[tenant] = 0;
      this.paths[tenant]?.book();
    }
    this.#running = 0;
  }

  /** Adds a tenant, or gives it a new path compiled from a changed image, which takes over what outlives the change. */
  set(image: TenantImage): void {
    const { index } = image;
    const { pool, worker, scheduler } = this.#context;
    const before = this.paths[index] ?? null;
    before?.book();
    if (before !== null) for (const acl of image.acls) carryHits(acl, worker);
    this.#compile(image, before);
    this.leaked[index] ??= new Batch(BATCH_SIZE);
    if (before?.image.weight !== image.weight) scheduler.setWeight(index, image.weight);
    pool.limit[index] = headsFor(image.frames);
    if (!this.indices.includes(index)) this.indices.push(index);
  }

  /** The path of an image, which takes over from the one before. */
  #compile(image: TenantImage, before: TenantPath | null): void {
    const { index } = image;
    const { pool, worker, devices, buckets } = this.#context;
    const taps = this.#taps[index] ?? null;
    const clock = this.#clocks[index] ?? null;
    const watch = taps === null && clock === null ? null : { observer: null, taps, clock };
    const path = new TenantPath(pool, image, worker, devices, buckets, this, this.#storeOf(image), watch, before);
    path.setCache(this.#cached);
    this.paths[index] = path;
    this.injectors[index] = new Injector(pool, path, image.workers[worker].inject);
  }

  /** Begins to capture frames of a tenant. */
  capture(index: number, order: CaptureOrder): void {
    const taps = (this.#taps[index] ??= new Taps());
    taps.add(new CaptureTap(this.#context.pool, index, order));
    this.#watch(index);
  }

  /** Begins to tell of single frames of a tenant. */
  trace(index: number, order: LiveOrder): void {
    const { pool, devices } = this.#context;
    const taps = (this.#taps[index] ??= new Taps());
    taps.addLive(new LiveTap(pool, devices, index, order));
    this.#watch(index);
  }

  /** Begins to measure what a tenant's stages take, or, without memory, ends it. */
  time(index: number, memory: SharedArrayBuffer | null): void {
    this.#clocks[index] = memory === null ? undefined : new StageClock(this.#context.clock, memory);
    this.#watch(index);
  }

  /** Ends a capture or a trace: nothing is written to its ring any more. */
  release(index: number, id: number): void {
    const taps = this.#taps[index];
    taps?.remove(id);
    if (taps?.count === 0) this.#taps[index] = undefined;
    this.#watch(index);
  }

  /** Who looks has changed: the tenant's path is compiled with, or without, what shows them frames. */
  #watch(index: number): void {
    this.tapped = this.#taps.some((taps) => taps !== undefined);
    const path = this.paths[index];
    if (path !== undefined) this.#compile(path.image, path);
  }

  /** Frames of a queue are about to be handed to their device, the first `count` of them from our own paths. */
  showEgress(queue: TxQueue, count: number, now: Float64Array): void {
    for (let k = 0; k < this.indices.length; k++) this.#taps[this.indices[k]]?.egress(queue, count, now);
  }

  /** The device has taken so many of them. */
  showTaken(queue: TxQueue, count: number, taken: number, reason: number): void {
    for (let k = 0; k < this.indices.length; k++) this.#taps[this.indices[k]]?.taken(queue, count, taken, reason);
  }

  remove(index: number): void {
    this.paths[index]?.book();
    this.paths[index]?.hold?.clear(Drop.PortClosed);
    this.paths[index] = undefined;
    this.injectors[index] = undefined;
    this.#stores[index] = undefined;
    this.#taps[index] = undefined;
    this.#clocks[index] = undefined;
    this.#context.scheduler.setWeight(index, 0);
    const at = this.indices.indexOf(index);
    if (at >= 0) this.indices.splice(at, 1);
  }

  /** The tenant's rules as far as they have come: a changed tenant keeps them. */
  #storeOf({ index, rules }: TenantImage): RuleStore | null {
    if (rules === null) return null;
    const kept = this.#stores[index];
    if (kept?.serial === rules.serial) return kept.store;
    const store = new RuleStore(rules.workers[this.#context.worker]);
    this.#stores[index] = { serial: rules.serial, store };
    return store;
  }

  /** Turns flow caches off or on, those of paths made later too. */
  setCache(on: boolean): void {
    this.#cached = on;
    for (const index of this.indices) this.paths[index]?.setCache(on);
  }

  sent(tenant: number, row: number, port: number, frames: number, bytes: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    const { cells } = ledger;
    const from = row * COLUMNS;
    const to = port * COLUMNS;
    cells[from + Column.Held] -= frames;
    cells[from + Column.Sent] += frames;
    cells[to + Column.Transmitted] += frames;
    cells[to + Column.TransmittedBytes] += bytes;
    this.#context.scheduler.written(tenant, frames);
  }

  cloned(tenant: number, row: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    ledger.add(row, Column.Cloned, 1);
    ledger.add(row, Column.Held, 1);
  }

  lost(tenant: number, row: number, reason: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    ledger.add(row, Column.Held, -1);
    ledger.drop(row, reason);
  }

  lent(tenant: number, row: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    ledger.add(row, Column.Lent, 1);
    ledger.add(row, Column.Held, -1);
  }

  borrowed(tenant: number, row: number): void {
    const ledger = this.paths[tenant]?.ledger;
    if (ledger === undefined) return;
    ledger.add(row, Column.Borrowed, 1);
    ledger.add(row, Column.Held, 1);
  }

  leak(batch: Batch, i: number): boolean {
    const tenant = batch.leakTo[i];
    const path = this.paths[tenant];
    const to = this.leaked[tenant];
    if (path === undefined || to === undefined || to.count === to.capacity) return false;
    takeLeaked(to, batch, i, path.routerRow);
    path.ledger.add(path.routerRow, Column.LeakedIn, 1);
    return true;
  }

  /** Whether a path has written to the slow path since it was last asked. */
  takeBell(): boolean {
    let rang = false;
    for (let k = 0; k < this.indices.length; k++) {
      const punter = this.paths[this.indices[k]]?.punter;
      if (punter?.rang === true) {
        punter.rang = false;
        rang = true;
      }
    }
    return rang;
  }
}
