import { call } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import { table } from './table.ts';

export async function show(
  what: string,
  tenant: string | undefined,
  options: { socket: string; limit?: number; json?: true },
): Promise<void> {
  const rows = (await call(options.socket, 'show', {
    what,
    ...(tenant === undefined ? {} : { tenant }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  })) as readonly Row[];
  process.stdout.write(options.json ? `${JSON.stringify(rows)}\n` : table(rows));
}
