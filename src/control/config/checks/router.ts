import { dirname, resolve } from 'node:path';
import { contains, isLinkLocal, overlaps } from '../address.ts';
import type { Reporter } from '../diagnostics.ts';
import type { InterfaceAddress } from '../model.ts';
import type { Path } from '../place.ts';
import { isSame } from '../schema/net.ts';
import type { InterfaceConfig, RouterConfig } from '../schema/router.ts';
import { suggest } from '../suggest.ts';
import type { World } from './checks.ts';
import { checkStation, kindOf } from './station.ts';

/** Interfaces and static neighbours of a tenant's router. Routes have a file of their own. */
export function checkRouter(tenant: string, router: RouterConfig, reporter: Reporter, world: World): void {
  const path = ['tenants', tenant, 'router'];
  const vlans = new Map<number, Path>();
  const before: { readonly each: InterfaceAddress; readonly name: string; readonly path: Path }[] = [];
  for (const [name, keys] of Object.entries(router.interfaces)) {
    const above = [...path, 'interfaces', name];
    const first = vlans.get(keys.vlan);
    if (first) {
      const related = { message: 'first used', path: first };
      const cure = 'give all addresses to one interface, or choose another VLAN';
      reporter.report('config-taken', [...above, 'vlan'], `VLAN ${keys.vlan} already has an interface`, cure, {
        related,
      });
    } else vlans.set(keys.vlan, [...above, 'vlan']);
    checkIpv6(above, keys, reporter);
    for (const [index, each] of keys.addresses.entries()) {
      const at = [...above, 'addresses', index];
      checkStation(each, at, reporter);
      const clash = before.find((other) => clashes(each, other.each, name === other.name));
      if (clash) {
        const message = `${each.text} overlaps ${clash.each.text} of interface '${clash.name}'`;
        const related = { message: 'the other address', path: clash.path };
        reporter.report('config-taken', at, message, 'subnets of one router must differ', { related });
      }
      before.push({ each, name, path: at });
    }
  }
  checkNeighbors(path, router, reporter);
  const file = router.routes_file;
  if (file !== undefined && !world.exists(resolve(dirname(world.file), file))) {
    const message = `there is no file ${resolve(dirname(world.file), file)}`;
    reporter.report(
      'config-file',
      [...path, 'routes_file'],
      message,
      "paths are relative to the configuration's folder",
    );
  }
}

/** Several addresses of one subnet on one interface are fine; so is a link-local subnet on each. */
function clashes(a: InterfaceAddress, b: InterfaceAddress, sameInterface: boolean): boolean {
  if (isSame(a.address, b.address)) return sameInterface || !isLinkLocal(a.address);
  if (isLinkLocal(a.address) && isLinkLocal(b.address)) return false;
  return overlaps(a.subnet, b.subnet) && !(sameInterface && isSame(a.subnet, b.subnet));
}

function checkIpv6(path: Path, keys: InterfaceConfig, reporter: Reporter): void {
  const ipv6 = keys.addresses.some(({ address }) => address.family === 6);
  if (ipv6 && keys.mtu !== undefined && keys.mtu < 1280) {
    const message = 'IPv6 needs an mtu of 1280 (RFC 8200, section 5)';
    reporter.report('config-range', [...path, 'mtu'], message, 'raise it, or remove the IPv6 addresses');
  }
  if (keys.ra === undefined || keys.ra === false) return;
  if (!ipv6) {
    const message = 'there is no IPv6 address to advertise';
    reporter.report('config-conflict', [...path, 'ra'], message, "add one to addresses: 'fd00:10::1/64'", {
      part: 'key',
    });
  }
  const { interval, lifetime } = keys.ra === true ? { interval: 1, lifetime: 0 } : keys.ra;
  if (lifetime > 0 && lifetime < interval) {
    const message = `the lifetime of ${lifetime}s ends before the next advertisement`;
    reporter.report('config-conflict', [...path, 'ra'], message, `choose 0, or at least the interval of ${interval}s`);
  }
}

/** Reports an interface that does not exist. */
export function checkInterface(
  name: string,
  path: Path,
  tenant: string,
  router: RouterConfig | undefined,
  reporter: Reporter,
): InterfaceConfig | null {
  const interfaces = router?.interfaces ?? {};
  if (Object.hasOwn(interfaces, name)) return interfaces[name]!;
  if (reporter.intact('tenants', tenant, 'router', 'interfaces', name)) {
    const names = Object.keys(interfaces);
    const meant = suggest(name, names);
    const cure = meant === null ? `interfaces are: ${names.join(', ') || 'none'}` : `did you mean '${meant}'?`;
    reporter.report('config-reference', path, `the router of '${tenant}' has no interface '${name}'`, cure);
  }
  return null;
}

function checkNeighbors(path: Path, router: RouterConfig, reporter: Reporter): void {
  const known = new Map<string, Path>();
  const tenant = String(path[1]);
  for (const [index, neighbor] of router.neighbors.entries()) {
    const at = [...path, 'neighbors', index];
    const on = checkInterface(neighbor.interface, [...at, 'interface'], tenant, router, reporter);
    const { address } = neighbor;
    const key = `${neighbor.interface} ${address.text}`;
    const first = known.get(key);
    const wrong = kindOf(address);
    if (wrong) reporter.report('config-value', [...at, 'address'], `${address.text} is ${wrong}`, 'name one station');
    else if (first) {
      const related = { message: 'first given', path: first };
      reporter.report('config-taken', at, `neighbour ${address.text} is given twice`, 'keep one', { related });
    } else if (on?.addresses.some((own) => isSame(own.address, address))) {
      reporter.report(
        'config-taken',
        [...at, 'address'],
        `${address.text} is the router's own`,
        'remove the neighbour',
      );
    } else if (on && !isLinkLocal(address) && !on.addresses.some(({ subnet }) => contains(subnet, address))) {
      const cure = `its subnets are ${on.addresses.map(({ subnet }) => subnet.text).join(', ')}`;
      const message = `${address.text} is in no subnet of interface '${neighbor.interface}'`;
      reporter.report('config-unreachable', [...at, 'address'], message, cure);
    }
    if (!first) known.set(key, at);
  }
}
