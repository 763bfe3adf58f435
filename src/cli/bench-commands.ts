import { type Command, InvalidArgumentError } from 'commander';
import type { TableOptions } from './bench-tables.ts';

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return number;
}

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
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tapyard bench path --config bench.yaml --pcap flows.pcap --in web1 --json')
    .action(async (options: { config: string; pcap: string; in: string; seconds: number; json?: true }) =>
      (await import('./bench-path.ts')).benchPathCommand(options),
    );

  bench
    .command('lpm')
    .description('longest-prefix match of a whole table, beside a DIR-24-8 program in C')
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
}
