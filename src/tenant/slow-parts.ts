import type { RouterModel } from '../control/config/model.ts';
import type { PermanentNeighbor, SlowInterface, SlowTenant } from '../slow/tenant.ts';
import { parseMac } from '../wire/ethernet.ts';
import type { Numbers } from './numbers.ts';

/** Interfaces as the slow path serves them, by number. */
export function slowInterfaces(router: RouterModel, numbers: Numbers): SlowTenant['interfaces'] {
  const list = new Array<SlowInterface | null>(numbers.size).fill(null);
  for (const iface of router.interfaces) {
    list[numbers.of(iface.name)] = {
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
    };
  }
  return list;
}

export function slowNeighbors(router: RouterModel | null, numbers: Numbers): PermanentNeighbor[] {
  return (router?.neighbors ?? []).map(({ address, mac, interface: iface }) => ({
    interface: numbers.of(iface),
    words: address.words,
    mac: parseMac(mac),
  }));
}
