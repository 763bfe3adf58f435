import { loadConfig } from '../control/config/load.ts';
import { UserError } from '../errors.ts';

/** A configuration whose ports are memory ports, and the one of them that receives. */
export interface MemoryPorts {
  readonly model: Awaited<ReturnType<typeof loadConfig>>;
  /** `tenant/port` of all. */
  readonly names: readonly string[];
  readonly chosen: string;
}

/** @param port `port` or `tenant/port` @throws UserError */
export async function memoryPorts(config: string, port: string): Promise<MemoryPorts> {
  const model = await loadConfig(config);
  const all = model.tenants.flatMap(({ name, bridge }) =>
    bridge.ports.map((one) => ({ name: `${name}/${one.name}`, short: one.name, kind: one.kind })),
  );
  const real = all.find(({ kind }) => kind !== 'memory');
  if (real !== undefined)
    throw new UserError('usage', `${real.name} is a ${real.kind}`, 'this benchmark wants ports of kind {memory: true}');
  const chosen = all.filter(({ name, short }) => name === port || short === port);
  if (chosen.length !== 1) {
    const text = chosen.length === 0 ? `there is no port ${port}` : `several tenants have a port ${port}`;
    throw new UserError('usage', text, `name one of ${all.map(({ name }) => name).join(', ')}`);
  }
  return { model, names: all.map(({ name }) => name), chosen: chosen[0].name };
}
