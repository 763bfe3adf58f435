/**
 * What `tapyard trace` says is what happens: random frames in random configurations (bridge, VLANs, router, ACLs, OpenFlow rules, quotas,
 * shares, uplinks), of each of which it is asked first and sent then.
 *
 *   sh bin/node-pinned test/acceptance/trace-agrees.ts [--frames 10000] [--each 40] [--seed N]
 *
 * `--each`: frames a configuration. Exits 1 at the first that goes another way, by other bytes or another drop reason than was said.
 */
import { parseArgs } from 'node:util';
import { Agreement } from '../fuzz/agreement.ts';
import { seedOfRun } from '../fuzz/random.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '10000' },
    each: { type: 'string', default: '40' },
    seed: { type: 'string' },
  },
});
const frames = Number(values.frames);
const seed = Number(values.seed ?? seedOfRun());
console.log(`seed ${seed}, ${frames} frames (--seed ${seed} repeats this run)`);
const agreement = new Agreement(seed);
try {
  while (agreement.frames < frames) {
    await agreement.next();
    for (let k = 0; k < Number(values.each) && agreement.frames < frames; k++) agreement.step();
  }
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(1);
}
for (const [reason, count] of [...agreement.reasons].sort(([, a], [, b]) => b - a))
  console.log(`  ${reason.padEnd(18)} ${count}`);
console.log(
  `${agreement.frames} frames in ${agreement.worlds} configurations went as was said: ${agreement.left} left, ` +
    `${agreement.slow} to the slow path, ${agreement.reasons.size} reasons to drop; ` +
    `${agreement.unseen} were too many for the slow path, or to wait for a neighbour, which only the worker knows`,
);
