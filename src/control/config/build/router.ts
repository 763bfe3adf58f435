import { resolve } from 'node:path';
import { contains } from '../address.ts';
import type {
  Address,
  AdvertiseModel,
  HopModel,
  InterfaceModel,
  PortModel,
  RouteModel,
  RouterModel,
} from '../model.ts';
import { placed, type Source } from '../place.ts';
import { standardMtu } from '../schema/port.ts';
import {
  type AdvertiseConfig,
  hopsOf,
  type InterfaceConfig,
  type RouteConfig,
  type RouterConfig,
} from '../schema/router.ts';
import { carries } from '../tagging.ts';

export function buildRouter(
  tenant: string,
  keys: RouterConfig,
  ports: readonly PortModel[],
  source: Source,
  folder: string,
): RouterModel {
  const path = ['tenants', tenant, 'router'];
  const mac = keys.mac ?? routerMac(tenant);
  const interfaces = Object.entries(keys.interfaces).map(([name, each]) =>
    placed(buildInterface(name, each, mac, ports), source.place([...path, 'interfaces', name], 'key')),
  );
  const routes = keys.routes.map((route, index) =>
    placed(buildRoute(route, interfaces), source.place([...path, 'routes', index])),
  );
  const neighbors = keys.neighbors.map((neighbor, index) =>
    placed({ ...neighbor }, source.place([...path, 'neighbors', index])),
  );
  const model = {
    hostname: keys.hostname ?? tenant,
    icmpRate: keys.icmp_rate,
    interfaces,
    routes,
    routesFile: keys.routes_file === undefined ? null : resolve(folder, keys.routes_file),
    neighbors,
  };
  return placed(model, source.place(path, 'key'));
}

/** Locally administered, the same at every start: 02:54 and the FNV-1a hash (32 bits) of the tenant's name. */
export function routerMac(tenant: string): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(tenant)) hash = Math.imul(hash ^ byte, 0x01000193);
  const bytes = [24, 16, 8, 0].map((shift) => ((hash >>> shift) & 255).toString(16).padStart(2, '0'));
  return ['02', '54', ...bytes].join(':');
}

function buildInterface(name: string, keys: InterfaceConfig, mac: string, ports: readonly PortModel[]): InterfaceModel {
  const ipv6 = keys.addresses.some(({ address }) => address.family === 6);
  const advertise = keys.ra === undefined ? ipv6 : keys.ra;
  return {
    name,
    vlan: keys.vlan,
    mac,
    addresses: keys.addresses,
    mtu: keys.mtu ?? smallestMtu(keys.vlan, ports),
    advertise: advertise === false ? null : buildAdvertise(advertise === true ? {} : advertise),
  };
}

/** What every port of the VLAN can take, so that senders hear of what is too long by ICMP and not by silence. */
function smallestMtu(vlan: number, ports: readonly PortModel[]): number {
  const carrying = ports.filter((port) => carries(port.vlan, vlan));
  return carrying.reduce((least, { mtu }) => Math.min(least, mtu), carrying[0]?.mtu ?? standardMtu);
}

function buildAdvertise(keys: Partial<AdvertiseConfig>): AdvertiseModel {
  const { interval = 600, lifetime = 1800, managed = false, other = false } = keys;
  return { intervalSeconds: interval, lifetimeSeconds: lifetime, managed, other };
}

function buildRoute(keys: RouteConfig, interfaces: readonly InterfaceModel[]): RouteModel {
  const { to } = keys;
  if (keys.blackhole) return { to, action: 'blackhole', hops: [] };
  if (keys.reject) return { to, action: 'reject', hops: [] };
  if (keys.via === undefined)
    return { to, action: 'forward', hops: [{ address: null, interface: keys.dev!, weight: 1 }] };
  const hops = hopsOf(keys).map(
    ({ address, weight, dev = keys.dev }): HopModel => ({
      address,
      interface: dev ?? interfaceTowards(address, interfaces)!.name,
      weight,
    }),
  );
  return { to, action: 'forward', hops };
}

/** The interface whose subnet holds a next hop, the longest prefix first; null where there is none. */
export function interfaceTowards(hop: Address, interfaces: readonly InterfaceModel[]): InterfaceModel | null {
  let found: InterfaceModel | null = null;
  let longest = -1;
  for (const each of interfaces) {
    for (const { subnet } of each.addresses) {
      if (subnet.length <= longest || !contains(subnet, hop)) continue;
      found = each;
      longest = subnet.length;
    }
  }
  return found;
}
