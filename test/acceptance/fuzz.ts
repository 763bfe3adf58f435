/**
 * Random, mutated and lying frames through every stage of a whole switch with four tenants, watched after every batch: nothing
 * throws, books balance, slots come back, no byte leaves by another tenant's port or from outside its frame, what was sound leaves
 * sound, no frame is longer than its port's MTU.
 *
 *   sh bin/node-pinned test/acceptance/fuzz.ts [--frames 2000000] [--seed N]
 *
 * The full form is --frames 20000000. Exits 1 at the first violation and prints what is needed to see it again: the seed, and the
 * shortest sequence of frames that shows it in a fresh switch, in the form of test/fuzz/corpus.
 */
import { parseArgs } from 'node:util';
import { Fuzz } from '../fuzz/fuzz.ts';
import { seedOfRun } from '../fuzz/random.ts';
import { shortest } from '../fuzz/shortest.ts';

const { values } = parseArgs({ options: { frames: { type: 'string', default: '2000000' }, seed: { type: 'string' } } });
const frames = Number(values.frames);
const seed = Number(values.seed ?? seedOfRun());
console.log(`seed ${seed}, ${frames} frames (--seed ${seed} repeats this run)`);
const fuzz = await Fuzz.create(seed);
const began = performance.now();
let batches = 0;
try {
  while (fuzz.sent < frames) {
    fuzz.step();
    batches++;
  }
  fuzz.rest();
} catch (error) {
  console.error(`batch ${batches}, after ${fuzz.sent} frames: ${error instanceof Error ? error.stack : error}`);
  const found = await shortest(fuzz.batch());
  console.error(
    found === null ? 'A fresh switch does not show it: it needs the frames before.' : `Shown by:\n${found}`,
  );
  process.exit(1);
}
const seconds = (performance.now() - began) / 1000;
for (const [reason, count] of fuzz.drops()) console.log(`  ${reason.padEnd(18)} ${count}`);
console.log(
  `${fuzz.sent} frames in ${batches} batches, ${fuzz.refused} found their port full; ${fuzz.received} left, ` +
    `${fuzz.verified} of them with checksums verified; ${seconds.toFixed(1)} s, ${(fuzz.sent / seconds / 1000).toFixed(0)} k frames/s`,
);
