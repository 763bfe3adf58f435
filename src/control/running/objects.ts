import type { AclModel, PortModel, RouterModel, SwitchModel, TenantModel, UplinkModel } from '../config/model.ts';

/** One thing of a configuration as a plan names it. */
export interface ConfigObject {
  readonly kind: string;
  /** null: the switch's own. */
  readonly tenant: string | null;
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** All that a model says, as objects with fields of text, containers before what is in them. Nothing of the model is left out. */
export function objectsOf(model: SwitchModel): ConfigObject[] {
  const { file: _, tenants, uplinks, ...rest } = model;
  return [
    object('switch', null, '', rest),
    ...uplinks.map((uplink) => uplinkObject(uplink)),
    ...tenants.flatMap((tenant) => tenantObjects(tenant)),
  ];
}

function uplinkObject({ name, device, ...rest }: UplinkModel): ConfigObject {
  return object('uplink', null, name, { ...device, ...rest });
}

function tenantObjects({ name, bridge, router, acls, openflow, quota, share, servers }: TenantModel): ConfigObject[] {
  const { ports, staticMacs, ...settings } = bridge;
  const { meters, groups, flows, queues, ...datapath } = openflow;
  const list = (kind: string, texts: readonly string[]) => numbered(texts.map((text) => object(kind, name, text, {})));
  return [
    object('tenant', name, '', {}),
    object('bridge', name, '', settings),
    ...ports.map((port) => portObject(name, port)),
    ...staticMacs.map(({ mac, vlan, port }) => object('mac', name, `${mac} vlan ${vlan}`, { port })),
    ...(router === null ? [] : routerObjects(name, router)),
    ...acls.flatMap((acl) => aclObjects(name, acl)),
    object('openflow', name, '', datapath),
    ...list('meter', meters),
    ...list('group', groups),
    ...list('flow', flows),
    ...queues.map(({ port, id, rate }) => object('queue', name, `${port} ${id}`, { rate })),
    object('quota', name, '', quota),
    object('share', name, '', share),
    ...servers.map(({ name: server, ...rest }) => object('server', name, server, rest)),
  ];
}

function portObject(tenant: string, { name, ...rest }: PortModel): ConfigObject {
  return object('port', tenant, name, rest);
}

function routerObjects(tenant: string, { interfaces, routes, neighbors, ...rest }: RouterModel): ConfigObject[] {
  return [
    object('router', tenant, '', rest),
    ...interfaces.map(({ name, ...iface }) => object('interface', tenant, name, iface)),
    ...numbered(
      routes.map(({ to, action, hops }) => object('route', tenant, to.text, { action, via: hops.map(hopText) })),
    ),
    ...neighbors.map(({ address, mac, interface: iface }) =>
      object('neighbor', tenant, `${address.text} dev ${iface}`, { mac }),
    ),
  ];
}

function hopText(hop: RouterModel['routes'][number]['hops'][number]): string {
  const weight = hop.weight === 1 ? '' : ` weight ${hop.weight}`;
  return `${hop.address?.text ?? ''} dev ${hop.interface}${weight}`.trim();
}

function aclObjects(tenant: string, { name, rules, ...rest }: AclModel): ConfigObject[] {
  return [
    object('acl', tenant, name, rest),
    ...numbered(rules.map(({ text }) => object('rule', tenant, `${name}: ${text}`, {}))),
  ];
}

/** Tells objects of one name apart by how many came before. */
function numbered(objects: readonly ConfigObject[]): ConfigObject[] {
  const seen = new Map<string, number>();
  return objects.map((one) => {
    const count = (seen.get(one.name) ?? 0) + 1;
    seen.set(one.name, count);
    return count === 1 ? one : { ...one, name: `${one.name} (${count})` };
  });
}

function object(kind: string, tenant: string | null, name: string, values: object): ConfigObject {
  const fields = Object.entries(values).map(([field, value]) => [snake(field), textOf(value)]);
  return { kind, tenant, name, fields: Object.fromEntries(fields) as Record<string, string> };
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A value of a model in a few words, the same for the same value only. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : (ranges(value) ?? value.map(textOf).join(', '));
  // Addresses and prefixes.
  if ('text' in value && typeof value.text === 'string') return value.text;
  return Object.entries(value)
    .map(([key, part]) => `${snake(key)} ${textOf(part)}`)
    .join(' ');
}

/** Ascending whole numbers: 1-4094, 10, 20. */
function ranges(values: readonly unknown[]): string | null {
  if (!values.every((value) => typeof value === 'number' && Number.isInteger(value))) return null;
  const numbers = values as readonly number[];
  const parts: string[] = [];
  for (let from = 0; from < numbers.length; ) {
    let to = from;
    while (numbers[to + 1] === numbers[to] + 1) to++;
    parts.push(to > from ? `${numbers[from]}-${numbers[to]}` : String(numbers[from]));
    from = to + 1;
  }
  return parts.join(', ');
}
