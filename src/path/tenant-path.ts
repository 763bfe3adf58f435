import { Batch, Fate } from '../frame/batch.ts';
import { BATCH_SIZE } from '../frame/layout.ts';
import type { Pool } from '../frame/pool.ts';
import { Ring } from '../frame/ring.ts';
import { Drop } from '../observe/drop.ts';
import { COLUMNS, Column, Ledger } from '../observe/ledger.ts';
import { MacTable } from '../table/mac-table.ts';
import { NeighborTable } from '../table/neighbor-table.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import { Acls } from './acl.ts';
import { AclIn } from './acl-in.ts';
import { AclOut } from './acl-out.ts';
import { Adjacency } from './adjacency.ts';
import { Decider } from './cache/decide.ts';
import { Decisions } from './cache/decision.ts';
import { CacheFit } from './cache/fit.ts';
import { FlowCache } from './cache/flow-cache.ts';
import { DecisionMemo } from './cache/memo.ts';
import { RuleDecider } from './cache/rule-decider.ts';
import type { Devices } from './devices.ts';
import { Egress } from './egress.ts';
import { Emit } from './emit.ts';
import { Fib } from './fib.ts';
import { Forward } from './forward.ts';
import { GuardIn } from './guard-in.ts';
import { GuardOut } from './guard-out.ts';
import { Hold } from './hold.ts';
import { HopLimit } from './hop-limit.ts';
import { ROUTER_ROW, type TenantImage, WorkCount } from './image.ts';
import { InterfaceAclIn, InterfaceAclOut } from './interface-acl.ts';
import type { LeakSink } from './leak.ts';
import { Learn } from './learn.ts';
import { OffloadCheck } from './offload.ts';
import { wanted } from './order.ts';
import { Parse } from './parse.ts';
import { PortSecurity } from './port-security.ts';
import { Punter } from './punter.ts';
import { ReservedAddresses } from './reserved.ts';
import { Route } from './route.ts';
import { RulesStage } from './rules/rules-stage.ts';
import type { RuleStore } from './rules/store.ts';
import type { Observer, OutStage, Stage } from './stage.ts';
import { bytesLeft, showDrops, takePart } from './tap/part.ts';
import type { StageClock } from './tap/stage-clock.ts';
import type { Watch } from './tap/watch.ts';
import { ToRouter } from './to-router.ts';
import { VlanIn } from './vlan-in.ts';
import { VlanOut } from './vlan-out.ts';
import { Waste } from './waste.ts';

const OUTPUTS = 1024;

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
    const { bridge, router } = image;
    const taps = watch?.taps ?? null;
    const clock = watch?.clock ?? null;
    const observer: Observer | null = watch?.observer ?? clock;
    const shared = image.workers[worker];
    const ledger = before?.ledger ?? new Ledger(ROUTER_ROW + 1, shared.ledger);
    const rates = router?.puntRates ?? [0, 0, 0];
    const punter = before?.punter ?? new Punter(pool, new Ring(shared.punt), rates);
    punter.setRates(rates);
    const macs = MacTable.attach(bridge.macs, worker);
    const acls = new Acls(pool, image.acls, punter, router, worker);
    const waste = new Waste(pool, ledger, taps);
    const has = wanted(image);
    const wayOut: OutStage[] = [
      ...optional(has.aclOut, () => new AclOut(acls, bridge, waste)),
      new VlanOut(pool, bridge, waste),
      new GuardOut(pool, bridge, devices, waste, store?.blocked ?? null),
      new Emit(pool, ledger, devices, bridge, image.index, taps),
    ];
    const watchedOut = observer === null ? wayOut : wayOut.map((stage) => observer.out(stage));
    const egress = new Egress(watchedOut, OUTPUTS);
    const parse = new Parse(pool);
    const guard = new GuardIn(pool, image, buckets);
    const security = has.portSecurity ? new PortSecurity(pool, bridge) : null;
    const bridging: Stage[] = [parse, new OffloadCheck(pool), guard, ...(security === null ? [] : [security])];
    if (image.rules !== null && store !== null) {
      this.rules = new RulesStage({
        ...{ pool, image: image.rules, worker, store, counts: store.counts, bridge, devices, ledger, punter, parse },
        tenant: image.index,
        routerRow: ROUTER_ROW,
        // A rule's output cannot get round the operator's last guards; ACLs and tags are the built-in way's alone.
        egress: new Egress(watchedOut.slice(-2), OUTPUTS),
        normal: (batch) => this.#run(batch, this.#fromNormal),
        forward: (batch) => this.#run(batch, this.#fromForward),
        observer: observer?.rules ?? null,
      });
      bridging.push(this.rules);
    } else this.rules = null;
    this.#fromNormal = bridging.length;
    bridging.push(
      new VlanIn(pool, bridge),
      new ReservedAddresses(pool, bridge),
      ...optional(has.aclIn, () => new AclIn(acls, bridge)),
      new Learn(pool, macs, ledger, punter, router),
    );
    const routing: Stage[] = [];
    let hold: Hold | null = null;
    let neighbors: NeighborTable | null = null;
    let fib: Fib | null = null;
    if (router !== null) {
      neighbors = NeighborTable.attach(router.neighbors);
      fib = new Fib(router);
      hold = new Hold(pool, ledger, neighbors, router, punter, image.frames, taps);
      bridging.push(
        new ToRouter(pool, router, fib, ledger, punter),
        ...optional(has.interfaceAclIn, () => new InterfaceAclIn(acls, router)),
      );
      routing.push(
        new Route(pool, router, fib, ledger, punter),
        ...optional(has.interfaceAclOut, () => new InterfaceAclOut(acls, router)),
        new HopLimit(pool),
        new Adjacency(pool, router, neighbors, hold),
      );
    }
    this.#fromRoute = bridging.length;
    const forward = new Forward(pool, macs, bridge, ledger, buckets, egress);
    const all = [...bridging, ...routing, forward];
    this.stages = observer === null ? all : all.map((stage) => observer.in(stage));
    this.#fromForward = this.stages.length - 1;
    const old = before?.cache ?? null;
    const hits = image.acls.map((acl) => acl.hits[worker]);
    const decisions = old?.decisions ?? new Decisions(pool.words, ledger, hits, store?.counts ?? null);
    if (old !== null) decisions.follow(hits);
    const asked =
      router === null || fib === null || neighbors === null || hold === null
        ? null
        : { image: router, fib, neighbors, hold };
    const idle = watch !== null && watch.observer !== null;
    // Port security looks at more than it tells apart; a bridge alone at nothing else.
    const remembers = security === null && !idle && (asked !== null || image.acls.length > 0);
    const rules =
      store === null || image.rules === null
        ? null
        : new RuleDecider({ pool, store, image: image.rules, worker, bridge, devices, decisions });
    const decider = new Decider({
      pool,
      image,
      ledger,
      parse,
      security,
      acls,
      macs,
      router: asked,
      decisions,
      rules,
      taps,
    });
    this.#guard = guard;
    this.#store = store;
    this.#work = new Float64Array(shared.work);
    const context = {
      pool,
      image,
      devices,
      guard,
      macs,
      neighbors,
      fib,
      decisions,
      decider,
      memo: remembers ? new DecisionMemo({ pool, image, acls, macs, router: asked, decisions }) : null,
      parse,
      tapped: taps?.drops ?? false,
      idle,
      counts: this.#work,
    };
    if (old !== null) old.follow(context);
    this.cache = old ?? new FlowCache(context);
    this.#fit =
      store === null || rules === null ? null : new CacheFit(this.cache, image, store, rules.links, context.tapped);
    this.image = image;
    this.ledger = ledger;
    this.punter = punter;
    this.macs = macs;
    this.hold = hold;
    this.egress = egress;
    this.routerRow = ROUTER_ROW;
    this.#pool = pool;
    this.#leaks = leaks;
    this.#watch = watch;
    this.#clock = clock;
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

/** A stage, made only where the tenant needs it. */
function optional<Made>(needed: boolean, make: () => Made): Made[] {
  return needed ? [make()] : [];
}
