import * as z from 'zod';
import { acl, aclName } from './schema/acl.ts';
import { bridge } from './schema/bridge.ts';
import { type LeafMeta, whole } from './schema/leaf.ts';
import { quota, share } from './schema/limits.ts';
import { endpoint, name } from './schema/net.ts';
import { openflow } from './schema/openflow.ts';
import { portName, uplink } from './schema/port.ts';
import { router } from './schema/router.ts';
import { server, serverName } from './schema/server.ts';

/**
 * The closed schema of a configuration file: a section a file in schema/. It says what each key is: description, unit, range,
 * default and the reason for them, all of which `configJsonSchema` shows. What keys must be together is in checks/.
 */
const tenant = z
  .strictObject({
    bridge: bridge.prefault({}),
    router: router.optional(),
    openflow: openflow.prefault({}),
    acls: z.record(aclName, acl).prefault({}).describe('Access control lists by name'),
    servers: z
      .record(serverName, server)
      .prefault({})
      .describe('Virtual machines and namespaces that tapyard lab starts'),
    quota: quota.prefault({}),
    share: share.prefault({}),
  })
  .describe('An isolated network');

export const configSchema = z
  .strictObject({
    version: z.literal(1, { error: 'write version: 1' }).describe('Version of this schema'),
    tenants: z.record(name('tenant', 32), tenant).describe('Tenants by name'),
    uplinks: z.record(portName, uplink).prefault({}).describe('Devices that tenants share'),
    metrics: endpoint('Where to serve metrics for Prometheus over HTTP').optional(),
    workers: whole('Threads that forward', { min: 1, max: 16, reason: 'a port has a queue a worker' }).prefault(1),
  })
  .describe('Configuration of a Tapyard switch');

/** What the schema makes of a file: defaults filled in, addresses and quantities read. Key names are still the file's. */
export type Config = z.output<typeof configSchema>;
/** What one writes: the keys of a file. */
export type ConfigInput = z.input<typeof configSchema>;
export type TenantConfig = Config['tenants'][string];

/** The schema of what one writes, as JSON Schema (draft 2020-12): for editors, and for `tapyard config-schema`. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    // zod leaves out examples and defaults of what is transformed, since they may be of the output; ours are of the input.
    override: ({ zodSchema, jsonSchema }) => {
      const { examples, default: standard } = (z.globalRegistry.get(zodSchema) ?? {}) as Partial<LeafMeta>;
      if (examples !== undefined) jsonSchema['examples'] = [...examples];
      if (standard !== undefined) jsonSchema['default'] = standard;
    },
  });
  return { title: 'Tapyard configuration', ...schema };
}
