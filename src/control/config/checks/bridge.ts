import type { Reporter } from '../diagnostics.ts';
import type { VlanSettings } from '../model.ts';
import type { Path } from '../place.ts';
import type { PortEntry } from '../ports.ts';
import type { TenantConfig } from '../schema.ts';
import { suggest } from '../suggest.ts';
import { carries, sharedVlan } from '../tagging.ts';

/** Ports of a tenant: names, VLAN keys, MAC and IP addresses that are unique where they are seen. */
export function checkBridge(name: string, tenant: TenantConfig, ports: readonly PortEntry[], reporter: Reporter): void {
  const names = new Map<string, PortEntry>();
  for (const port of ports) {
    const first = names.get(port.name);
    if (first) {
      const message = `tenant '${name}' already has a port '${port.name}'`;
      const related = { message: 'first used', path: first.namePath };
      reporter.report('config-taken', port.namePath, message, 'name the sub-port otherwise with as:', { related });
    } else names.set(port.name, port);
    checkVlanKeys(port, reporter);
    checkSecurity(port, reporter);
  }
  checkStaticMacs(name, tenant, names, reporter);
  checkUnique('MAC address', macsOf(name, tenant, ports), reporter);
  checkUnique('address', addressesOf(name, tenant, ports), reporter);
}

function checkVlanKeys({ keys, path }: PortEntry, reporter: Reporter): void {
  const [first, second] = (['vlan', 'trunk', 'tunnel'] as const).filter((key) => keys[key] !== undefined);
  if (second !== undefined) {
    const cure = 'keep one: vlan for an access port, trunk for a trunk, tunnel for QinQ';
    const message = `${first} and ${second} exclude each other`;
    reporter.report('config-conflict', [...path, second], message, cure, { part: 'key' });
  }
  if (keys.native !== undefined && keys.trunk === undefined) {
    const cure = 'add trunk: [VLANs], or write vlan: for an access port';
    reporter.report('config-conflict', [...path, 'native'], 'native goes with trunk', cure, { part: 'key' });
  }
}

function checkSecurity({ keys, path, name }: PortEntry, reporter: Reporter): void {
  if (keys.port_security !== true || keys.mac !== undefined) return;
  const cure = "add mac: '02:…' to the port, or write port_security: {macs: [...]}";
  const message = `'${name}' has no mac that it could be held to`;
  reporter.report('config-conflict', [...path, 'port_security'], message, cure);
}

/** Reports a port that does not exist. */
export function checkPort(
  port: string,
  path: Path,
  tenant: string,
  names: ReadonlyMap<string, unknown>,
  reporter: Reporter,
): boolean {
  if (names.has(port)) return true;
  if (reporter.intact('tenants', tenant, 'bridge', 'ports', port) && reporter.intact('uplinks')) {
    const meant = suggest(port, [...names.keys()]);
    const cure = meant === null ? `ports are: ${[...names.keys()].join(', ') || 'none'}` : `did you mean '${meant}'?`;
    reporter.report('config-reference', path, `tenant '${tenant}' has no port '${port}'`, cure);
  }
  return false;
}

function checkStaticMacs(name: string, tenant: TenantConfig, names: Map<string, PortEntry>, reporter: Reporter): void {
  for (const [index, { port, vlan }] of tenant.bridge.static_macs.entries()) {
    const path = ['tenants', name, 'bridge', 'static_macs', index];
    if (!checkPort(port, [...path, 'port'], name, names, reporter)) continue;
    if (carries(names.get(port)!.vlan, vlan)) continue;
    const message = `port '${port}' does not carry VLAN ${vlan}`;
    reporter.report('config-conflict', [...path, 'vlan'], message, "choose one of the port's VLANs");
  }
}

/** An address that only one station may have wherever `vlan` goes. `holder`: the same holder may have it twice. */
interface Claim {
  readonly value: string;
  readonly holder: string;
  readonly vlan: VlanSettings;
  readonly path: Path;
}

function checkUnique(what: string, claims: readonly Claim[], reporter: Reporter): void {
  const byValue = Map.groupBy(claims, ({ value }) => value);
  for (const same of byValue.values()) {
    for (const [index, claim] of same.entries()) {
      const first = same
        .slice(0, index)
        .find((other) => other.holder !== claim.holder && sharedVlan(other.vlan, claim.vlan));
      if (!first) continue;
      const message = `${what} ${claim.value} is already that of ${first.holder} in VLAN ${sharedVlan(first.vlan, claim.vlan)}`;
      const related = { message: 'first used', path: first.path };
      reporter.report('config-taken', claim.path, message, 'choose another', { related });
    }
  }
}

function macsOf(name: string, tenant: TenantConfig, ports: readonly PortEntry[]): Claim[] {
  const path = ['tenants', name];
  const claims: Claim[] = [];
  for (const port of ports) {
    const { mac } = port.keys;
    if (mac) claims.push({ value: mac, holder: `port '${port.name}'`, vlan: port.vlan, path: [...port.path, 'mac'] });
  }
  for (const [index, { mac, vlan, port }] of tenant.bridge.static_macs.entries()) {
    const at = [...path, 'bridge', 'static_macs', index, 'mac'];
    claims.push({ value: mac, holder: `port '${port}'`, vlan: { mode: 'access', vlan }, path: at });
  }
  const mac = tenant.router?.mac;
  for (const { vlan } of mac ? Object.values(tenant.router!.interfaces) : []) {
    claims.push({
      value: mac!,
      holder: 'the router',
      vlan: { mode: 'access', vlan },
      path: [...path, 'router', 'mac'],
    });
  }
  return claims;
}

function addressesOf(name: string, tenant: TenantConfig, ports: readonly PortEntry[]): Claim[] {
  const claims: Claim[] = [];
  for (const [key, { vlan, addresses }] of Object.entries(tenant.router?.interfaces ?? {})) {
    const path = ['tenants', name, 'router', 'interfaces', key, 'addresses'];
    for (const [index, { address }] of addresses.entries()) {
      claims.push({
        value: address.text,
        holder: 'the router',
        vlan: { mode: 'access', vlan },
        path: [...path, index],
      });
    }
  }
  for (const { name: port, device, vlan, path } of ports) {
    const key = device?.addresses ? 'addresses' : 'address';
    for (const [index, { address }] of (device?.addresses ?? device?.address ?? []).entries()) {
      claims.push({ value: address.text, holder: `port '${port}'`, vlan, path: [...path, key, index] });
    }
  }
  return claims;
}
