import { microsecondsSince, monotonicSeconds } from '../../native-free/clock.ts';
import { failpoint } from '../../native-free/failpoint.ts';
import { selfTest } from '../../native-free/ffi.ts';
import { mapLargeMemory, preferHugePages } from '../../native-free/huge-pages.ts';
import { MOST_HELD_BODIES } from '../path/hold.ts';
import { MOST_WAITING } from '../port/io.ts';
import type { QemuNews } from '../port/qemu-port.ts';
import type { ReplayHandles } from '../port/replay-port.ts';
import { SlowPath } from '../slow/slow-path.ts';
import { Epochs } from '../table/epoch.ts';
import { onLargeMemory } from '../table/large-memory.ts';
import { SharedBuckets } from '../table/shared-buckets.ts';
import { Numbers } from '../tenant/numbers.ts';
import { Policers } from '../tenant/policers.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { PoolAudit } from '../worker/messages.ts';
import { headsFor } from '../worker/tenant-set.ts';
import { Capture } from './capture/capture.ts';
import { captureOptions } from './capture/options.ts';
import type { SwitchModel } from './config/model.ts';
import { Devices } from './devices.ts';
import { Events, type LinkChange } from './events.ts';
import { type LookParts, Looks } from './looks.ts';
import { Datapaths } from './openflow/datapaths.ts';
import { QuotaWatch } from './quota-watch.ts';
import type { Params } from './rpc.ts';
import { StageTimes } from './stage-times.ts';
import { type LiveParts, LiveTrace } from './trace/live.ts';
import { type Trace, traceFrame } from './trace/tracer.ts';
import { type Parts, Transition } from './transition.ts';
import { whenWorkersDie } from './worker-death.ts';
import type { WorkerHandle } from './worker-handle.ts';
import { Workers } from './workers.ts';

const MOST_TENANTS = 256;
const MOST_DEVICES = 1024;
const MOST_UPLINKS = 256;
const MOST_POLICERS = 8192;
/** Slots of a worker's pool: what all tenants may have in flight by their quotas, what may wait for neighbours, and reads under way. */
const SPARE_HEADS = 1024;
const SPARE_BODIES = 512 + MOST_WAITING;
/** Room for tenants that come later: as much as there is at the start, and no less than this. Memory is taken when it is used. */
const LATER_HEADS = 32_768;
const LATER_TENANTS = 16;
const HOUSEKEEPING_MS = 1000;
/** The slow path looks at its rings at least this often, should a bell be missed. */
const SLOW_MOST_MS = 1000;

export interface SwitchOptions {
  /** `uring` or `poll` as TAPYARD_IO asks for; null: the best there is. */
  readonly io?: string | null;
  /** Called once when a worker has failed for good: the switch does not forward as it should any more, and is to be stopped. */
  readonly onFailure?: (error: Error) => void;
  /** For benchmarks: what stands in the place of a memory port, by `tenant/port`, a queue for each worker. */
  readonly replay?: ReadonlyMap<string, readonly ReplayHandles[]>;
}

/**
 * The whole switch on the main thread: its workers, devices, tenants and slow path, and what takes everything down again. The one
 * place where the control side and the path meet. What it is to be is a model, at its start (`start`) and later (`change`).
 */
export class Switch {
  readonly events = new Events();
  readonly slowPath = new SlowPath();
  readonly datapaths = new Datapaths(this);
  readonly startedAt = Date.now();
  readonly devices: Devices;
  readonly #quotas = new QuotaWatch((event) => this.events.add(event));
  /** What stages take, while somebody asks. */
  readonly stageTimes: StageTimes;
  /** Captures and live traces that run. */
  readonly looks = new Looks();
  readonly #workers: Workers;
  readonly #linkUp = new Int32Array(new SharedArrayBuffer(MOST_DEVICES * 4));
  readonly #buckets = SharedBuckets.create(MOST_POLICERS);
  readonly #origin = monotonicSeconds();
  readonly #housekeeping: NodeJS.Timeout;
  readonly #parts: Parts;
  /** Tenants with a port whose link has come up, until their routers have told it their addresses. */
  readonly #toAnnounce = new Set<string>();
  #model: SwitchModel;
  #slowTimer: NodeJS.Timeout | undefined;
  #started = false;
  #stopped = false;
  #changing = false;
  /** Ends when the change before has: they do not overlap. */
  #turn: Promise<void> = Promise.resolve();
  readonly #onExit = () => this.#undoAll();

  /** @returns when frames flow. @throws UserError, LinuxError; whatever had been opened is closed again then */
  static async start(model: SwitchModel, options: SwitchOptions = {}): Promise<Switch> {
    selfTest();
    mapLargeMemory();
    onLargeMemory(preferHugePages);
    const made = new Switch(model, options);
    try {
      await made.#workers.ready();
      failpoint('workers');
      await made.change(model);
      made.#toAnnounce.clear();
      made.#started = true;
      return made;
    } catch (error) {
      await made.stop();
      throw error;
    }
  }

  private constructor(model: SwitchModel, options: SwitchOptions) {
    this.#model = { ...model, tenants: [], uplinks: [] };
    const policers = new Policers(this.#buckets, () => this.clockUs());
    const tenants = new Map<string, Tenant>();
    const epochs = Epochs.create(model.workers);
    const needed = model.tenants.reduce((sum, { quota }) => sum + headsFor(quota.frames), 0);
    const heads = needed + Math.max(needed, LATER_HEADS);
    this.#workers = new Workers(
      {
        workers: model.workers,
        heads: heads + SPARE_HEADS,
        bodies: SPARE_BODIES + (model.tenants.length + LATER_TENANTS) * MOST_HELD_BODIES,
        tenants: MOST_TENANTS,
        devices: MOST_DEVICES,
        buckets: this.#buckets.handles(),
        epochs: epochs.handles(),
        linkUp: this.#linkUp.buffer,
        uplinkRows: MOST_UPLINKS,
        origin: this.#origin,
        io: options.io ?? null,
      },
      {
        ...whenWorkersDie({ tenants, epochs, events: this.events, workers: () => this.workers }),
        failed: (error) => options.onFailure?.(error),
        peer: (device, news) => this.#peer(device, news),
      },
    );
    this.stageTimes = new StageTimes(this.#workers);
    this.devices = new Devices({
      workers: this.#workers,
      linkUp: this.#linkUp,
      replay: options.replay,
      onLink: (device, event) => this.#linkChanged(device, event),
      onSeen: (netns, link) => this.datapaths.linkSeen(netns, link),
      onTrouble: (message) => this.events.add({ type: 'trouble', message }),
    });
    this.#parts = {
      workers: this.#workers,
      devices: this.devices,
      slowPath: this.slowPath,
      policers,
      epochs,
      onSlow: (tenant, event) => {
        const port = 'port' in event ? (this.tenant(tenant)?.rowName(event.port) ?? null) : null;
        this.events.slow(tenant, port, event);
      },
      tenants,
      tenantNumbers: new Numbers(MOST_TENANTS),
      uplinkRows: new Numbers(MOST_UPLINKS),
      assigned: new Map(),
      limits: { heads, devices: MOST_DEVICES },
      nowMs: () => this.clockUs() / 1000,
      onTrouble: (message) => this.events.add({ type: 'trouble', message }),
      openDatapath: (tenant) => this.datapaths.open(tenant),
      shutDatapath: (tenant) => this.datapaths.shut(tenant),
    };
    // 0 is nobody.
    this.#parts.tenantNumbers.take('');
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    process.on('exit', this.#onExit);
    for (const worker of this.workers) void this.#listen(worker);
  }

  /** The workers' clock: monotonic microseconds. */
  readonly clockUs = microsecondsSince(this.#origin);

  /** Whether it has come up as it was to be: what fails from now on is an event. */
  get started(): boolean {
    return this.#started;
  }

  /** What it is now. */
  get model(): SwitchModel {
    return this.#model;
  }

  get workers(): readonly WorkerHandle[] {
    return this.#workers.all;
  }

  /** In the order of the model. */
  get tenants(): readonly Tenant[] {
    return this.#model.tenants.flatMap(({ name }) => this.#parts.tenants.get(name) ?? []);
  }

  tenant(name: string): Tenant | undefined {
    return this.#parts.tenants.get(name);
  }

  isUp(device: number): boolean {
    return this.devices.isUp(device);
  }

  /** What the kernel, or the port, calls a device. */
  deviceName(device: number): string | undefined {
    return this.devices.get(device)?.open.specs[0].name;
  }

  /** What says which state of its routes file a tenant has read. */
  routesStamp(tenant: string): string | undefined {
    return this.tenant(tenant)?.file?.stamp;
  }

  /** Row of an uplink in the uplinks' books. */
  uplinkRow(name: string): number {
    return this.#parts.uplinkRows.of(name);
  }

  /**
   * Makes the switch another, while it forwards. What a change does not name loses no frame.
   * @returns when all workers have it @throws UserError, LinuxError; nothing has changed then
   */
  change(to: SwitchModel): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#stopped) throw new Error('the switch has been stopped');
      this.#changing = true;
      try {
        await new Transition(this.#parts, this.#model, to).run(() => {
          this.#model = to;
        });
      } finally {
        this.#changing = false;
      }
      this.looks.follow(this.tenants);
      this.#turnSlowPath();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Slots of each worker's pool, counted by walking it. */
  audit(): Promise<(PoolAudit | null)[]> {
    return this.#workers.audit();
  }

  /** What would happen to a frame that a port of the tenant received now. @throws UserError */
  trace(tenant: Tenant, port: string, frame: Uint8Array, vnet?: Uint8Array): Trace {
    const offloads = Int32Array.from({ length: this.devices.size }, (_, index) => {
      const open = this.devices.get(index)?.open;
      const spec = open?.specs[open.owner];
      return spec !== undefined && 'offloads' in spec ? spec.offloads : 0;
    });
    const { tenants } = this;
    const context = { tenants, offloads, linkUp: this.#linkUp, buckets: this.#buckets, nowUs: this.clockUs() };
    return traceFrame(context, tenant, port, frame, vnet);
  }

  /** A capture, which the one runs who asked for it. @throws UserError */
  capture(params: Params): Capture {
    const options = captureOptions(params, this.tenants);
    return this.looks.start((id, onEnd) => new Capture(id, options, this.#lookParts(), onEnd));
  }

  /** A trace of the next frames that match. @throws UserError */
  traceLive(tenant: Tenant, params: Params): LiveTrace {
    const parts: LiveParts = { ...this.#lookParts(), trace: (...what) => this.trace(...what) };
    return this.looks.start((id, onEnd) => new LiveTrace(id, tenant, params, parts, onEnd));
  }

  #lookParts(): LookParts {
    const originMs = performance.timeOrigin + performance.now() - this.clockUs() / 1000;
    return { workers: this.#workers, clockUs: this.clockUs, atMs: (us) => originMs + us / 1000 };
  }

  /** Turns flow caches off, so that the stages decide every frame, or on again. */
  setCache(on: boolean): Promise<void> {
    return this.#workers.tell({ type: 'cache', on });
  }

  /** Ends everything: workers first, so that nothing reads or writes what is closed. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.looks.close();
    this.stageTimes.close();
    clearInterval(this.#housekeeping);
    clearTimeout(this.#slowTimer);
    this.slowPath.close();
    await this.datapaths.close();
    this.devices.stopWatching();
    failpoint('stopping');
    await this.#workers.stop();
    failpoint('workers-ended');
    this.devices.closeAll();
    process.off('exit', this.#onExit);
  }

  /** The worker that owns a device tells of who is behind it. */
  #peer(index: number, news: QemuNews): void {
    const entry = this.devices.get(index);
    if (entry === undefined) return;
    this.events.add({ type: 'peer', device: entry.wish.name, news });
    if (news === 'connected') this.#announceLater(index);
  }

  #linkChanged(index: number, event: LinkChange): void {
    this.datapaths.linkChanged(index);
    this.events.add(event);
    if (event.state === 'up') this.#announceLater(index);
  }

  #announceLater(index: number): void {
    for (const { attachments, model } of this.#parts.tenants.values()) {
      if (attachments.some((attachment) => attachment?.device === index)) this.#toAnnounce.add(model.name);
    }
  }

  /** Once a second; so a link that flaps makes no more than one announcement a second. */
  #keepHouse(): void {
    const nowMs = this.clockUs() / 1000;
    for (const worker of this.workers) worker.look();
    for (const tenant of this.#parts.tenants.values()) {
      tenant.keepHouse(nowMs | 0);
      if (!this.#changing) tenant.retire();
    }
    this.#quotas.look(this.tenants, nowMs);
    if (this.#toAnnounce.size === 0) return;
    for (const name of this.#toAnnounce) this.slowPath.announce(name, nowMs);
    this.#toAnnounce.clear();
    this.#turnSlowPath();
  }

  /** Turns the slow path whenever the worker rings. */
  async #listen(worker: WorkerHandle): Promise<void> {
    let seen = 0;
    while (!this.#stopped) {
      seen = await worker.bell.rung(seen);
      if (this.#stopped) return;
      this.#turnSlowPath();
      this.datapaths.turn();
    }
  }

  #turnSlowPath(): void {
    const next = this.slowPath.turn(this.clockUs() / 1000);
    clearTimeout(this.#slowTimer);
    this.#slowTimer = setTimeout(() => this.#turnSlowPath(), Math.min(Math.max(1, next), SLOW_MOST_MS));
  }

  /** What an `exit` hook can do: workers are asked to end, redirects and namespaces are undone; TAPs go with the process. */
  #undoAll(): void {
    this.#workers.askToStop();
    this.devices.undo();
  }
}
