/**
 * kill -9 at 50 seeded failpoints of a switch that starts, is changed and ends. As root:
 *
 *   sh bin/node-pinned test/acceptance/kill.ts [--kills N]
 *
 * Exit code 1 if a joined device took longer than a second to work on its own again, the next start failed, something of ours was left, or
 * something of anybody else's is not as it was. TAPYARD_SEED chooses the places.
 */
import { parseArgs } from 'node:util';
import { measureKills } from '../support/kills.ts';
import { own, sweep } from '../support/switch-process.ts';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' } } });
const seed = Number(process.env['TAPYARD_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
sweep();
console.log(`${values.kills} kills, seed ${seed}`);
const result = await measureKills({ kills: Number(values.kills), seed, own });
console.log(JSON.stringify(result, null, 1));
const fine = result.wrong.length === 0;
console.log(fine ? 'ok' : 'FAILED');
process.exitCode = fine ? 0 : 1;
