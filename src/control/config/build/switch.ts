import { dirname, resolve } from 'node:path';
import type { QuotaModel, ShareModel, SwitchModel, TenantModel, UplinkModel } from '../model.ts';
import { placed, type Source } from '../place.ts';
import { portsOf } from '../ports.ts';
import { standardMtu, type UplinkConfig } from '../schema/port.ts';
import type { Config, TenantConfig } from '../schema.ts';
import { buildAcl } from './acl.ts';
import { buildOpenflow } from './openflow.ts';
import { buildDevice, buildPort } from './port.ts';
import { buildRouter } from './router.ts';
import { buildServer } from './server.ts';

/** Makes the model of a configuration that passed all checks. */
export function buildModel(config: Config, source: Source): SwitchModel {
  const file = resolve(source.file);
  const tenants = Object.keys(config.tenants).map((name) => buildTenant(name, config, source, dirname(file)));
  const uplinks = Object.entries(config.uplinks).map(([name, keys]) => buildUplink(name, keys, source, dirname(file)));
  return deepFreeze({ file, workers: config.workers, metrics: config.metrics ?? null, tenants, uplinks });
}

function buildTenant(name: string, config: Config, source: Source, folder: string): TenantModel {
  const tenant = config.tenants[name]!;
  const path = ['tenants', name];
  const { bridge, router, acls } = tenant;
  const staticMacs = bridge.static_macs.map((entry, index) =>
    placed({ ...entry }, source.place([...path, 'bridge', 'static_macs', index])),
  );
  const ports = portsOf(config, name).map((entry) => buildPort(entry, bridge.storm_control, source, folder));
  const model = {
    name,
    bridge: {
      macAgeSeconds: bridge.mac_age,
      macMoveLimit: bridge.mac_move_limit,
      staticMacs,
      forwardReserved: [...new Set(bridge.forward_reserved)],
      ports,
    },
    router: router ? buildRouter(name, router, ports, source, folder) : null,
    acls: Object.entries(acls).map(([acl, keys]) => buildAcl(acl, keys, [...path, 'acls', acl], source)),
    openflow: buildOpenflow(name, tenant.openflow, folder),
    servers: Object.entries(tenant.servers).map(([server, keys]) =>
      buildServer(name, server, keys, ports, source, folder),
    ),
    quota: buildQuota(tenant.quota),
    share: buildShare(tenant.share),
  };
  return placed(model, source.place(path, 'key'));
}

function buildQuota(quota: TenantConfig['quota']): QuotaModel {
  const { acl_rules: aclRules, pps = null, rate = null, ...counts } = quota;
  return { ...counts, aclRules, pps, rate };
}

function buildShare(share: TenantConfig['share']): ShareModel {
  const listed = (side: TenantConfig['share']['import']) =>
    Object.entries(side).map(([tenant, prefixes]) => ({ tenant, prefixes }));
  return { exports: listed(share.export), imports: listed(share.import) };
}

function buildUplink(name: string, keys: UplinkConfig, source: Source, folder: string): UplinkModel {
  const path = ['uplinks', name];
  const tenants = Object.entries(keys.tenants).map(([tenant, { vlan, as }]) =>
    placed({ tenant, vlan, port: as ?? name }, source.place([...path, 'tenants', tenant], 'key')),
  );
  const model = {
    name,
    device: buildDevice(name, keys, folder),
    mtu: keys.mtu ?? standardMtu,
    ethertype: keys.ethertype === '802.1ad' ? (0x88a8 as const) : (0x8100 as const),
    tenants,
  };
  return placed(model, source.place(path, 'key'));
}

function deepFreeze<T extends object>(object: T): T {
  if (Object.isFrozen(object)) return object;
  for (const value of Object.values(Object.freeze(object))) {
    if (typeof value === 'object' && value !== null) deepFreeze(value);
  }
  return object;
}
