import type { Reporter } from '../diagnostics.ts';
import type { TenantConfig } from '../schema.ts';

/** A configuration must fit the tenant's own quota. Routes of a file are counted when it is read. */
export function checkQuota(name: string, tenant: TenantConfig, reporter: Reporter): void {
  const { quota, router, bridge, acls, openflow } = tenant;
  const interfaces = Object.values(router?.interfaces ?? {});
  const connected = interfaces.reduce((sum, { addresses }) => sum + addresses.length, 0);
  const rules = Object.values(acls).reduce((sum, acl) => sum + acl.rules.length, 0);
  const uses = [
    ['macs', bridge.static_macs.length, 'static MAC addresses'],
    ['neighbors', router?.neighbors.length ?? 0, 'static neighbours'],
    ['routes', (router?.routes.length ?? 0) + connected, 'routes, connected ones included'],
    ['acl_rules', rules, 'ACL rules'],
    ['rules', openflow.flows.length, 'OpenFlow rules'],
  ] as const;
  for (const [key, used, what] of uses) {
    if (used <= quota[key]) continue;
    const message = `the quota is ${quota[key]}, but the file has ${used} ${what}`;
    reporter.report('config-quota', ['tenants', name, 'quota', key], message, `raise it to ${used} at least`);
  }
}
