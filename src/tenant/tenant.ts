import { isDeepStrictEqual } from 'node:util';
import type { RouterModel, TenantModel } from '../control/config/model.ts';
import { loadRoutesFile, type RoutesFile } from '../control/config/routes-file.ts';
import { Ring } from '../frame/ring.ts';
import type { Json } from '../json.ts';
import type { Ledger } from '../observe/ledger.ts';
import { createRulesImage } from '../openflow/datapath/counters.ts';
import type { Datapath } from '../openflow/datapath/datapath.ts';
import { generate } from '../path/cache/generate.ts';
import { shapeOf, shapeOfBits } from '../path/cache/shape.ts';
import { type AclImage, MOST_PORTS, type TenantImage, WorkCount } from '../path/image.ts';
import { stageOrder } from '../path/order.ts';
import type { RulesImage } from '../path/rules/log.ts';
import type { SlowEvent } from '../slow/events.ts';
import type { SlowTenant } from '../slow/tenant.ts';
import type { Epochs } from '../table/epoch.ts';
import { randomKeys } from '../table/hash.ts';
import { MacTable } from '../table/mac-table.ts';
import { NeighborTable } from '../table/neighbor-table.ts';
import { Books } from './books.ts';
import { Change } from './change.ts';
import { type CompiledAcl, compileAclList } from './compile-acl.ts';
import { type Attachment, compileBridge } from './compile-bridge.ts';
import { compileRouter } from './compile-router.ts';
import { changeDatapath, type DatapathClock, openDatapath, removePorts } from './datapath.ts';
import { neighborRow } from './neighbor-row.ts';
import { Numbers } from './numbers.ts';
import { type Policers, TenantPolicers } from './policers.ts';
import { resizedMacs } from './resized-macs.ts';
import { routeRows } from './route-rows.ts';
import { type RoutePlan, Routes } from './routes.ts';
import { slowInterfaces, slowNeighbors } from './slow-parts.ts';
import { StaticMacs } from './static-macs.ts';

const PUNT_RING = 1 << 17;
/** A packet of 65,535 bytes, the longest that reassembly makes, with room for it to wrap: a record takes half of a ring at most. */
const INJECT_RING = 1 << 18;

/** A worker that has fewer frames than this reads no full batch. */
const LEAST_FRAMES = 64;
/** One a VLAN. */
const MOST_INTERFACES = 4096;

export interface TenantOptions extends TenantState {
  /** From 1; 0 is nobody. */
  readonly index: number;
  readonly workers: number;
  readonly policers: Policers;
  readonly epochs: Epochs;
  readonly clock: DatapathClock;
}

/** What a tenant is to be. */
export interface TenantState {
  readonly model: TenantModel;
  /** In the order of the model's ports. */
  readonly attachments: readonly Attachment[];
  /** Index of another tenant by its name. */
  readonly indexOf: (name: string) => number;
}

/**
 * A tenant on the control side: its live tables, its books, and the image that workers run. It changes in place: what a change does
 * not name keeps its numbers, tables, counters and tokens.
 */
export class Tenant {
  readonly index: number;
  readonly workers: number;
  readonly books: Books;
  readonly punts: readonly Ring[];
  readonly injects: readonly Ring[];
  /** What the flow cache of each worker counts, `WorkCount`. */
  readonly work: readonly Float64Array<SharedArrayBuffer>[];
  /** Numbers of its ports, which are their rows in the books, and of its router's interfaces. */
  readonly ports = new Numbers(MOST_PORTS);
  readonly interfaces = new Numbers(MOST_INTERFACES);
  readonly routes: Routes;
  readonly datapath: Datapath;
  readonly #rules: RulesImage;
  readonly #policers: TenantPolicers;
  readonly #staticMacs: StaticMacs;
  #macs: MacTable;
  #neighbors: NeighborTable;
  #model: TenantModel;
  #file: RoutesFile | null;
  #attachments: (Attachment | undefined)[] = [];
  #acls: readonly CompiledAcl[] = [];
  #image: TenantImage;

  static async create(options: TenantOptions): Promise<Tenant> {
    return new Tenant(options, await loadRoutesFile(options.model));
  }

  constructor(options: TenantOptions, file: RoutesFile | null) {
    const { model, index, workers } = options;
    const { quota, bridge } = model;
    const perWorker = <Made>(make: () => Made) => Array.from({ length: workers }, make);
    this.index = index;
    this.workers = workers;
    this.#model = model;
    this.#file = file;
    this.#macs = MacTable.create(quota.macs, randomKeys(), bridge.macMoveLimit);
    this.#neighbors = NeighborTable.create(quota.neighbors);
    this.#policers = new TenantPolicers(options.policers);
    this.#staticMacs = new StaticMacs(this.ports);
    this.books = new Books(workers, this.ports);
    this.punts = perWorker(() => Ring.create(PUNT_RING));
    this.injects = perWorker(() => Ring.create(INJECT_RING));
    this.work = perWorker(() => new Float64Array(new SharedArrayBuffer(WorkCount.WIDTH * 8)));
    this.routes = new Routes(options.epochs);
    this.#number(options);
    this.#rules = createRulesImage(options.workers);
    this.datapath = openDatapath(model, this.#rules, this.ledgers, this.ports, options.clock);
    this.routes.build(this.#planRoutes(options));
    this.#image = this.#compile(null);
    this.#policers.end();
    this.#staticMacs.set(bridge.staticMacs, this.#macs);
  }

  get model(): TenantModel {
    return this.#model;
  }

  get image(): TenantImage {
    return this.#image;
  }

  get macs(): MacTable {
    return this.#macs;
  }

  get neighbors(): NeighborTable {
    return this.#neighbors;
  }

  get file(): RoutesFile | null {
    return this.#file;
  }

  /** In the order of the model. */
  get acls(): readonly AclImage[] {
    return this.#acls.map(({ image }) => image);
  }

  /** Books of each worker. */
  get ledgers(): readonly Ledger[] {
    return this.books.ledgers;
  }

  /** Rows of the books: those of the ports, and the router's. */
  get rows(): readonly number[] {
    return this.books.rows;
  }

  /** Whose row it is: a port, also one that has just been removed, or `router`. */
  rowName(row: number): string {
    return this.ports.at(row) ?? 'router';
  }

  /** What carries a port. */
  attachment(port: string): Attachment | undefined {
    return this.#attachments[this.ports.of(port)];
  }

  /** By number of the port. */
  get attachments(): readonly (Attachment | undefined)[] {
    return this.#attachments;
  }

  /**
   * Begins a change, all of which has been checked: from now on the tenant is what `to` says; workers must be told (see `Change`).
   * @param file routes of the model's routes file, read and checked @param nowMs of the workers' clock
   */
  change(to: TenantState, file: RoutesFile | null, nowMs: number): Change {
    const from = this.#model;
    const before = this.#image;
    this.#model = to.model;
    this.#file = file;
    const attachments = [...this.#attachments];
    const left = this.#number(to);
    const { quota, bridge } = to.model;
    if (quota.macs !== from.quota.macs)
      this.#macs = resizedMacs(this.#macs, quota.macs, bridge.macMoveLimit, nowMs | 0);
    if (bridge.macMoveLimit !== from.bridge.macMoveLimit) this.#macs.setMoves(bridge.macMoveLimit);
    if (quota.neighbors !== from.quota.neighbors) this.#neighbors = this.#neighbors.resized(quota.neighbors);
    const plan = this.#planRoutes(to);
    const isSame =
      !this.routes.needsImage &&
      isDeepStrictEqual(attachments, this.#attachments) &&
      isDeepStrictEqual(compiledParts(from), compiledParts(to.model));
    if (!isSame) this.#image = this.#compile(before);
    const giveBack = this.#policers.end();
    removePorts(this.datapath, to.model);
    const faults: string[] = [];
    return new Change({
      faults,
      image: isSame ? null : this.#image,
      portsLeft: left.ports,
      settle: async () => {
        if (!isSame) this.routes.forgotten();
        for (const { message } of changeDatapath(this.datapath, to.model, this.ports, nowMs)) faults.push(message);
        for (const number of left.ports) this.#attachments[number] = undefined;
        for (const number of left.ports) this.#macs.flushPort(number);
        this.#staticMacs.set(bridge.staticMacs, this.#macs);
        const other = await this.routes.change(plan);
        for (const number of left.interfaces) this.interfaces.free(number);
        giveBack();
        this.#acls = this.#acls.map(({ model, image }) => ({ model, image: { ...image, before: null } }));
        const { router } = this.#image;
        this.#image = {
          ...this.#image,
          acls: this.acls,
          router: router === null ? null : { ...router, ...this.routes.image() },
        };
        return other ? this.#image : null;
      },
    });
  }

  /** Gives numbers to what is new. @returns numbers of ports and interfaces that have left */
  #number({ model, attachments }: TenantState): {
    readonly ports: readonly number[];
    readonly interfaces: readonly number[];
  } {
    const names = model.bridge.ports.map(({ name }) => name);
    const links = (model.router?.interfaces ?? []).map(({ name }) => name);
    const left = { ports: this.ports.keep(names), interfaces: this.interfaces.keep(links) };
    for (const [i, name] of names.entries()) this.#attachments[this.ports.take(name)] = attachments[i];
    for (const name of links) this.interfaces.take(name);
    return left;
  }

  #planRoutes({ model, indexOf }: TenantState): RoutePlan {
    return this.routes.plan(model, this.#file, {
      interfaceOf: (name) => this.interfaces.of(name),
      tenantOf: indexOf,
    });
  }

  #compile(before: TenantImage | null): TenantImage {
    const { bridge, quota, acls, name } = this.#model;
    const policers = this.#policers;
    policers.begin();
    const known = new Map(this.#acls.map((acl) => [acl.model.name, acl]));
    this.#acls = acls.map((acl) => compileAclList(acl, this.workers, known.get(acl.name)));
    const { ports: numbers, macs } = this;
    return {
      index: this.index,
      name,
      weight: quota.weight,
      // Each worker has its own pool, and its share of the quota.
      frames: Math.max(LEAST_FRAMES, Math.ceil(quota.frames / this.workers)),
      policer: {
        packets: policers.bucket('packets', '', quota.pps),
        bits: policers.bucket('bits', '', quota.rate),
      },
      bridge: compileBridge({ model: bridge, acls, numbers, attachments: this.#attachments, macs, policers }),
      router: compileRouter(this.#model, this.interfaces, this.neighbors, this.routes, before?.router ?? null),
      acls: this.acls,
      rules: this.#rules,
      workers: this.ledgers.map((ledger, i) => ({
        ledger: ledger.memory,
        punt: this.punts[i].memory,
        inject: this.injects[i].memory,
        work: this.work[i].buffer,
      })),
    };
  }

  /** The tenant as the slow path serves it; without a router it has no interfaces, and the slow path only logs for it. */
  slow(wake: (worker: number) => void, onEvent: (event: SlowEvent) => void): SlowTenant {
    const { router, name } = this.#model;
    return {
      name,
      interfaces: router === null ? [] : slowInterfaces(router, this.interfaces),
      neighbors: this.neighbors,
      permanent: slowNeighbors(router, this.interfaces),
      punts: this.punts,
      injects: this.injects,
      wake,
      onEvent,
      limits: { icmpPerSecond: router?.icmpRate ?? 0 },
    };
  }

  /** Once a second: ages learned addresses, and lets entries be used again. */
  keepHouse(nowMs: number): void {
    this.macs.age(nowMs, this.model.bridge.macAgeSeconds * 1000);
    this.macs.reclaim(nowMs);
  }

  /** Frees the rows of ports that have left, while no change is under way. */
  retire(): void {
    this.books.retire();
  }

  /** When no worker has it any more. */
  close(): void {
    this.#policers.close();
  }

  get routeCount(): number {
    const { router } = this.model;
    return (router?.routes.length ?? 0) + (this.#file === null ? 0 : this.#file.ipv4.count + this.#file.ipv6.count);
  }

  /** All routes as text: connected, configured, shared, and those of the file. */
  routeRows(): Generator<{ readonly to: string; readonly how: string }> {
    return routeRows(this.model, this.#file);
  }

  neighborRows(): Record<string, Json>[] {
    return this.neighbors.entries().map((entry) => neighborRow(entry, this.interfaces));
  }

  /** Hits of each rule of each list and, last, of its default. */
  aclRows(): Record<string, Json>[] {
    return this.acls.flatMap(({ hits }, a) => {
      const { name, rules, fallback } = this.model.acls[a];
      const texts = [...rules.map(({ text }) => text), `default ${fallback}`];
      return texts.map((rule, i) => ({
        tenant: this.model.name,
        acl: name,
        rule,
        hits: hits.reduce((sum, counts) => sum + counts[i], 0),
      }));
    });
  }

  /** The flow cache with its generated code, then the names of the stages in order, as the image has them. */
  stageNames(): { readonly way: 'cache' | 'in' | 'out'; readonly stage: string; readonly code?: string }[] {
    const ways = stageOrder(this.image);
    // What the first worker runs, by the rules as they are.
    const bits = this.work[0][WorkCount.Shape];
    const shape = bits > 0 ? shapeOfBits(bits) : shapeOf(this.image);
    const looksAt = Object.entries(shape).flatMap(([what, looks]) => (looks ? [what] : []));
    return [
      { way: 'cache', stage: `flow-cache ${looksAt.join(' ') || 'l2'}`, code: generate(shape, this.model.name) },
      ...ways.in.map((stage) => ({ way: 'in' as const, stage })),
      ...ways.out.map((stage) => ({ way: 'out' as const, stage })),
    ];
  }

  get router(): RouterModel | null {
    return this.#model.router;
  }
}

/** What of a model is in the image itself; the rest is in tables that workers share. */
function compiledParts({ bridge, router, acls, quota }: TenantModel): object {
  const { staticMacs: _, macAgeSeconds: __, macMoveLimit: ___, ...compiled } = bridge;
  const { interfaces, icmpRate } = router ?? {};
  return { bridge: compiled, router: router === null ? null : { interfaces, icmpRate }, acls, quota };
}
