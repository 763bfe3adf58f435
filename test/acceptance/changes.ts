/**
 * 1,000 random changes of a switch on real TAPs under traffic: tenants, ports, uplinks, interfaces, routes, ACLs, quotas and shares come
 * and go; a flow that none of them names is paced by credit. As root:
 *
 *   sh bin/node-pinned test/acceptance/changes.ts [--changes N] [--io uring|poll]
 *
 * Exit code 1 if the flow lost a frame, or the switch shows anything else than a fresh start of the last configuration does.
 * TAPYARD_SEED chooses the changes.
 */
import { parseArgs } from 'node:util';
import { measureChanges } from '../support/changes.ts';

const { values } = parseArgs({
  options: { changes: { type: 'string', default: '1000' }, io: { type: 'string', default: 'uring' } },
});
const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
const own = (what: string) => `ch${process.pid.toString(36)}-${what}`;
console.log(`${values.changes} changes, seed ${seed}`);
const io = values.io === 'poll' ? 'poll' : 'uring';
const result = await measureChanges({ changes: Number(values.changes), seed, io, names: [own('a'), own('b')] });
console.log(JSON.stringify(result));
const fine = result.lost === 0 && result.sent > 0 && result.sent === result.acked && result.different.length === 0;
console.log(fine ? 'ok' : 'FAILED');
process.exitCode = fine ? 0 : 1;
