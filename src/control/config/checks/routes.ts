import { contains, isLinkLocal, isMulticast } from '../address.ts';
import type { Reporter } from '../diagnostics.ts';
import type { Address } from '../model.ts';
import type { Path } from '../place.ts';
import { isSame } from '../schema/net.ts';
import { hopsOf, type RouteConfig, type RouterConfig } from '../schema/router.ts';
import { checkInterface } from './router.ts';
import { kindOf } from './station.ts';

/** Static routes: one action each, no prefix twice, next hops that an interface reaches. */
export function checkRoutes(tenant: string, router: RouterConfig, reporter: Reporter): void {
  const known = new Map<string, Path>();
  for (const [index, route] of router.routes.entries()) {
    const path = ['tenants', tenant, 'router', 'routes', index];
    const first = known.get(route.to.text);
    if (first) {
      const cure = 'put all next hops into one route: via: [A, B]';
      const related = { message: 'first given', path: first };
      reporter.report('config-taken', [...path, 'to'], `a second route to ${route.to.text}`, cure, { related });
    } else known.set(route.to.text, path);
    checkDestination(path, route, router, reporter);
    checkAction(path, route, reporter);
    if (route.dev !== undefined) checkInterface(route.dev, [...path, 'dev'], tenant, router, reporter);
    checkHops(path, tenant, route, router, reporter);
  }
}

function checkDestination(path: Path, { to }: RouteConfig, router: RouterConfig, reporter: Reporter): void {
  if (isMulticast(to)) {
    const message = 'multicast is not routed';
    reporter.report('config-value', [...path, 'to'], message, 'remove the route');
  }
  for (const [name, { addresses }] of Object.entries(router.interfaces)) {
    if (!addresses.some(({ subnet }) => subnet.text === to.text)) continue;
    const message = `${to.text} is connected to interface '${name}'`;
    reporter.report('config-conflict', [...path, 'to'], message, 'remove the route: the interface brings it along');
  }
}

function checkAction(path: Path, route: RouteConfig, reporter: Reporter): void {
  const actions = (['via', 'blackhole', 'reject'] as const).filter((key) => route[key] !== undefined);
  const [first = route.dev === undefined ? undefined : 'dev', second] = actions;
  if (first === undefined) {
    const cure = 'add via: NEXT-HOP, dev: INTERFACE, blackhole: true or reject: true';
    reporter.report('config-missing-key', path, `the route to ${route.to.text} leads nowhere`, cure);
  }
  const extra = second ?? (route.dev !== undefined && first !== 'via' && first !== 'dev' ? 'dev' : undefined);
  if (extra === undefined) return;
  const cure = 'keep one of via, dev, blackhole, reject; dev may go with via';
  reporter.report('config-conflict', [...path, extra], `${first} and ${extra} exclude each other`, cure, {
    part: 'key',
  });
}

function checkHops(path: Path, tenant: string, route: RouteConfig, router: RouterConfig, reporter: Reporter): void {
  const known = new Set<string>();
  for (const { address, dev, path: inside } of hopsOf(route)) {
    const at = [...path, ...inside];
    if (dev !== undefined) checkInterface(dev, [...at.slice(0, -1), 'dev'], tenant, router, reporter);
    const key = `${address.text} ${dev ?? route.dev ?? ''}`;
    if (known.has(key)) reporter.report('config-taken', at, `next hop ${address.text} is given twice`, 'use weight:');
    known.add(key);
    checkHop(at, address, dev ?? route.dev, route, router, reporter);
  }
}

function checkHop(
  path: Path,
  hop: Address,
  dev: string | undefined,
  { to }: RouteConfig,
  router: RouterConfig,
  reporter: Reporter,
): void {
  const interfaces = Object.values(router.interfaces);
  const wrong = kindOf(hop);
  if (wrong) {
    reporter.report('config-value', path, `${hop.text} is ${wrong}`, 'name one router');
  } else if (hop.family !== to.family) {
    const message = `an IPv${hop.family} next hop for an IPv${to.family} prefix`;
    reporter.report('config-conflict', path, message, `name an IPv${to.family} next hop`);
  } else if (interfaces.some(({ addresses }) => addresses.some(({ address }) => isSame(address, hop)))) {
    reporter.report('config-unreachable', path, `${hop.text} is the router's own address`, 'name another router');
  } else if (dev !== undefined || !reporter.intact('tenants', path[1]!, 'router', 'interfaces')) {
    return;
  } else if (isLinkLocal(hop)) {
    const message = `${hop.text} is link-local: on which link?`;
    reporter.report('config-unreachable', path, message, 'add dev: INTERFACE to the route');
  } else if (!interfaces.some(({ addresses }) => addresses.some(({ subnet }) => contains(subnet, hop)))) {
    const subnets = interfaces.flatMap(({ addresses }) => addresses.map(({ subnet }) => subnet));
    const near = [...new Set(subnets.filter(({ family }) => family === hop.family).map(({ text }) => text))];
    const cure = `choose an address in ${near.join(' or ') || 'the subnet of an interface'}, or add dev: INTERFACE`;
    reporter.report('config-unreachable', path, `next hop ${hop.text} is on no connected subnet`, cure);
  }
}
