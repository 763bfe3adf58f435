import type { AclModel, InterfaceModel, TenantModel } from '../control/config/model.ts';
import type { RouterImage } from '../path/image.ts';
import type { NeighborTable } from '../table/neighbor-table.ts';
import { parseMac } from '../wire/ethernet.ts';
import type { Numbers } from './numbers.ts';
import type { Routes } from './routes.ts';
import { sharedWords } from './shared-arrays.ts';

const VLANS = 4096;
/** Punts a second and tenant: ARP, ND and resolution; packets to the router itself. ICMP errors have the model's own rate. */
const CONTROL_RATE = 2000;
const LOCAL_RATE = 2000;

type InterfaceColumns = Pick<
  RouterImage,
  'vlanInterface' | 'interfaces' | 'names' | 'vlan' | 'mtu' | 'macHigh' | 'macLow' | 'aclIn' | 'aclOut'
>;

/**
 * Compiles a tenant's router.
 * @param numbers of its interfaces
 * @param before image before the change: interfaces that are gone keep their columns until their numbers are given out again,
 * since routes lead there until workers have the new image
 */
export function compileRouter(
  tenant: TenantModel,
  numbers: Numbers,
  neighbors: NeighborTable,
  routes: Routes,
  before: RouterImage | null,
): RouterImage | null {
  const { router } = tenant;
  if (router === null) return null;
  return {
    ...compileInterfaces(router.interfaces, tenant.acls, numbers, before),
    ...routes.image(),
    neighbors: neighbors.handles(),
    puntRates: [CONTROL_RATE, LOCAL_RATE, router.icmpRate],
  };
}

function compileInterfaces(
  interfaces: readonly InterfaceModel[],
  acls: readonly AclModel[],
  numbers: Numbers,
  before: RouterImage | null,
): InterfaceColumns {
  const count = numbers.size;
  const vlanInterface = sharedWords(VLANS, -1);
  const column = (from: Int32Array | undefined) => {
    const words = sharedWords(count);
    words.set(from?.subarray(0, count) ?? []);
    return words;
  };
  const vlan = column(before?.vlan);
  const mtu = column(before?.mtu);
  const macHigh = column(before?.macHigh);
  const macLow = column(before?.macLow);
  const aclIn = sharedWords(count, -1);
  const aclOut = sharedWords(count, -1);
  for (const iface of interfaces) {
    const i = numbers.of(iface.name);
    const { high, low } = parseMac(iface.mac);
    vlanInterface[iface.vlan] = i;
    vlan[i] = iface.vlan;
    mtu[i] = iface.mtu;
    macHigh[i] = high;
    macLow[i] = low;
  }
  acls.forEach((acl, index) => {
    for (const target of acl.ingress) if (target.kind === 'interface') aclIn[numbers.of(target.interface)] = index;
    for (const target of acl.egress) if (target.kind === 'interface') aclOut[numbers.of(target.interface)] = index;
  });
  const names = Array.from({ length: count }, (_, i) => (numbers.isLive(i) ? (numbers.at(i) ?? '') : ''));
  return { vlanInterface, interfaces: count, names, vlan, mtu, macHigh, macLow, aclIn, aclOut };
}
