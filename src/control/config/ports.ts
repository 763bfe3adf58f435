import type { VlanSettings } from './model.ts';
import type { Path } from './place.ts';
import type { PortConfig, UplinkConfig } from './schema/port.ts';
import type { Config } from './schema.ts';
import { vlanSettings } from './tagging.ts';

/** The keys that say how a tenant's bridge takes a port, be it a device of its own or a sub-port. */
export type PortKeys = UplinkConfig['tenants'][string]['port'];

/** A port of a tenant as the file has it. Of two entries with one name, checks refuse the second. */
export interface PortEntry {
  readonly name: string;
  /** Of the port's keys. */
  readonly path: Path;
  /** Of what gives the port its name. */
  readonly namePath: Path;
  readonly keys: PortKeys;
  readonly vlan: VlanSettings;
  /** null: a sub-port. */
  readonly device: PortConfig | null;
  readonly uplink: { readonly name: string; readonly outerVlan: number; readonly keys: UplinkConfig } | null;
}

/** All ports of a tenant: its own in the order of the file, then its sub-ports of uplinks. */
export function portsOf(config: Config, tenant: string): PortEntry[] {
  const own = Object.entries(config.tenants[tenant]!.bridge.ports).map(([name, device]): PortEntry => {
    const path = ['tenants', tenant, 'bridge', 'ports', name];
    return { name, path, namePath: path, keys: device, vlan: vlanSettings(device), device, uplink: null };
  });
  const shared = Object.entries(config.uplinks).flatMap(([uplink, keys]): PortEntry[] => {
    if (!Object.hasOwn(keys.tenants, tenant)) return [];
    const part = keys.tenants[tenant]!;
    const above = ['uplinks', uplink, 'tenants', tenant];
    return [
      {
        name: part.as ?? uplink,
        path: [...above, 'port'],
        namePath: part.as === undefined ? above : [...above, 'as'],
        keys: part.port,
        vlan: vlanSettings(part.port),
        device: null,
        uplink: { name: uplink, outerVlan: part.vlan, keys },
      },
    ];
  });
  return [...own, ...shared];
}
