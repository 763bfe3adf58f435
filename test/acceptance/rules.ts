/**
 * Broken and lying frames through rules that change all the time (test/fuzz/rule-fuzz.ts): nothing throws, books balance, slots come
 * back, nothing reaches another tenant.
 *
 *   sh bin/node-pinned test/acceptance/rules.ts [--frames 1000000] [--seed N]
 *
 * The full form is --frames 10000000. Exits 1 at the first violation. That the same frames leave as by a slow twin is for
 * test/property/rules-twin.test.ts, whose full form is TAPYARD_RUNS=200000.
 */
import { parseArgs } from 'node:util';
import { seedOfRun } from '../fuzz/random.ts';
import { RuleFuzz } from '../fuzz/rule-fuzz.ts';

const { values } = parseArgs({ options: { frames: { type: 'string', default: '1000000' }, seed: { type: 'string' } } });
const frames = Number(values.frames);
const seed = Number(values.seed ?? seedOfRun());
console.log(`seed ${seed}, ${frames} frames (--seed ${seed} repeats this run)`);
const fuzz = await RuleFuzz.create(seed);
const began = performance.now();
while (fuzz.sent < frames) await fuzz.step();
const seconds = (performance.now() - began) / 1000;
for (const [reason, count] of Object.entries(fuzz.lab.drops('red'))) console.log(`  ${reason.padEnd(18)} ${count}`);
console.log(
  `${fuzz.sent} frames, ${fuzz.changes} changes; ${fuzz.received} left, ${fuzz.told} for controllers; ${seconds.toFixed(1)} s`,
);
