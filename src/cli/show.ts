import { call } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';
import { table } from './table.ts';

export async function show(
  what: string,
  tenant: string | undefined,
  options: { socket: string; limit?: number; code?: true; json?: true },
): Promise<void> {
  const rows = (await call(options.socket, 'show', {
    what,
    ...(tenant === undefined ? {} : { tenant }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.code === undefined ? {} : { code: true }),
  })) as readonly Row[];
  if (options.json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  // Code is no cell of a table.
  const texts = rows.flatMap(({ code }) => (typeof code === 'string' ? [code] : []));
  process.stdout.write(table(rows.map(({ code: _, ...row }) => row)));
  for (const text of texts) process.stdout.write(`\n${text}`);
}
