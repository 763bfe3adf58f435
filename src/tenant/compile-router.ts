import type { AclModel, InterfaceModel, Prefix, RouteModel, TenantModel } from '../control/config/model.ts';
import type { FileRoutes, RoutesFile } from '../control/config/routes-file.ts';
import { HopKind, type RouterImage } from '../path/image.ts';
import { randomKeys } from '../table/hash.ts';
import { Lpm4 } from '../table/lpm4.ts';
import { Lpm6 } from '../table/lpm6.ts';
import type { NeighborTable } from '../table/neighbor-table.ts';
import { contains, fourWords, linkLocalOf } from '../wire/address.ts';
import { parseMac } from '../wire/ethernet.ts';
import { NextHops } from './next-hops.ts';
import { RouteList } from './route-list.ts';
import { sharedWords } from './shared-arrays.ts';

const VLANS = 4096;
/** Punts a second and tenant: ARP, ND and resolution; packets to the router itself. ICMP errors have the model's own rate. */
const CONTROL_RATE = 2000;
const LOCAL_RATE = 2000;

/** Where the prefixes of both families are gathered. */
interface Routes {
  readonly ipv4: RouteList;
  readonly ipv6: RouteList;
}

function add(routes: Routes, prefix: Pick<Prefix, 'family' | 'words'>, length: number, set: number): void {
  (prefix.family === 4 ? routes.ipv4 : routes.ipv6).add(prefix.words, 0, length, set);
}

/** Compiles a tenant's router. @param indexOf index of a tenant by its name, for shared prefixes */
export function compileRouter(
  tenant: TenantModel,
  neighbors: NeighborTable,
  file: RoutesFile | null,
  indexOf: (name: string) => number,
): RouterImage | null {
  const { router } = tenant;
  if (router === null) return null;
  const { interfaces } = router;
  const hops = new NextHops();
  const list: Routes = {
    ipv4: new RouteList(4, file?.ipv4.count ?? 0),
    ipv6: new RouteList(6, file?.ipv6.count ?? 0),
  };
  // What is nearest comes last, and wins over the same prefix from further away.
  for (const { tenant: from, prefixes } of tenant.share.imports) {
    const set = hops.only(HopKind.Leak, -1, null, indexOf(from));
    for (const prefix of prefixes) add(list, prefix, prefix.length, set);
  }
  if (file !== null) {
    addFile(list.ipv4, file.ipv4, interfaces, hops);
    addFile(list.ipv6, file.ipv6, interfaces, hops);
  }
  for (const route of router.routes) addRoute(list, route, interfaces, hops);
  for (const [index, iface] of interfaces.entries()) addConnected(list, iface, index, hops);
  return {
    ...compileInterfaces(interfaces, tenant.acls),
    ...hops.finish(),
    routes4: Lpm4.build(list.ipv4.routes).handles(),
    routes6: Lpm6.build(list.ipv6.routes).handles(),
    neighbors: neighbors.handles(),
    hashKeys: randomKeys(),
    puntRates: [CONTROL_RATE, LOCAL_RATE, router.icmpRate],
  };
}

function compileInterfaces(
  interfaces: readonly InterfaceModel[],
  acls: readonly AclModel[],
): Pick<
  RouterImage,
  'vlanInterface' | 'interfaces' | 'names' | 'vlan' | 'mtu' | 'macHigh' | 'macLow' | 'aclIn' | 'aclOut'
> {
  const count = interfaces.length;
  const vlanInterface = sharedWords(VLANS, -1);
  const vlan = sharedWords(count);
  const mtu = sharedWords(count);
  const macHigh = sharedWords(count);
  const macLow = sharedWords(count);
  const aclIn = sharedWords(count, -1);
  const aclOut = sharedWords(count, -1);
  interfaces.forEach((iface, i) => {
    const { high, low } = parseMac(iface.mac);
    vlanInterface[iface.vlan] = i;
    vlan[i] = iface.vlan;
    mtu[i] = iface.mtu;
    macHigh[i] = high;
    macLow[i] = low;
  });
  acls.forEach((acl, index) => {
    for (const target of acl.ingress)
      if (target.kind === 'interface') aclIn[indexOfInterface(interfaces, target.interface)] = index;
    for (const target of acl.egress)
      if (target.kind === 'interface') aclOut[indexOfInterface(interfaces, target.interface)] = index;
  });
  const names = interfaces.map(({ name }) => name);
  return { vlanInterface, interfaces: count, names, vlan, mtu, macHigh, macLow, aclIn, aclOut };
}

function indexOfInterface(interfaces: readonly InterfaceModel[], name: string): number {
  return interfaces.findIndex((iface) => iface.name === name);
}

function addRoute(list: Routes, route: RouteModel, interfaces: readonly InterfaceModel[], hops: NextHops): void {
  const { to, action } = route;
  let set: number;
  if (action === 'blackhole') set = hops.only(HopKind.Blackhole);
  else if (action === 'reject') set = hops.only(HopKind.Reject);
  else {
    set = hops.set(
      route.hops.map((hop) => ({
        kind: hop.address === null ? HopKind.Connected : HopKind.Via,
        iface: indexOfInterface(interfaces, hop.interface),
        address: hop.address === null ? null : fourWords(hop.address.words),
        tenant: -1,
        weight: hop.weight,
      })),
    );
  }
  add(list, to, to.length, set);
}

function addFile(list: RouteList, file: FileRoutes, interfaces: readonly InterfaceModel[], hops: NextHops): void {
  const sets = file.nextHops.map((address) => {
    const iface = interfaces.findIndex((one) => one.addresses.some(({ subnet }) => contains(subnet, address.words)));
    return hops.only(HopKind.Via, iface, fourWords(address.words));
  });
  const stride = file.family === 4 ? 1 : 4;
  for (let i = 0; i < file.count; i++) list.add(file.words, i * stride, file.lengths[i], sets[file.nextHopIndex[i]]);
}

/** The subnets of an interface, its own addresses in them, and, in IPv4, the two that are nobody's. */
function addConnected(list: Routes, iface: InterfaceModel, index: number, hops: NextHops): void {
  const connected = hops.only(HopKind.Connected, index);
  const local = hops.only(HopKind.Local, index);
  const blackhole = hops.only(HopKind.Blackhole);
  for (const { subnet } of iface.addresses) {
    add(list, subnet, subnet.length, connected);
    // Directed broadcasts are not forwarded (RFC 2644). A /31 has none (RFC 3021).
    if (subnet.family === 4 && subnet.length < 31) {
      const network = subnet.words[0];
      list.ipv4.add([network], 0, 32, blackhole);
      list.ipv4.add([network | (0xffffffff >>> subnet.length)], 0, 32, blackhole);
    }
  }
  for (const { address } of iface.addresses) {
    add(list, address, address.family === 4 ? 32 : 128, local);
  }
  if (iface.addresses.some(({ address }) => address.family === 6) || iface.advertise !== null) {
    list.ipv6.add(linkLocalOf(parseMac(iface.mac)).words, 0, 128, local);
  }
}
