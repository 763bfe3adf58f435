/**
 * `ovs-ofctl add-flows` of many rules, a barrier behind each as it does it, beside Open vSwitch's userspace datapath by turns in one run; then
 * while a flow runs, which may lose nothing. As root:
 *
 *   sh bin/node-pinned test/acceptance/add-flows.ts [--rules 100000] [--sets FILE,…] [--rounds 3] [--workers 1] [--pps 2000] [--bundle] [--alone]
 *
 * `--sets` are ClassBench filter sets, a table of its own each; without them rules like those are made. Prints milliseconds of each
 * round and megabytes; exit code 1 if a rule is missing, the flow lost a datagram, or the median is over Open vSwitch's.
 */
import { parseArgs } from 'node:util';
import { readClassBench } from '../../src/bench/classbench.ts';
import { median } from '../../src/bench/statistics.ts';
import { measureAddFlows } from '../support/add-flows.ts';
import { likeFilters, manyFlows } from '../support/many-flows.ts';
import { sweep } from '../support/switch-process.ts';

const { values } = parseArgs({
  options: {
    rules: { type: 'string', default: '100000' },
    sets: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    workers: { type: 'string', default: '1' },
    pps: { type: 'string', default: '2000' },
    bundle: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
  },
});

sweep();
const count = Number(values.rules);
const sets = values.sets?.split(',').map(readClassBench) ?? [likeFilters(count)];
const { ours, theirs, runningMs, sent, lost, overtaken, drops, memory, counts } = await measureAddFlows({
  ...{ flows: manyFlows(sets, count), workers: Number(values.workers), rounds: Number(values.rounds) },
  ...{ ovs: !values.alone, words: values.bundle ? ['--bundle'] : [], pps: Number(values.pps) },
});
const rounded = (all: readonly number[]) => all.map((one) => Math.round(one)).join(', ');
console.log(`${count} rules: ${rounded(ours)} ms; Open vSwitch ${rounded(theirs) || 'not asked'} ms`);
console.log(
  `with a flow running: ${Math.round(runningMs)} ms; ${sent} sent, ${lost} lost, ${overtaken} overtaken; dropped ${JSON.stringify(drops)}`,
);
console.log(`memory: ${memory[0]} MB without rules, ${memory[1]} MB with them, ${memory[2]} MB at the end`);
const faults = [
  ...(counts.every((one) => one === count) ? [] : [`${counts.join(', ')} rules were there`]),
  ...(lost === 0 ? [] : [`${lost} of ${sent} lost`]),
  ...(theirs.length === 0 || median(ours) <= median(theirs) ? [] : ['slower than Open vSwitch']),
];
console.log(faults.length === 0 ? 'ok' : `FAILED: ${faults.join('; ')}`);
if (faults.length > 0) process.exitCode = 1;
