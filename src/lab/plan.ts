import { parseConfig } from '../control/config/load.ts';
import type { SwitchModel } from '../control/config/model.ts';
import { UserError } from '../errors.ts';

/** A host of the demo: a namespace with one TAP. */
export interface Host {
  readonly tenant: string;
  readonly name: string;
  readonly netns: string;
  readonly vlan: number;
  readonly mac: string;
  readonly address4: string;
  /** null: configured by router advertisements alone. */
  readonly address6: string | null;
}

/** Tenants of the demo. Their addresses and VLANs are the same; what differs is how the ACL refuses, and one address. */
export const TENANTS = ['red', 'blue'] as const;
export type TenantName = (typeof TENANTS)[number];
export const HOSTS = ['web1', 'web2', 'db1', 'db2'] as const;
export type HostName = (typeof HOSTS)[number];

/** Only blue's db2 has it. */
export const BLUE_ONLY = '10.0.20.99';
export const SERVICE_PORT = 80;
/** Red's ACL drops what web sends to this port of db, blue's refuses it with a TCP reset. */
export const BLOCKED_PORT = 22;

/** Names of the demo that runs as process `pid`; several may run at once. */
export function prefixOf(pid: number): string {
  return `ty${pid.toString(36)}`;
}

export function hostOf(tenant: TenantName, name: HostName, pid = process.pid): Host {
  const web = name.startsWith('web');
  const number = Number(name.at(-1));
  const vlan = web ? 10 : 20;
  return {
    tenant,
    name,
    netns: `${prefixOf(pid)}-${tenant}-${name}`,
    vlan,
    mac: `02:00:00:0${TENANTS.indexOf(tenant) + 1}:${vlan}:0${number}`,
    address4: `10.0.${vlan}.1${number}`,
    address6: name === 'web2' ? null : `fd00:${vlan}::1${number}`,
  };
}

function portLine(host: Host): string {
  const { vlan, address4, address6 } = host;
  const addresses = [`${address4}/24`];
  const gateways = [`10.0.${vlan}.1`];
  if (host.tenant === 'blue' && host.name === 'db2') addresses.push(`${BLUE_ONLY}/24`);
  if (address6 !== null) {
    addresses.push(`'${address6}/64'`);
    gateways.push(`'fd00:${vlan}::1'`);
  }
  const where = `tap: ${host.tenant}-${host.name}, netns: ${host.netns}, vlan: ${vlan}, mac: '${host.mac}'`;
  return `        ${host.name}: {${where}, addresses: [${addresses.join(', ')}], gateway: [${gateways.join(', ')}]}`;
}

function tenantText(tenant: TenantName, pid: number): string {
  const refuse = tenant === 'red' ? 'deny' : 'reject';
  return `  ${tenant}:
    bridge:
      ports:
${HOSTS.map((name) => portLine(hostOf(tenant, name, pid))).join('\n')}
    router:
      hostname: ${tenant}-gw
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64']}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64']}
    acls:
      web-in:
        rules:
          - {${refuse}: {proto: tcp, to: [10.0.20.0/24, 'fd00:20::/64'], dport: ${BLOCKED_PORT}}}
          - {allow: any}
        ingress: [${tenant === 'red' ? 'web1, web2' : '{interface: web}'}]`;
}

/** The demo's configuration as a user would write it. */
export function demoConfig(pid = process.pid): string {
  return `version: 1\ntenants:\n${TENANTS.map((tenant) => tenantText(tenant, pid)).join('\n')}\n`;
}

/** A configuration of the lab's own, through the same reader as a user's. @throws UserError with all that is wrong */
export function readModel(text: string, name: string): SwitchModel {
  const { model, diagnostics } = parseConfig(text, name);
  if (model) return model;
  throw new UserError('config-invalid', `The configuration of the ${name} has errors`, 'report this', { diagnostics });
}
