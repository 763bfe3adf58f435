import type { Reporter } from '../diagnostics.ts';
import type { Path } from '../place.ts';
import type { Config } from '../schema.ts';
import { suggest } from '../suggest.ts';

/** Uplinks: tenants that exist, each on a VLAN of its own. */
export function checkUplinks(config: Config, reporter: Reporter): void {
  for (const [name, uplink] of Object.entries(config.uplinks)) {
    const vlans = new Map<number, Path>();
    for (const [tenant, { vlan, port }] of Object.entries(uplink.tenants)) {
      const path = ['uplinks', name, 'tenants', tenant];
      checkTenant(tenant, path, config, reporter);
      const first = vlans.get(vlan);
      if (first) {
        const message = `VLAN ${vlan} of '${name}' is already another tenant's`;
        const related = { message: 'first used', path: first };
        reporter.report('config-taken', [...path, 'vlan'], message, 'choose another outer VLAN', { related });
      } else vlans.set(vlan, [...path, 'vlan']);
      if (port.mtu !== undefined && port.mtu > (uplink.mtu ?? 1500)) {
        const message = `the sub-port's mtu is larger than the uplink's ${uplink.mtu ?? 1500}`;
        reporter.report(
          'config-conflict',
          [...path, 'port', 'mtu'],
          message,
          'make it smaller, or raise that of the uplink',
        );
      }
    }
  }
}

/** Reports a tenant that is named at the key of `path` and does not exist. */
export function checkTenant(tenant: string, path: Path, config: Config, reporter: Reporter): boolean {
  if (Object.hasOwn(config.tenants, tenant)) return true;
  if (reporter.intact('tenants', tenant)) {
    const names = Object.keys(config.tenants);
    const meant = suggest(tenant, names);
    const cure = meant === null ? `tenants are: ${names.join(', ')}` : `did you mean '${meant}'?`;
    reporter.report('config-reference', path, `there is no tenant '${tenant}'`, cure, { part: 'key' });
  }
  return false;
}
