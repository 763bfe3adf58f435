/**
 * Controllers that die: Open vSwitch's learning controller and the learning app of os-ken are killed and started again, 20 times in each
 * fail mode, under a paced stream of numbered datagrams and pings of all pairs of eight namespaces. As root:
 *
 *   sh bin/node-pinned test/acceptance/controllers.ts [--rounds N] [--hosts N] [--pps N] [--controller ovs|learning] [--fail standalone|secure]
 *
 * Exit code 1 if a known flow lost a frame while no controller was there, standalone let a new flow down or secure let one pass, or a ping was lost
 * after the controller had come back.
 */
import { parseArgs } from 'node:util';
import { faultsOf, measureRestarts, type Round } from '../support/restarts.ts';
import { sweep } from '../support/switch-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    hosts: { type: 'string', default: '8' },
    pps: { type: 'string', default: '500' },
    controller: { type: 'string' },
    fail: { type: 'string' },
  },
});

/** Median and largest. */
function spread(rounds: readonly Round[], of: (round: Round) => number): string {
  const sorted = rounds.map(of).sort((a, b) => a - b);
  return `${Math.round(sorted[sorted.length >> 1] ?? 0)} (${Math.round(sorted.at(-1) ?? 0)})`;
}

sweep();
for (const controller of ['ovs', 'learning'] as const)
  for (const failMode of ['standalone', 'secure'] as const) {
    if ((values.controller ?? controller) !== controller || (values.fail ?? failMode) !== failMode) continue;
    const { rounds: count, hosts, pps } = values;
    const result = await measureRestarts({
      ...{ controller, failMode },
      ...{ rounds: Number(count), hosts: Number(hosts), pps: Number(pps) },
    });
    const { rounds, sent, lost, overtaken } = result;
    console.log(
      `${controller} ${failMode}: ${rounds.length} restarts, ${sent} sent, ${lost} lost, ${overtaken} overtaken; a restart, median (most): ` +
        `lost without a controller ${spread(rounds, ({ lostAway }) => lostAway)}, ` +
        `lost when it comes back ${spread(rounds, ({ lostAround }) => lostAround)}, ` +
        `loss noticed after ${spread(rounds, ({ noticedMs }) => noticedMs)} ms, ` +
        `connected ${spread(rounds, ({ connectedMs }) => connectedMs)} ms after its start, ` +
        `new flows pass ${spread(rounds, ({ readyMs }) => readyMs)} ms after it`,
    );
    const faults = faultsOf(result, failMode);
    console.log(faults.length === 0 ? 'ok' : `FAILED: ${faults.join('; ')}`);
    if (faults.length > 0) process.exitCode = 1;
  }
