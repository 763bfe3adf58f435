import { Batch, Fate } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import { Drop } from '../observe/drop.ts';
import { COLUMNS, Column, Ledger } from '../observe/ledger.ts';
import { MacTable } from '../table/mac-table.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { Acls } from './acl.ts';
import { buildStages } from './build-stages.ts';
import { buildCache } from './cache/build.ts';
import type { CacheFit } from './cache/fit.ts';
import type { FlowCache } from './cache/flow-cache.ts';
import type { Devices } from './devices.ts';
import type { Egress } from './egress.ts';
import type { GuardIn } from './guard-in.ts';
import type { Hold } from './hold.ts';
import { ROUTER_ROW, type TenantImage, WorkCount } from './image.ts';
import type { LeakSink } from './leak.ts';
import { Punter } from './punter.ts';
import type { RulesStage } from './rules/rules-stage.ts';
import type { RuleStore } from './rules/store.ts';
import type { Stage } from './stage.ts';
import { bytesLeft, showDrops, takePart } from './tap/part.ts';
import type { StageClock } from './tap/stage-clock.ts';
import type { Watch } from './tap/watch.ts';

/**
 * One tenant's path on one worker: the ordered lists of its stages, and the three places where frames enter. A frame that a
 * port received runs through all of `stages`; one that a router made or took over begins at `route`; one whose
 * MACs are final begins at `forward`. The path is compiled from an image; a changed image makes a new path, which takes over from the
 * one before what outlives the change: frames that wait, rates of punts, and, where the shape is the same, the flow cache's
 * code and memory.
 */
export class TenantPath {
  readonly image: TenantImage;
  readonly ledger: Ledger;
  readonly punter: Punter;
  readonly macs: MacTable;
  readonly hold: Hold | null;
  /** Row of the router in the ledger. */
  readonly routerRow: number;
  readonly stages: readonly Stage[];
  readonly egress: Egress;
  readonly #pool: Pool;
  readonly #leaks: LeakSink;
  readonly #guard: GuardIn;
  readonly cache: FlowCache;
  /** Rule tables; null: every frame is handled as by `NORMAL`. */
  readonly rules: RulesStage | null;
  #cached = true;
  readonly #store: RuleStore | null;
  /** Null: no rules, after which the flow cache might have to look at something else. */
  readonly #fit: CacheFit | null;
  readonly #work: Float64Array;
  readonly #fromNormal: number;
  readonly #fromRoute: number;
  readonly #fromForward: number;
  /** Null: nobody looks. */
  readonly #watch: Watch | null;
  /** Null: nobody asks what stages take. */
  readonly #clock: StageClock | null;
  /** Frames of a batch that are handled on their own, since one among them is traced. */
  readonly #part: Batch | null;

  constructor(
    pool: Pool,
    image: TenantImage,
    worker: number,
    devices: Devices,
    buckets: SharedBuckets,
    leaks: LeakSink,
    store: RuleStore | null = null,
    watch: Watch | null = null,
    before: TenantPath | null = null,
  ) {
    const taps = watch?.taps ?? null;
    const shared = image.workers[worker];
    const ledger = before?.ledger ?? new Ledger(ROUTER_ROW + 1, shared.ledger);
    const rates = image.router?.puntRates ?? [0, 0, 0];
    const punter = before?.punter ?? new Punter(pool, new Ring(shared.punt), rates);
    punter.setRates(rates);
    const macs = MacTable.attach(image.bridge.macs, worker);
    const acls = new Acls(pool, image.acls, punter, image.router, worker);
    const built = buildStages({
      ...{ pool, image, worker, devices, buckets, ledger, punter, macs, acls, store, watch },
      normal: (batch) => this.#run(batch, this.#fromNormal),
      forward: (batch) => this.#run(batch, this.#fromForward),
    });
    const { parse, guard, security, router } = built;
    this.stages = built.stages;
    this.egress = built.egress;
    this.rules = built.rules;
    this.hold = router?.hold ?? null;
    this.#fromNormal = built.fromNormal;
    this.#fromRoute = built.fromRoute;
    this.#fromForward = built.fromForward;
    this.#work = new Float64Array(shared.work);
    const { cache, fit } = buildCache(
      {
        ...{ pool, image, worker, devices, ledger, macs, acls, store, watch, counts: this.#work },
        ...{ parse, guard, security, router },
      },
      before?.cache ?? null,
    );
    this.cache = cache;
    this.#fit = fit;
    this.#guard = guard;
    this.#store = store;
    this.image = image;
    this.ledger = ledger;
    this.punter = punter;
    this.macs = macs;
    this.routerRow = ROUTER_ROW;
    this.#pool = pool;
    this.#leaks = leaks;
    this.#watch = watch;
    this.#clock = watch?.clock ?? null;
    this.#part = taps?.live === true ? new Batch(BATCH_SIZE) : null;
    if (before !== null) this.#takeOver(before);
  }

  /** Frames that ports of the tenant received: columns up to the virtio-net header, and `port`, are set. */
  receive(batch: Batch): void {
    const { cells } = this.ledger;
    const { count, port, headLength, bodyLength } = batch;
    if (count === 0) return;
    // Nearly always all of them came by one port; of a plain batch they have.
    let from = batch.plain ? batch.row : port[0];
    let frames = batch.plain ? count : 0;
    let bytes = batch.plain ? batch.bytes : 0;
    let batchBytes = 0;
    for (let i = frames; i < count; i++) {
      if (port[i] !== from) {
        cells[from * COLUMNS + Column.Received] += frames;
        cells[from * COLUMNS + Column.ReceivedBytes] += bytes;
        batchBytes += bytes;
        from = port[i];
        frames = 0;
        bytes = 0;
      }
      frames++;
      bytes += headLength[i] + bodyLength[i];
    }
    cells[from * COLUMNS + Column.Received] += frames;
    cells[from * COLUMNS + Column.ReceivedBytes] += bytes;
    batchBytes += bytes;
    this.#stamp(batch);
    if (this.rules?.look() === true) this.#catchUp(batch, this.rules);
    if (this.#watch !== null) this.#watched(batch, batchBytes, this.#watch);
    else this.#carryOut(batch, batchBytes);
    this.rules?.lookAway();
  }

  #carryOut(batch: Batch, batchBytes: number): void {
    const { count } = batch;
    if (this.#cached && this.#fit?.isFit(batch.nowMs) !== false && this.#guard.excess(batch) <= 0) {
      const left = this.#clock === null ? this.cache.run(batch) : this.#clock.cache(this.cache, batch);
      const { morePackets, moreBytes } = this.cache;
      const bytes = batchBytes - (left === 0 ? 0 : bytesLeft(batch)) + moreBytes;
      this.rules?.countPlain(count - left + morePackets, bytes);
      if (left === 0) {
        batch.count = 0;
        return;
      }
    }
    batch.spread();
    this.#run(batch, 0);
  }

  /** Lets those see the frames who look; one that is told of goes its way alone, in its place. */
  #watched(batch: Batch, batchBytes: number, { taps }: Watch): void {
    this.#clock?.next();
    batch.spread();
    taps?.stamp(batch);
    taps?.ingress(batch);
    const part = this.#part;
    if (taps === null || part === null) {
      this.#carryOut(batch, batchBytes);
      return;
    }
    const { cells } = this.ledger;
    let from = 0;
    for (let i = taps.next(batch, 0); i >= 0; i = taps.next(batch, i + 1)) {
      if (i > from) this.#carryOut(part, takePart(part, batch, from, i));
      const bytes = takePart(part, batch, i, i + 1);
      taps.begin(part, cells);
      this.#carryOut(part, bytes);
      taps.end(cells);
      from = i + 1;
    }
    if (from === 0) this.#carryOut(batch, batchBytes);
    else if (from < batch.count) this.#carryOut(part, takePart(part, batch, from, batch.count));
    batch.count = 0;
  }

  /** Brings the books of lists and rules up to date with what the flow cache has carried out. */
  book(): void {
    this.cache.book();
  }

  /** What was counted is for the rules as they were: an index may be used anew. */
  #catchUp(batch: Batch, rules: RulesStage): void {
    this.cache.book();
    rules.catchUp(batch);
  }

  /** Carries out what the control side has changed in the rules. @param most records @param now microseconds, in its first element @returns how many */
  changeRules(most: number, now: Float64Array, nowMs: number): number {
    if (this.rules === null || !this.rules.waiting) return 0;
    this.cache.book();
    return this.rules.change(most, now, nowMs);
  }

  /** Counters of rules tell when they were used last. */
  #stamp(batch: Batch): void {
    if (this.#store !== null) this.#store.counts.nowMs[0] = batch.nowUs / 1000;
  }

  /** Frames go on waiting for their neighbours, unless their port or interface is gone. */
  #takeOver({ hold, image: { router: from } }: TenantPath): void {
    const { hold: into, image } = this;
    if (hold === null || hold.count === 0) return;
    if (into === null) {
      hold.clear(Drop.PortClosed);
      return;
    }
    const { bridge, router: to } = image;
    const sameLink = (iface: number) =>
      from !== null && to !== null && to.names[iface] === from.names[iface] && to.vlan[iface] === from.vlan[iface];
    into.takeOver(hold, (port, iface) => (port < bridge.ports && bridge.device[port] < 0) || !sameLink(iface));
  }

  /** Books time that a worker had for the tenant, microseconds. */
  worked(us: number): void {
    this.#work[WorkCount.BusyUs] += us;
  }

  /** Whether the flow cache may be used; else the stages decide every frame. */
  setCache(on: boolean): void {
    this.#cached = on;
  }

  /** Packets to be routed: the router's own, or another tenant's (their trait says which); all header columns are set. */
  route(batch: Batch): void {
    this.#run(batch, this.#fromRoute);
  }

  /** Frames whose MACs and VLAN are final. */
  forward(batch: Batch): void {
    this.#run(batch, this.#fromForward);
  }

  /** Sets the header columns of frames that the router made. */
  parse(batch: Batch): void {
    this.stages[0].run(batch);
  }

  #run(batch: Batch, first: number): void {
    const { stages } = this;
    this.#watch?.taps?.stamp(batch);
    for (let s = first; s < stages.length; s++) stages[s].run(batch);
    this.#finish(batch);
  }

  /** Books what has ended and gives back the references that the batch still owns. */
  #finish(batch: Batch): void {
    const pool = this.#pool;
    const { cells } = this.ledger;
    const { count, fate, reason, port, head, body, twin } = batch;
    if (this.#watch?.taps?.drops === true) showDrops(this.#watch.taps, batch);
    for (let i = 0; i < count; i++) {
      if (twin[i] >= 0) pool.release(twin[i]);
      const at = port[i] * COLUMNS;
      switch (fate[i]) {
        case Fate.Sent:
        case Fate.Held:
          break;
        case Fate.Dropped:
          cells[at + Column.Drops + reason[i]]++;
          pool.release(head[i]);
          pool.release(body[i]);
          break;
        case Fate.Leaked:
          if (this.#leaks.leak(batch, i)) cells[at + Column.LeakedOut]++;
          else {
            cells[at + Column.Drops + Drop.PortClosed]++;
            this.#watch?.taps?.frame(batch, i, Drop.PortClosed);
            pool.release(head[i]);
            pool.release(body[i]);
          }
          break;
        default:
          // Punted; and frames that no stage took, which cannot be: every path ends in `forward`.
          pool.release(head[i]);
          pool.release(body[i]);
      }
    }
    batch.count = 0;
  }
}
