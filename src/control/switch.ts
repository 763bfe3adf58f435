import { microsecondsSince, monotonicSeconds } from '../../native-free/clock.ts';
import { selfTest } from '../../native-free/ffi.ts';
import { listLinks } from '../../native-free/links.ts';
import { deleteAllNetns } from '../../native-free/netns.ts';
import { type LinkState, LinkWatch } from '../../native-free/watch.ts';
import { MOST_HELD_BODIES } from '../path/hold.ts';
import type { QemuNews } from '../port/qemu-port.ts';
import type { ReplayHandles } from '../port/replay-port.ts';
import { SlowPath } from '../slow/slow-path.ts';
import { SharedBuckets } from '../table/shared-buckets.ts';
import type { Attachment } from '../tenant/compile-bridge.ts';
import { Policers } from '../tenant/policers.ts';
import { Tenant } from '../tenant/tenant.ts';
import type { PoolAudit, ToWorker } from '../worker/messages.ts';
import { headsFor } from '../worker/tenant-set.ts';
import type { Device, PortModel, SwitchModel, TenantModel } from './config/model.ts';
import { Events, type LinkChange } from './events.ts';
import { type OpenDevice, openDevice } from './open-device.ts';
import { Datapaths } from './openflow/datapaths.ts';
import { type Trace, traceFrame } from './trace/tracer.ts';
import { WorkerHandle } from './worker-handle.ts';

const MOST_TENANTS = 256;
const MOST_DEVICES = 1024;
const MOST_POLICERS = 8192;
/** Slots of a worker's pool: what all tenants may have in flight by their quotas, what may wait for neighbours, and reads under way. */
const SPARE_HEADS = 1024;
const SPARE_BODIES = 512;
const HOUSEKEEPING_MS = 1000;
/** The slow path looks at its rings at least this often, should a bell be missed. */
const SLOW_MOST_MS = 1000;

export interface SwitchOptions {
  /** `uring` or `poll` as TAPYARD_IO asks for; null: the best there is. */
  readonly io?: string | null;
  /** Called once when a worker has failed: the switch forwards no more and should be stopped. */
  readonly onFailure?: (error: Error) => void;
  /** For benchmarks: what stands in the place of a memory port, by `tenant/port`. */
  readonly replay?: ReadonlyMap<string, ReplayHandles>;
}

/** A device that is open, its index in the workers and where its link is watched. */
export interface DeviceEntry {
  readonly index: number;
  readonly name: string;
  readonly open: OpenDevice;
}

/**
 * The whole switch on the main thread: opens devices, starts workers, compiles tenants for them, runs the slow path, and takes
 * everything down again. The one place where the control side and the path meet.
 */
export class Switch {
  readonly model: SwitchModel;
  readonly workers: readonly WorkerHandle[];
  readonly tenants: Tenant[] = [];
  readonly devices: DeviceEntry[] = [];
  readonly events = new Events();
  readonly slowPath: SlowPath;
  readonly datapaths = new Datapaths(this);
  readonly startedAt = Date.now();
  readonly #linkUp = new Int32Array(new SharedArrayBuffer(MOST_DEVICES * 4));
  readonly #policers: Policers;
  readonly #buckets: SharedBuckets;
  readonly #origin = monotonicSeconds();
  readonly #watch: LinkWatch;
  readonly #housekeeping: NodeJS.Timeout;
  readonly #alias: string;
  readonly #replay: ReadonlyMap<string, ReplayHandles> | undefined;
  readonly #uplinks = new Map<string, DeviceEntry>();
  /** Tenants with a port whose link has come up, until their routers have told it their addresses. */
  readonly #toAnnounce = new Set<string>();
  #slowTimer: NodeJS.Timeout | undefined;
  #stopped = false;
  readonly #onExit = () => this.#undoAll();

  /** @returns when frames flow. @throws UserError, LinuxError; whatever had been opened is closed again then */
  static async start(model: SwitchModel, options: SwitchOptions = {}): Promise<Switch> {
    selfTest();
    const made = new Switch(model, options);
    try {
      await Promise.all(made.workers.map((worker) => worker.ready()));
      await made.#build();
      return made;
    } catch (error) {
      await made.stop();
      throw error;
    }
  }

  private constructor(model: SwitchModel, options: SwitchOptions) {
    this.model = model;
    this.#replay = options.replay;
    this.#alias = `tapyard:${process.pid}`;
    const buckets = SharedBuckets.create(MOST_POLICERS);
    this.#buckets = buckets;
    this.#policers = new Policers(buckets, () => this.clockUs());
    this.slowPath = new SlowPath();
    let failed = false;
    const onFailure = (error: Error) => {
      if (failed) return;
      failed = true;
      options.onFailure?.(error);
    };
    this.workers = Array.from(
      { length: model.workers },
      (_, worker) =>
        new WorkerHandle(
          {
            worker,
            workers: model.workers,
            heads: model.tenants.reduce((sum, { quota }) => sum + headsFor(quota.frames), SPARE_HEADS),
            bodies: SPARE_BODIES + model.tenants.length * MOST_HELD_BODIES,
            tenants: MOST_TENANTS,
            devices: MOST_DEVICES,
            buckets: buckets.handles(),
            linkUp: this.#linkUp.buffer,
            uplinkRows: Math.max(1, model.uplinks.length),
            origin: this.#origin,
            io: options.io ?? null,
          },
          onFailure,
        ),
    );
    this.#watch = new LinkWatch(
      (event) => this.#link(event.netns, event.name, event.state, event.mtu),
      () => this.#lookAtLinks(),
    );
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    process.on('exit', this.#onExit);
    for (const worker of this.workers) {
      worker.onPeer = (device, news) => this.#peer(device, news);
      void this.#listen(worker);
    }
  }

  /** The workers' clock: monotonic microseconds. */
  readonly clockUs = microsecondsSince(this.#origin);

  tenant(name: string): Tenant | undefined {
    return this.tenants.find((tenant) => tenant.model.name === name);
  }

  isUp(device: number): boolean {
    return this.#linkUp[device] === 1;
  }

  /** Slots of each worker's pool, counted by walking it. */
  audit(): Promise<(PoolAudit | null)[]> {
    return Promise.all(this.workers.map((worker) => worker.send({ type: 'audit' })));
  }

  /** What would happen to a frame that a port of the tenant received now. @throws UserError */
  trace(tenant: Tenant, port: string, frame: Uint8Array): Trace {
    const offloads = Int32Array.from(this.devices, ({ open }) => {
      const spec = open.specs[open.owner];
      return 'offloads' in spec ? spec.offloads : 0;
    });
    const { tenants } = this;
    const context = { tenants, offloads, linkUp: this.#linkUp, buckets: this.#buckets, nowUs: this.clockUs() };
    return traceFrame(context, tenant, port, frame);
  }

  /** Turns flow caches off, so that the stages decide every frame, or on again. */
  setCache(on: boolean): Promise<void> {
    return this.#tell({ type: 'cache', on });
  }

  /** Ends everything: workers first, so that nothing reads or writes what is closed. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#housekeeping);
    clearTimeout(this.#slowTimer);
    this.slowPath.close();
    await this.datapaths.close();
    this.#watch.close();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    for (const { open } of this.devices) open.close();
    this.#deleteNetns();
    process.off('exit', this.#onExit);
  }

  async #build(): Promise<void> {
    const { tenants, uplinks } = this.model;
    for (const [row, uplink] of uplinks.entries()) {
      const entry = await this.#addDevice(uplink.name, uplink.device, uplink.mtu, null, {
        row,
        tpid: uplink.ethertype,
      });
      this.#uplinks.set(uplink.name, entry);
    }
    for (const [i, model] of tenants.entries()) await this.#addTenant(model, i + 1);
    this.#lookAtLinks();
    this.#toAnnounce.clear();
  }

  async #addTenant(model: TenantModel, index: number): Promise<void> {
    const attachments: Attachment[] = [];
    for (const port of model.bridge.ports)
      attachments.push(await this.#attach(port, this.#replay?.get(`${model.name}/${port.name}`)));
    const tenant = await Tenant.create({
      model,
      index,
      workers: this.workers.length,
      attachments,
      policers: this.#policers,
      clock: { nowMs: () => this.clockUs() / 1000, wake: (worker) => this.workers[worker].wake() },
      indexOf: (name) => this.model.tenants.findIndex((other) => other.name === name) + 1,
    });
    this.tenants.push(tenant);
    await this.#tell({ type: 'set-tenant', image: tenant.image });
    await this.datapaths.open(tenant);
    for (const [row, { device, outerVlan }] of attachments.entries()) {
      await this.#tell({ type: 'assign', index: device, vid: outerVlan, tenant: index, row });
    }
    const slow = tenant.slow(
      (worker) => this.workers[worker].wake(),
      (event) => this.events.slow(model.name, event),
    );
    if (slow !== null) this.slowPath.addTenant(slow, this.clockUs() / 1000);
    this.#turnSlowPath();
  }

  async #attach(port: PortModel, replay?: ReplayHandles): Promise<Attachment> {
    if (port.kind === 'uplink') {
      const entry = this.#uplinks.get(port.uplink);
      const uplink = this.model.uplinks.find(({ name }) => name === port.uplink);
      if (entry === undefined || uplink === undefined) throw new Error(`no uplink ${port.uplink}`);
      return { device: entry.index, outerVlan: port.outerVlan, outerTpid: uplink.ethertype };
    }
    const { index } = await this.#addDevice(port.name, port, port.mtu, port.mac, null, replay);
    return { device: index, outerVlan: 0, outerTpid: 0 };
  }

  async #addDevice(
    name: string,
    device: Device,
    mtu: number,
    mac: string | null,
    shared: { row: number; tpid: number } | null,
    replay?: ReplayHandles,
  ): Promise<DeviceEntry> {
    const index = this.devices.length;
    const open = openDevice(device, {
      mtu,
      mac,
      alias: this.#alias,
      replay,
      workers: this.workers.length,
      owner: index % this.workers.length,
      wakeFds: this.workers.map((worker) => worker.wakeFd),
      internalName: () => `ty${process.pid.toString(36)}-${index}`,
    });
    const entry = { index, name, open };
    this.devices.push(entry);
    this.#linkUp[index] = 1;
    if (open.link?.netns !== undefined) this.#watch.add(open.link.netns);
    await Promise.all(
      this.workers.map((worker, i) =>
        worker.send({
          type: 'add-device',
          index,
          spec: open.specs[i],
          shared,
          impaired: i === open.owner ? open.impaired : null,
          inboxes: i === open.owner ? open.inboxes : [],
        }),
      ),
    );
    return entry;
  }

  /** Sends a message to all workers. @returns when all have carried it out: every later frame sees the change */
  async #tell(message: ToWorker): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.send(message)));
  }

  #link(netns: string | undefined, name: string, state: LinkState, mtu: number): void {
    for (const { index, open } of this.devices) {
      if (open.link === null || open.link.name !== name || open.link.netns !== netns) continue;
      const up = state === 'up' ? 1 : 0;
      if (this.#linkUp[index] !== up)
        this.#linkChanged(index, { type: 'link', device: name, netns: netns ?? null, state });
      if (up === 1) this.#try(() => open.followMtu(mtu));
    }
  }

  /** The worker that owns a device tells of who is behind it. */
  #peer(index: number, news: QemuNews): void {
    const entry = this.devices.find((one) => one.index === index);
    if (entry === undefined) return;
    this.events.add({ type: 'peer', device: entry.name, news });
    if (news === 'connected') this.#announceLater(index);
  }

  #linkChanged(index: number, event: LinkChange): void {
    Atomics.store(this.#linkUp, index, event.state === 'up' ? 1 : 0);
    this.datapaths.linkChanged(index);
    this.events.add(event);
    if (event.state === 'up') this.#announceLater(index);
  }

  #announceLater(index: number): void {
    for (const { attachments, model } of this.tenants) {
      if (attachments.some(({ device }) => device === index)) this.#toAnnounce.add(model.name);
    }
  }

  /** Reads the state of all links: when they have been added, and when changes may have been missed. */
  #lookAtLinks(): void {
    const watched = this.devices.flatMap(({ open: { link } }) => (link === null ? [] : [link]));
    for (const netns of new Set(watched.map((link) => link.netns))) {
      this.#try(() => {
        const links = new Map(listLinks(netns).map((link) => [link.ifname, link]));
        for (const { name } of watched.filter((link) => link.netns === netns)) {
          const link = links.get(name);
          this.datapaths.linkSeen(netns, link);
          const up = link?.flags.includes('UP') && link.flags.includes('LOWER_UP');
          this.#link(netns, name, link === undefined ? 'gone' : up ? 'up' : 'down', link?.mtu ?? 0);
        }
      });
    }
  }

  /** Does what may fail since a device or namespace is no longer there: that must not end the switch. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.events.add({ type: 'trouble', message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Once a second; so a link that flaps makes no more than one announcement a second. */
  #keepHouse(): void {
    const nowMs = this.clockUs() / 1000;
    for (const tenant of this.tenants) tenant.keepHouse(nowMs | 0);
    if (this.#toAnnounce.size === 0) return;
    for (const name of this.#toAnnounce) this.slowPath.announce(name, nowMs);
    this.#toAnnounce.clear();
    this.#turnSlowPath();
  }

  /** Turns the slow path whenever the worker rings. */
  async #listen(worker: WorkerHandle): Promise<void> {
    let seen = 0;
    while (!this.#stopped) {
      seen = await worker.bell(seen);
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
    for (const worker of this.workers) worker.askToStop();
    for (const { open } of this.devices) open.undo();
    this.#deleteNetns();
  }

  #deleteNetns(): void {
    this.#try(() => deleteAllNetns(this.devices.flatMap(({ open }) => open.netns ?? [])));
  }
}
