/**
 * «Change a rule, barrier, send»: no frame sees the old rule (test/support/barriers.ts).
 *
 *   sh bin/node-pinned test/acceptance/barrier.ts [--times 10000]
 */
import { parseArgs } from 'node:util';
import { changeRules } from '../support/barriers.ts';

const { values } = parseArgs({ options: { times: { type: 'string', default: '10000' } } });
const began = performance.now();
const times = await changeRules(Number(values.times));
const seconds = (performance.now() - began) / 1000;
console.log(`${times} changes, none seen late; ${seconds.toFixed(1)} s`);
