import type { Reporter } from '../diagnostics.ts';
import { portsOf } from '../ports.ts';
import type { Config } from '../schema.ts';
import { checkAcls } from './acls.ts';
import { checkBridge } from './bridge.ts';
import { checkDevices } from './devices.ts';
import { checkDatapathIds, checkListeners, checkOpenflow } from './openflow.ts';
import { checkQuota } from './quota.ts';
import { checkRouter } from './router.ts';
import { checkRoutes } from './routes.ts';
import { checkConsoles, checkServers } from './servers.ts';
import { checkShares } from './shares.ts';
import { checkUplinks } from './uplinks.ts';

/** What the checks may ask of the world outside the text. */
export interface World {
  /** Absolute path of the configuration file. */
  readonly file: string;
  exists(path: string): boolean;
}

/** What the schema cannot say: how the keys of a file go together. Reports everything that does not. */
export function checkConfig(config: Config, reporter: Reporter, world: World): void {
  checkDevices(config, reporter, world);
  checkUplinks(config, reporter);
  for (const [name, tenant] of Object.entries(config.tenants)) {
    const ports = portsOf(config, name);
    checkBridge(name, tenant, ports, reporter);
    if (tenant.router) {
      checkRouter(name, tenant.router, reporter, world);
      checkRoutes(name, tenant.router, reporter);
    }
    checkAcls(name, tenant, ports, reporter);
    checkOpenflow(name, tenant, ports, reporter, world);
    checkServers(name, tenant, ports, reporter, world);
    checkQuota(name, tenant, reporter);
  }
  checkDatapathIds(config, reporter);
  checkListeners(config, reporter, world);
  checkConsoles(config, reporter, world);
  checkShares(config, reporter);
}
