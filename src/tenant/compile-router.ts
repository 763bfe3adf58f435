import type { AclModel, InterfaceModel, Prefix, RouteModel, TenantModel } from '../control/config/model.ts';
import type { FileRoutes, RoutesFile } from '../control/config/routes-file.ts';
import { HopKind, type RouterImage } from '../path/image.ts';
import { Lpm4 } from '../table/lpm4.ts';
import { Lpm6 } from '../table/lpm6.ts';
import type { NeighborTable } from '../table/neighbor-table.ts';
import { linkLocalOf } from '../wire/address.ts';
import { parseMac } from '../wire/ethernet.ts';
import { NextHops } from './next-hops.ts';
import { fourWords, sharedWords } from './words.ts';

const VLANS = 4096;
/** Punts a second and tenant: ARP, ND and resolution; packets to the router itself. ICMP errors have the model's own rate. */
const CONTROL_RATE = 2000;
const LOCAL_RATE = 2000;

/** Prefixes of both families with their sets of next hops, in the order of precedence: a later one to the same prefix counts. */
export interface RouteList {
  add(family: 4 | 6, words: readonly number[], length: number, set: number): void;
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
  const routes4 = Lpm4.create(file?.ipv4.count ?? 0);
  const routes6 = Lpm6.create(file?.ipv6.count ?? 0);
  const list: RouteList = {
    add: (family, words, length, set) => {
      if (family === 4) routes4.add(words[0] | 0, length, set);
      else routes6.add(words[0] | 0, words[1] | 0, words[2] | 0, words[3] | 0, length, set);
    },
  };
  // What is nearest comes last, and wins over the same prefix from further away.
  for (const { tenant: from, prefixes } of tenant.share.imports) {
    const set = hops.only(HopKind.Leak, -1, null, indexOf(from));
    for (const prefix of prefixes) list.add(prefix.family, prefix.words, prefix.length, set);
  }
  if (file !== null) {
    addFile(list, file.ipv4, interfaces, hops);
    addFile(list, file.ipv6, interfaces, hops);
  }
  for (const route of router.routes) addRoute(list, route, interfaces, hops);
  interfaces.forEach((iface, index) => addConnected(list, iface, index, hops));
  return {
    ...compileInterfaces(interfaces, tenant.acls),
    ...hops.finish(),
    routes4: routes4.handles(),
    routes6: routes6.handles(),
    neighbors: neighbors.handles(),
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
    for (const target of acl.ingress) if (target.kind === 'interface') aclIn[indexOfInterface(interfaces, target.interface)] = index;
    for (const target of acl.egress) if (target.kind === 'interface') aclOut[indexOfInterface(interfaces, target.interface)] = index;
  });
  const names = interfaces.map(({ name }) => name);
  return { vlanInterface, interfaces: count, names, vlan, mtu, macHigh, macLow, aclIn, aclOut };
}

function indexOfInterface(interfaces: readonly InterfaceModel[], name: string): number {
  return interfaces.findIndex((iface) => iface.name === name);
}

function addRoute(list: RouteList, route: RouteModel, interfaces: readonly InterfaceModel[], hops: NextHops): void {
  const { to, action } = route;
  let set: number;
  if (action === 'blackhole') set = hops.only(HopKind.Blackhole);
  else if (action === 'reject') set = hops.only(HopKind.Reject);
  else {
    set = hops.set(
      route.hops.map((hop) => ({
        kind: hop.address === null ? HopKind.Connected : HopKind.Via,
        iface: indexOfInterface(interfaces, hop.interface),
        address: hop.address === null ? null : fourWords(hop.address),
        tenant: -1,
        weight: hop.weight,
      })),
    );
  }
  list.add(to.family, to.words, to.length, set);
}

function addFile(list: RouteList, file: FileRoutes, interfaces: readonly InterfaceModel[], hops: NextHops): void {
  const sets = file.nextHops.map((address) => {
    const iface = interfaces.findIndex((one) =>
      one.addresses.some(({ subnet }) => subnet.family === address.family && contains(subnet, address.words)),
    );
    return hops.only(HopKind.Via, iface, fourWords(address));
  });
  const stride = file.family === 4 ? 1 : 4;
  const words = [0, 0, 0, 0];
  for (let i = 0; i < file.count; i++) {
    for (let w = 0; w < stride; w++) words[w] = file.words[i * stride + w];
    list.add(file.family, words, file.lengths[i], sets[file.nextHopIndex[i]]);
  }
}

/** The subnets of an interface, its own addresses in them, and, in IPv4, the two that are nobody's. */
function addConnected(list: RouteList, iface: InterfaceModel, index: number, hops: NextHops): void {
  const connected = hops.only(HopKind.Connected, index);
  const local = hops.only(HopKind.Local, index);
  const blackhole = hops.only(HopKind.Blackhole);
  for (const { subnet } of iface.addresses) {
    list.add(subnet.family, subnet.words, subnet.length, connected);
    // Directed broadcasts are not forwarded (RFC 2644). A /31 has none (RFC 3021).
    if (subnet.family === 4 && subnet.length < 31) {
      const network = subnet.words[0];
      list.add(4, [network], 32, blackhole);
      list.add(4, [(network | (0xffffffff >>> subnet.length)) >>> 0], 32, blackhole);
    }
  }
  for (const { address } of iface.addresses) {
    list.add(address.family, address.words, address.family === 4 ? 32 : 128, local);
  }
  if (iface.addresses.some(({ address }) => address.family === 6) || iface.advertise !== null) {
    list.add(6, linkLocalOf(parseMac(iface.mac)).words, 128, local);
  }
}

function contains(prefix: Prefix, words: readonly number[]): boolean {
  let left = prefix.length;
  for (let i = 0; left > 0; i++, left -= 32) {
    const mask = left >= 32 ? -1 : -1 << (32 - left);
    if (((prefix.words[i] ^ words[i]) & mask) !== 0) return false;
  }
  return true;
}
