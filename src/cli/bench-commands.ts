import type { Command } from 'commander';
import type { LatencyOptions } from '../bench/latency.ts';
import type { NoisyCommandOptions } from './bench-noisy.ts';
import type { PathCommandOptions } from './bench-path.ts';
import type { TableOptions } from './bench-tables.ts';
import { positive } from './positive.ts';

/** `tapyard bench …` */
export function addBenchCommands(program: Command): void {
  const bench = program
    .command('bench')
    .description('measure; every figure comes with what it was checked against')
    .addHelpText('after', '\nExample:\n  tapyard bench path --config bench.yaml --pcap flows.pcap --in a --json');
  bench
    .command('path')
    .description('the path of a configuration in memory: frames of a capture, over and over, into one port')
    .requiredOption('--config <file>', 'configuration whose ports are of kind {memory: true}')
    .requiredOption('--pcap <file>', 'frames to send')
    .requiredOption('--in <port>', 'the port that receives them: PORT or TENANT/PORT')
    .option('--seconds <n>', 'how long to measure', positive, 5)
    .option('--workers <n>', 'more than one: beside as many processes of one worker each, by turns', positive)
    .option('--rounds <n>', 'with --workers: fresh processes of each side, by turns', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText(
      'after',
      `
Examples:
  tapyard bench path --config bench.yaml --pcap flows.pcap --in web1 --json
  tapyard bench path --config bench.yaml --pcap flows.pcap --in web1 --workers 2 --rounds 9`,
    )
    .action(async (options: PathCommandOptions) => (await import('./bench-path.ts')).benchPathCommand(options));

  bench
    .command('latency')
    .description('how late frames leave, in memory, that come by the clock at a share of what the path can do')
    .requiredOption('--config <file>', 'configuration whose ports are of kind {memory: true}')
    .requiredOption('--pcap <file>', 'frames to send')
    .requiredOption('--in <port>', 'the port that receives them: PORT or TENANT/PORT')
    .option('--load <percent>', 'of what the path can do with those', positive, 50)
    .option('--seconds <n>', 'of each round', positive, 60)
    .option('--rounds <n>', 'fresh processes, by turns with a loop in C that only reads the clock', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText(
      'after',
      '\nExample:\n  tapyard bench latency --config bench.yaml --pcap flows.pcap --in web1 --seconds 60 --json',
    )
    .action(async (options: LatencyOptions & { json?: true }) =>
      (await import('./bench-latency.ts')).benchLatencyCommand(options),
    );
  bench
    .command('lpm')
    .description(
      'longest-prefix match of a whole table, beside a DIR-24-8 program in C; all its routes changed while a switch forwards',
    )
    .requiredOption(
      '--prefixes <file>',
      'prefixes, a line each, perhaps gzipped; - for synthetic ones of the size of the Internet',
    )
    .option('--rounds <n>', 'fresh processes of each side, by turns', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText('after', '\nExample:\n  tapyard bench lpm --prefixes prefixes.txt.gz --rounds 9')
    .action(async (options: TableOptions & { prefixes: string }) =>
      (await import('./bench-tables.ts')).benchLpmCommand(options),
    );
  bench
    .command('acl')
    .description('rules of five fields without a flow cache, beside linear and tuple-space search in C')
    .requiredOption('--rules <file>', 'ClassBench filter set, perhaps gzipped')
    .option('--rounds <n>', 'fresh processes of each side, by turns', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText('after', '\nExample:\n  tapyard bench acl --rules fw1_10k.gz --json')
    .action(async (options: TableOptions & { rules: string }) =>
      (await import('./bench-tables.ts')).benchAclCommand(options),
    );
  bench
    .command('rules')
    .description('changes and look-ups of OpenFlow rules, without a flow cache')
    .requiredOption('--rules <file>', 'flows, a line each, as ovs-ofctl add-flows reads them')
    .option('--rounds <n>', 'fresh processes', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText('after', '\nExample:\n  tapyard bench rules --rules flows.txt --json')
    .action(async (options: TableOptions & { rules: string }) =>
      (await import('./bench-tables.ts')).benchRulesCommand(options),
    );
  bench
    .command('tap')
    .description(
      'TAP to TAP between two namespaces: packets/s, TCP and round trips, side by side with what else is installed',
    )
    .option('--peers <names>', 'of ovs, ovs-tso, ovs-dpdk, bridge, c', 'ovs,ovs-tso,bridge,c')
    .option('--rounds <n>', 'in each all switches, which are up throughout, take turns', positive, 3)
    .option('--seconds <n>', 'of each flood and stream', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText('after', '\nNeeds root.\n\nExample:\n  tapyard bench tap --peers ovs,c --rounds 9 --json')
    .action(async ({ peers, ...options }: { peers: string; rounds: number; seconds: number; json?: true }) => {
      const { benchTapCommand, peersOf } = await import('./bench-tap.ts');
      const { FORWARDERS } = await import('../bench/rig/forwarders.ts');
      await benchTapCommand({ ...options, peers: peersOf(peers, FORWARDERS) });
    });
  bench
    .command('rfc2544')
    .description('throughput, latency, loss rate, back-to-back frames and reset as RFC 2544 has them, TAP to TAP')
    .option('--forwarder <name>', 'which switch: tapyard, or a peer of bench tap', 'tapyard')
    .option('--sizes <list>', 'frame sizes with FCS, and imix; or all', 'all')
    .option('--seconds <n>', 'of a trial; RFC 2544 asks for 60, fewer are called abridged', positive, 5)
    .option('--flows <n>', 'flows that are sent', positive, 1)
    .option('--json', 'as JSON; sizes as they come on standard error')
    .addHelpText('after', '\nNeeds root.\n\nExample:\n  tapyard bench rfc2544 --sizes 64,1518,imix --seconds 60')
    .action(
      async (options: { forwarder: string; sizes: string; seconds: number; flows: number; json?: true }) =>
        await (await import('./bench-tap.ts')).benchRfc2544Command(options),
    );
  bench
    .command('noisy')
    .description('a tenant at half of its fair share beside a neighbour who attacks the switch')
    .option('--tap', 'between namespaces through TAPs, beside Open vSwitch; without it in memory')
    .option('--peers <names>', 'with --tap: of tapyard, ovs', 'tapyard,ovs')
    .option('--attacks <names>', 'names of attacks, or all; a name that there is not lists them', 'all')
    .option('--rounds <n>', 'each starts the switch anew for every attack', positive, 3)
    .option('--seconds <n>', 'of each attack, and of the time before it', positive, 3)
    .option('--json', 'as JSON; rounds as they come on standard error')
    .addHelpText(
      'after',
      `
Needs root with --tap.

Examples:
  tapyard bench noisy --attacks flood,acl,churn --rounds 9
  tapyard bench noisy --tap --attacks flood,explosion`,
    )
    .action(
      async (options: NoisyCommandOptions) => await (await import('./bench-noisy.ts')).benchNoisyCommand(options),
    );
  bench
    .command('report')
    .description('one HTML file of results: plots, bars, the machine, every round; nothing is fetched from a network')
    .argument('<files...>', 'what bench commands printed with --json')
    .option('--out <file>', 'where to', 'report.html')
    .option('--json', 'what was written, as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  tapyard bench tap --json > tap.json; tapyard bench report tap.json --out report.html',
    )
    .action(async (files: string[], options: { out: string; json?: true }) =>
      (await import('./bench-report.ts')).benchReportCommand(files, options),
    );
}
