import type { RouterModel, TenantModel } from '../control/config/model.ts';
import { loadRoutesFile, type RoutesFile } from '../control/config/routes-file.ts';
import { Ring } from '../frame/ring.ts';
import type { Json } from '../json.ts';
import { Ledger } from '../observe/ledger.ts';
import { createRulesImage } from '../openflow/datapath/counters.ts';
import type { Datapath } from '../openflow/datapath/datapath.ts';
import { generate } from '../path/cache/generate.ts';
import { shapeOf } from '../path/cache/shape.ts';
import { type AclImage, type TenantImage, WorkCount } from '../path/image.ts';
import { stageOrder } from '../path/order.ts';
import type { SlowEvent } from '../slow/events.ts';
import type { SlowTenant } from '../slow/tenant.ts';
import { randomKeys } from '../table/hash.ts';
import { MacTable } from '../table/mac-table.ts';
import { NeighborTable } from '../table/neighbor-table.ts';
import { formatAddress } from '../wire/address.ts';
import { parseMac } from '../wire/ethernet.ts';
import { compileAclList } from './compile-acl.ts';
import { type Attachment, compileBridge } from './compile-bridge.ts';
import { compileRouter } from './compile-router.ts';
import { type DatapathClock, openDatapath } from './datapath.ts';
import { neighborRow } from './neighbor-row.ts';
import type { Policers } from './policers.ts';

const PUNT_RING = 1 << 17;
/** A packet of 65,535 bytes, the longest that reassembly makes, with room for it to wrap: a record takes half of a ring at most. */
const INJECT_RING = 1 << 18;

/** A worker that has fewer frames than this reads no full batch. */
const LEAST_FRAMES = 64;

export interface TenantOptions {
  readonly model: TenantModel;
  /** From 1; 0 is nobody. */
  readonly index: number;
  readonly workers: number;
  /** In the order of the model's ports. */
  readonly attachments: readonly Attachment[];
  readonly policers: Policers;
  readonly clock: DatapathClock;
  /** Index of another tenant by its name. */
  readonly indexOf: (name: string) => number;
}

/** A tenant on the control side: its live tables, its books, and the image that workers run. */
export class Tenant {
  readonly model: TenantModel;
  readonly image: TenantImage;
  readonly attachments: readonly Attachment[];
  readonly macs: MacTable;
  readonly neighbors: NeighborTable;
  readonly datapath: Datapath;
  readonly acls: readonly AclImage[];
  /** Books of each worker. */
  readonly ledgers: readonly Ledger[];
  readonly punts: readonly Ring[];
  readonly injects: readonly Ring[];
  /** What the flow cache of each worker counts, `WorkCount`. */
  readonly work: readonly Float64Array<SharedArrayBuffer>[];
  readonly #file: RoutesFile | null;

  static async create(options: TenantOptions): Promise<Tenant> {
    return new Tenant(options, await loadRoutesFile(options.model));
  }

  private constructor(options: TenantOptions, file: RoutesFile | null) {
    const { model, index, workers, attachments, policers, clock } = options;
    const { bridge, quota } = model;
    const perWorker = <Made>(make: () => Made) => Array.from({ length: workers }, make);
    this.model = model;
    this.attachments = attachments;
    this.#file = file;
    this.macs = MacTable.create(quota.macs, randomKeys(), bridge.macMoveLimit);
    this.neighbors = NeighborTable.create(quota.neighbors);
    this.acls = model.acls.map((acl) => compileAclList(acl, workers));
    this.ledgers = perWorker(() => new Ledger(bridge.ports.length + 1));
    this.punts = perWorker(() => Ring.create(PUNT_RING));
    this.injects = perWorker(() => Ring.create(INJECT_RING));
    this.work = perWorker(() => new Float64Array(new SharedArrayBuffer(WorkCount.WIDTH * 8)));
    for (const { mac, vlan, port } of bridge.staticMacs) {
      const { high, low } = parseMac(mac);
      this.macs.addStatic(
        high,
        low,
        vlan,
        bridge.ports.findIndex(({ name }) => name === port),
      );
    }
    // No worker reads rules yet.
    this.datapath = openDatapath(model, createRulesImage(0), this.ledgers, clock);
    this.image = {
      index,
      name: model.name,
      weight: quota.weight,
      // Each worker has its own pool, and its share of the quota.
      frames: Math.max(LEAST_FRAMES, Math.ceil(quota.frames / workers)),
      policer: { packets: policers.packets(quota.pps), bits: policers.bits(quota.rate) },
      bridge: compileBridge(bridge, model.acls, attachments, this.macs, policers),
      router: compileRouter(model, this.neighbors, file, options.indexOf),
      acls: this.acls,
      rules: null,
      workers: this.ledgers.map((ledger, i) => ({
        ledger: ledger.memory,
        punt: this.punts[i].memory,
        inject: this.injects[i].memory,
        work: this.work[i].buffer,
      })),
    };
  }

  /** Rows of the books: one a port, and the router's. */
  get rows(): readonly number[] {
    return Array.from({ length: this.ledgers[0].rows }, (_, row) => row);
  }

  /** The tenant as the slow path serves it; without a router it has no interfaces, and the slow path only logs for it. */
  slow(wake: (worker: number) => void, onEvent: (event: SlowEvent) => void): SlowTenant {
    const { router, name } = this.model;
    return {
      name,
      interfaces: router === null ? [] : slowInterfaces(router),
      neighbors: this.neighbors,
      permanent: (router?.neighbors ?? []).map(({ address, mac, interface: iface }) => ({
        interface: (router?.interfaces ?? []).findIndex((one) => one.name === iface),
        words: address.words,
        mac: parseMac(mac),
      })),
      punts: this.punts,
      injects: this.injects,
      wake,
      onEvent,
      limits: { icmpPerSecond: router?.icmpRate ?? 0 },
    };
  }

  /** Once a second: ages learned addresses and frees what was retired. */
  keepHouse(nowMs: number): void {
    this.macs.age(nowMs, this.model.bridge.macAgeSeconds * 1000);
    this.macs.reclaim(nowMs);
  }

  get routeCount(): number {
    const { router } = this.model;
    return (router?.routes.length ?? 0) + (this.#file === null ? 0 : this.#file.ipv4.count + this.#file.ipv6.count);
  }

  /** All routes as text: connected, configured, shared, and those of the file. */
  *routes(): Generator<{ readonly to: string; readonly how: string }> {
    const { router, share } = this.model;
    if (router === null) return;
    for (const iface of router.interfaces) {
      for (const { subnet } of iface.addresses) yield { to: subnet.text, how: `dev ${iface.name}` };
    }
    for (const route of router.routes) {
      const hops = route.hops.map(({ address, interface: iface }) =>
        address === null ? `dev ${iface}` : `${address.text} dev ${iface}`,
      );
      yield { to: route.to.text, how: route.action === 'forward' ? `via ${hops.join(', ')}` : route.action };
    }
    for (const { tenant, prefixes } of share.imports) {
      for (const { text } of prefixes) yield { to: text, how: `tenant ${tenant}` };
    }
    if (this.#file === null) return;
    for (const { family, count, words, lengths, nextHops, nextHopIndex } of [this.#file.ipv4, this.#file.ipv6]) {
      const stride = family === 4 ? 1 : 4;
      for (let i = 0; i < count; i++) {
        const to = `${formatAddress([...words.subarray(i * stride, (i + 1) * stride)])}/${lengths[i]}`;
        yield { to, how: `via ${nextHops[nextHopIndex[i]].text}` };
      }
    }
  }

  neighborRows(): Record<string, Json>[] {
    return this.neighbors.entries().map((entry) => neighborRow(entry, this.model.router));
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
    const shape = shapeOf(this.image);
    const looksAt = Object.entries(shape).flatMap(([what, looks]) => (looks ? [what] : []));
    return [
      { way: 'cache', stage: `flow-cache ${looksAt.join(' ') || 'l2'}`, code: generate(shape, this.model.name) },
      ...ways.in.map((stage) => ({ way: 'in' as const, stage })),
      ...ways.out.map((stage) => ({ way: 'out' as const, stage })),
    ];
  }
}

function slowInterfaces(router: RouterModel): SlowTenant['interfaces'] {
  return router.interfaces.map((iface) => ({
    name: iface.name,
    vlan: iface.vlan,
    mac: parseMac(iface.mac),
    mtu: iface.mtu,
    addresses: iface.addresses.map(({ address, subnet }) => ({
      family: address.family,
      words: address.words,
      prefixLength: subnet.length,
    })),
    linkLocal: null,
    ra: iface.advertise,
  }));
}
