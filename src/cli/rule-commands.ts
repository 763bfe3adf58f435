import type { Command } from 'commander';
import type { ChangeCommand, RuleKind } from '../control/openflow/change.ts';
import type { ChangeOptions, RuleOptions } from './rules.ts';

interface Words {
  readonly kind: RuleKind;
  /** One of them. */
  readonly one: string;
  readonly example: string;
  /** What deletes one. */
  readonly deletes: string;
}

const FLOWS: Words = {
  kind: 'flows',
  one: 'flow',
  example: 'table=0,priority=100,ip,nw_dst=10.0.0.0/24,actions=dec_ttl,output:2',
  deletes: 'table=0,ip,nw_dst=10.0.0.0/24',
};
const GROUPS: Words = {
  kind: 'groups',
  one: 'group',
  example: 'group_id=1,type=select,bucket=output:1,bucket=output:2',
  deletes: 'group_id=1',
};
const METERS: Words = {
  kind: 'meters',
  one: 'meter',
  example: 'meter=1,kbps,bands=type=drop,rate=10000',
  deletes: 'meter=1',
};

/** `tapyard flows`, `groups`, `meters` and `tables`. */
export function addRuleCommands(program: Command, socket: string): void {
  for (const words of [FLOWS, GROUPS, METERS]) addKind(program, words, socket);
  program
    .command('tables')
    .description('show how many rules each table of a tenant holds, and how often it was looked up in')
    .argument('<tenant>', 'whose tables')
    .option('--socket <path>', 'control socket', socket)
    .option('--json', 'as JSON: tables that hold rules, or were looked up in')
    .addHelpText('after', '\nExample:\n  tapyard tables red')
    .action(async (tenant: string, options: RuleOptions) => (await import('./rules.ts')).tables(tenant, options));
}

function addKind(program: Command, words: Words, socket: string): void {
  const { kind, one, example, deletes } = words;
  const ofFlows = kind === 'flows';
  const command = program
    .command(kind)
    .description(`show and change the ${kind} of a tenant, in the syntax of ovs-ofctl`)
    .addHelpText('after', examples(words));
  const dump = command
    .command('dump', { isDefault: true })
    .description(`show them; what 'tapyard ${kind} TENANT' does`)
    .argument('<tenant>', `whose ${kind}`);
  if (ofFlows) dump.argument('[filter]', 'only flows that this matches: table=0,ip');
  else dump.option('--stats', 'what they have counted');
  if (kind !== 'meters')
    dump.option('--names', 'names of ports, as on a terminal').option('--no-names', 'numbers of ports');
  common(dump, socket)
    .addHelpText('after', `\nExample:\n  tapyard ${kind} red`)
    .action(async (tenant: string, ...rest: unknown[]) => {
      const filter = ofFlows ? (rest[0] as string | undefined) : undefined;
      const options = rest[ofFlows ? 1 : 0] as RuleOptions;
      await (await import('./rules.ts')).dumpRules(kind, tenant, filter, options);
    });
  const change = (name: ChangeCommand, description: string, text: string) => {
    const made = command
      .command(name)
      .description(description)
      .argument('<tenant>', `whose ${kind}`)
      .argument(`[${one}]`, `${one} in quotes, or - for what comes in`)
      .option('--file <path>', `${kind}, one a line; - for what comes in`);
    if (ofFlows && name !== 'add') made.option('--strict', 'only the flow of exactly this match and priority');
    common(made, socket)
      .addHelpText('after', `\nExample:\n  tapyard ${kind} ${name} red '${text}'`)
      .action(async (tenant: string, given: string | undefined, options: ChangeOptions) =>
        (await import('./rules.ts')).changeRules(kind, name, tenant, given, options),
      );
  };
  change('add', `add a ${one}, or a file of them`, example);
  change('mod', `change ${kind} that are there`, ofFlows ? 'ip,nw_dst=10.0.0.0/24,actions=output:3' : example);
  change('del', `delete ${kind}; without ${ofFlows ? 'a match' : 'a number'} all of them`, deletes);
}

function common(command: Command, socket: string): Command {
  return command.option('--socket <path>', 'control socket', socket).option('--json', 'as JSON');
}

function examples({ kind, example, deletes }: Words): string {
  const more = kind === 'flows' ? ["red 'table=0,ip' --json", 'red --names'] : ['red --stats'];
  const lines = [
    'red',
    ...more,
    `add red '${example}'`,
    `add red --file ${kind}.txt`,
    `del red '${deletes}'${kind === 'flows' ? ' --strict' : ''}`,
  ];
  return `\nExamples:\n${lines.map((line) => `  tapyard ${kind} ${line}`).join('\n')}`;
}
