import type { InterfaceModel, Prefix, RouteModel, TenantModel } from '../control/config/model.ts';
import type { FileRoutes, RoutesFile } from '../control/config/routes-file.ts';
import { HopKind, type RouterImage } from '../path/image.ts';
import type { Epochs } from '../table/epoch.ts';
import { randomKeys } from '../table/hash.ts';
import { contains, fourWords, linkLocalOf } from '../wire/address.ts';
import { parseMac } from '../wire/ethernet.ts';
import { NextHops } from './next-hops.ts';
import { type NearRoute, type Prefixes, prefixKey, RouteTable } from './route-table.ts';

/** Numbers of interfaces and tenants by name. */
export interface Names {
  readonly interfaceOf: (name: string) => number;
  readonly tenantOf: (name: string) => number;
}

export interface RoutePlan {
  readonly ipv4: Prefixes;
  readonly ipv6: Prefixes;
}

/**
 * A tenant's routes: connected subnets, routes of the configuration, imported prefixes and those of a routes file, their next hops, and
 * the tables of both families that workers read.
 */
export class Routes {
  readonly ipv4: RouteTable;
  readonly ipv6: RouteTable;
  readonly #hops = new NextHops();
  /** A flow keeps its next hop through a change. */
  readonly #hashKeys = randomKeys();

  constructor(epochs: Epochs) {
    this.ipv4 = new RouteTable(4, epochs);
    this.ipv6 = new RouteTable(6, epochs);
  }

  /** What the tables are to become; next hops that are not known yet are written where nobody looks so far. */
  plan(tenant: TenantModel, file: RoutesFile | null, names: Names): RoutePlan {
    const near = { ipv4: new Map<string, NearRoute>(), ipv6: new Map<string, NearRoute>() };
    const hops = this.#hops;
    const { router } = tenant;
    if (router === null) return { ipv4: prefixesOf(near.ipv4, null, []), ipv6: prefixesOf(near.ipv6, null, []) };
    const add: Add = ({ family, words }, length, set) => {
      const kept = family === 4 ? [words[0] & maskOf(length)] : [...words];
      near[family === 4 ? 'ipv4' : 'ipv6'].set(prefixKey(kept, length), { words: kept, length, set });
    };
    // What is nearest comes last, and wins over the same prefix from further away.
    for (const { tenant: from, prefixes } of tenant.share.imports) {
      const set = hops.only(HopKind.Leak, -1, null, names.tenantOf(from));
      for (const prefix of prefixes) add(prefix, prefix.length, set);
    }
    for (const route of router.routes) add(route.to, route.to.length, setOf(route, hops, names));
    for (const iface of router.interfaces) addConnected(add, iface, names.interfaceOf(iface.name), hops);
    const sets = (part: FileRoutes | undefined) =>
      (part?.nextHops ?? []).map((address) => {
        const iface = router.interfaces.find(({ addresses }) =>
          addresses.some(({ subnet }) => contains(subnet, address.words)),
        );
        return hops.only(HopKind.Via, names.interfaceOf(iface?.name ?? ''), fourWords(address.words));
      });
    return {
      ipv4: prefixesOf(near.ipv4, file?.ipv4 ?? null, sets(file?.ipv4)),
      ipv6: prefixesOf(near.ipv6, file?.ipv6 ?? null, sets(file?.ipv6)),
    };
  }

  /** Whether workers must have a new image before the tables may lead to what has been planned. */
  get needsImage(): boolean {
    return this.#hops.isStale;
  }

  /** The tables as planned, made at once: nobody reads them yet. */
  build({ ipv4, ipv6 }: RoutePlan): void {
    this.ipv4.build(ipv4);
    this.ipv6.build(ipv6);
  }

  /** @returns whether workers must be given another image */
  async change({ ipv4, ipv6 }: RoutePlan): Promise<boolean> {
    const four = await this.ipv4.change(ipv4);
    const six = await this.ipv6.change(ipv6);
    const used = [ipv4, ipv6].flatMap(({ near, fileSets }) => [
      ...[...near.values()].map(({ set }) => set),
      ...fileSets,
    ]);
    const simpler = this.#hops.keep(new Set(used));
    return four || six || simpler;
  }

  /** All workers have a new image, and so have forgotten what they decided before it. */
  forgotten(): void {
    this.#hops.forgotten();
  }

  image(): Pick<RouterImage, keyof ReturnType<NextHops['columns']> | 'routes4' | 'routes6' | 'hashKeys'> {
    return {
      ...this.#hops.columns(),
      routes4: this.ipv4.handles(),
      routes6: this.ipv6.handles(),
      hashKeys: this.#hashKeys,
    };
  }
}

type Add = (prefix: Pick<Prefix, 'family' | 'words'>, length: number, set: number) => void;

function maskOf(length: number): number {
  return length === 0 ? 0 : -1 << (32 - length);
}

function prefixesOf(
  near: ReadonlyMap<string, NearRoute>,
  file: FileRoutes | null,
  fileSets: readonly number[],
): Prefixes {
  return { near, file, fileSets };
}

function setOf({ action, hops: asked }: RouteModel, hops: NextHops, { interfaceOf }: Names): number {
  if (action === 'blackhole') return hops.only(HopKind.Blackhole);
  if (action === 'reject') return hops.only(HopKind.Reject);
  return hops.set(
    asked.map((hop) => ({
      kind: hop.address === null ? HopKind.Connected : HopKind.Via,
      iface: interfaceOf(hop.interface),
      address: hop.address === null ? null : fourWords(hop.address.words),
      tenant: -1,
      weight: hop.weight,
    })),
  );
}

/** The subnets of an interface, its own addresses in them, and, in IPv4, the two that are nobody's. */
function addConnected(add: Add, iface: InterfaceModel, index: number, hops: NextHops): void {
  const connected = hops.only(HopKind.Connected, index);
  const local = hops.only(HopKind.Local, index);
  const blackhole = hops.only(HopKind.Blackhole);
  for (const { subnet } of iface.addresses) {
    add(subnet, subnet.length, connected);
    // Directed broadcasts are not forwarded (RFC 2644). A /31 has none (RFC 3021).
    if (subnet.family === 4 && subnet.length < 31) {
      const network = subnet.words[0];
      add({ family: 4, words: [network] }, 32, blackhole);
      add({ family: 4, words: [network | (0xffffffff >>> subnet.length)] }, 32, blackhole);
    }
  }
  for (const { address } of iface.addresses) add(address, address.family === 4 ? 32 : 128, local);
  if (iface.addresses.some(({ address }) => address.family === 6) || iface.advertise !== null) {
    add({ family: 6, words: linkLocalOf(parseMac(iface.mac)).words }, 128, local);
  }
}
