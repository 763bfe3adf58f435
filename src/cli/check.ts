import { loadConfig } from '../control/config/load.ts';

/** Reads and checks a configuration; all errors come at once, as one UserError. */
export async function check(file: string, options: { json?: true }): Promise<void> {
  const model = await loadConfig(file);
  const ports = model.tenants.reduce((sum, tenant) => sum + tenant.bridge.ports.length, 0);
  if (options.json) process.stdout.write(`${JSON.stringify({ ok: true, tenants: model.tenants.length, ports })}\n`);
  else process.stdout.write(`${file}: fine: ${model.tenants.length} tenants, ${ports} ports\n`);
}
