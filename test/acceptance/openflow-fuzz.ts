/**
 * 1,000,000 random messages to an OpenFlow channel, beside the short form in test/fuzz/openflow.test.ts:
 *   sh bin/node-pinned test/acceptance/openflow-fuzz.ts [MESSAGES] [SEED]
 * Prints errors answered, connections used and memory; exit code 1 when anything of ours was thrown or memory grew.
 */
import { fuzzMessages } from '../fuzz/openflow.ts';
import { Random } from '../fuzz/random.ts';

const [messages = '1000000', seed = String(Date.now() % 1e9)] = process.argv.slice(2);
const PART = 100_000;
const GROWTH_MB = 150;
const random = new Random(Number(seed));
const memory = () => {
  globalThis.gc?.();
  return Math.round(process.memoryUsage().rss / 1e6);
};
console.log(`seed ${seed}`);
let first = 0;
let faults = 0;
for (let done = 0; done < Number(messages); done += PART) {
  const result = await fuzzMessages(random, Math.min(PART, Number(messages) - done));
  const now = memory();
  first ||= now;
  faults += result.faults.length;
  for (const fault of result.faults.slice(0, 3)) console.log(fault);
  console.log(
    `${done + result.messages} messages, ${result.errors} refused, ${result.connections} connections, ${now} MB`,
  );
  if (now > first + GROWTH_MB) faults++;
}
console.log(faults === 0 ? 'ok' : 'FAILED');
process.exitCode = faults === 0 ? 0 : 1;
