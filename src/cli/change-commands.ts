import { type Command, InvalidArgumentError } from 'commander';
import type { Json } from '../json.ts';
import type { ChangeOptions } from './change.ts';

const KEYS = 'keys of the configuration: vlan=10 trunk=[10,20] mac=02:00:00:00:00:01';

function whole(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return number;
}

/** @param words that become keys of what is added, deleted or set, beside those of `fixed` */
async function edit(
  params: { readonly [key: string]: Json },
  fixed: { readonly [key: string]: Json },
  words: readonly string[],
  options: ChangeOptions,
): Promise<void> {
  const { edit: send, keysOf } = await import('./change.ts');
  await send({ ...params, value: { ...fixed, ...keysOf(words) } }, options);
}

/** Commands that change a running switch. */
export function addChangeCommands(program: Command, socket: string): void {
  const make: Make = (parent, name, description, example) =>
    parent
      .command(name)
      .description(description)
      .option('--socket <path>', 'control socket', socket)
      .option('--json', 'as JSON')
      .addHelpText('after', `\nExample:\n  tapyard ${example}`);
  const group: Group = (name, description, example) =>
    program.command(name).description(description).addHelpText('after', `\nExample:\n  tapyard ${example}`);
  addFileCommands(program, make);
  addPortCommands(group, make);
  addRouteCommands(group, make);
  addAddressCommands(group, make);
  addAclCommands(group, make);
}

type Group = (name: string, description: string, example: string) => Command;
type Make = (parent: Command, name: string, description: string, example: string) => Command;

function addFileCommands(program: Command, make: Make): void {
  make(program, 'plan', 'what applying FILE would change: + comes, - goes, ~ becomes another', 'plan lab.yaml')
    .argument('[file]', 'configuration, YAML; that of the start if absent')
    .action(async (file: string | undefined, options: ChangeOptions) =>
      (await import('./change.ts')).plan(file, options),
    );
  const what = 'make the running switch what FILE says, while it forwards; whole, or not at all';
  make(program, 'apply', what, 'apply lab.yaml --try 120 && tapyard confirm')
    .argument('[file]', 'configuration, YAML; that of the start if absent')
    .option('--dry-run', 'print the plan alone')
    .option('--try <seconds>', 'take it back after so long, unless it is confirmed', whole)
    .action(async (file: string | undefined, options: ChangeOptions & { dryRun?: true; try?: number }) =>
      (await import('./change.ts')).apply(file, options),
    );
  make(program, 'confirm', 'keep what was applied with --try', 'confirm').action(async (options: ChangeOptions) =>
    (await import('./change.ts')).confirm(options),
  );
  make(program, 'rollback', 'take back at once what was applied with --try', 'rollback').action(
    async (options: ChangeOptions) => (await import('./change.ts')).rollback(options),
  );
  make(program, 'export', 'all that runs, as a configuration in YAML', 'export > lab.yaml').action(
    async (options: ChangeOptions) => (await import('./change.ts')).exportConfig(options),
  );
}

function addPortCommands(group: Group, make: Make): void {
  const port = group('port', 'add a port, or delete one', 'port add red web3 tap=red-web3 vlan=10');
  make(port, 'add', 'add a port', 'port add red web3 tap=red-web3 vlan=10')
    .argument('<tenant>')
    .argument('<name>')
    .argument('<key=value...>', KEYS)
    .action((tenant: string, name: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'add', kind: 'port', tenant, name }, {}, words, options),
    );
  make(port, 'del', 'delete a port', 'port del red web3')
    .argument('<tenant>')
    .argument('<name>')
    .action((tenant: string, name: string, options: ChangeOptions) =>
      edit({ op: 'del', kind: 'port', tenant, name }, {}, [], options),
    );
}

function addRouteCommands(group: Group, make: Make): void {
  const route = group('route', 'add a static route, or delete one', 'route add red 10.9.0.0/16 via=10.0.20.254');
  make(route, 'add', 'add a static route', 'route add red 10.9.0.0/16 via=10.0.20.254')
    .argument('<tenant>')
    .argument('<prefix>')
    .argument('<key=value...>', 'via=10.0.20.254, dev=lan, blackhole, reject')
    .action((tenant: string, to: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'add', kind: 'route', tenant }, { to }, words, options),
    );
  make(route, 'del', 'delete a static route', 'route del red 10.9.0.0/16')
    .argument('<tenant>')
    .argument('<prefix>')
    .action((tenant: string, to: string, options: ChangeOptions) =>
      edit({ op: 'del', kind: 'route', tenant }, { to }, [], options),
    );
}

function addAddressCommands(group: Group, make: Make): void {
  const neighbor = group('neighbor', 'add a static neighbour, or delete one', 'neighbor del red lan 10.0.0.5');
  make(neighbor, 'add', 'add a static neighbour', 'neighbor add red lan 10.0.0.5 02:00:00:00:00:05')
    .argument('<tenant>')
    .argument('<interface>')
    .argument('<address>')
    .argument('<mac>')
    .action((tenant: string, iface: string, address: string, mac: string, options: ChangeOptions) =>
      edit({ op: 'add', kind: 'neighbor', tenant }, { interface: iface, address, mac }, [], options),
    );
  make(neighbor, 'del', 'delete a static neighbour', 'neighbor del red lan 10.0.0.5')
    .argument('<tenant>')
    .argument('<interface>')
    .argument('<address>')
    .action((tenant: string, iface: string, address: string, options: ChangeOptions) =>
      edit({ op: 'del', kind: 'neighbor', tenant }, { interface: iface, address }, [], options),
    );
  const mac = group('mac', 'add a static MAC address, or delete one', 'mac add red web1 02:00:00:00:00:05 vlan=10');
  make(mac, 'add', 'add a static MAC address', 'mac add red web1 02:00:00:00:00:05 vlan=10')
    .argument('<tenant>')
    .argument('<port>')
    .argument('<address>')
    .argument('[key=value...]', 'vlan=10')
    .action((tenant: string, port: string, address: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'add', kind: 'mac', tenant }, { mac: address, port }, words, options),
    );
  make(mac, 'del', 'delete a static MAC address', 'mac del red 02:00:00:00:00:05 vlan=10')
    .argument('<tenant>')
    .argument('<address>')
    .argument('[key=value...]', 'vlan=10')
    .action((tenant: string, address: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'del', kind: 'mac', tenant }, { mac: address }, words, options),
    );
}

function addAclCommands(group: Group, make: Make): void {
  const acl = group('acl', 'add lists and rules, change or delete them', 'acl rule red web deny proto=tcp dport=22');
  make(acl, 'add', 'add a list', 'acl add red web default=allow ingress=[web1]')
    .argument('<tenant>')
    .argument('<acl>')
    .argument('[key=value...]', 'default=allow ingress=[web1,{vlan: 10}] egress=[web2]')
    .action((tenant: string, name: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'add', kind: 'acl', tenant, name }, {}, words, options),
    );
  make(acl, 'set', 'change where a list stands, or its default', 'acl set red web ingress=[web1,web2]')
    .argument('<tenant>')
    .argument('<acl>')
    .argument('<key=value...>', 'default=allow ingress=[web1] egress=[web2]')
    .action((tenant: string, name: string, words: string[], options: ChangeOptions) =>
      edit({ op: 'set', kind: 'acl', tenant, name }, {}, words, options),
    );
  make(acl, 'rule', 'add a rule to a list', 'acl rule red web deny proto=tcp dport=22 --at 1')
    .argument('<tenant>')
    .argument('<acl>')
    .argument('<action>', 'allow, deny or reject')
    .argument('[key=value...]', 'what it matches: proto=tcp dport=22; none: any')
    .option('--at <n>', 'before the rule that is the nth now; at the end if absent', whole)
    .option('--log', 'log matches')
    .action(async (tenant: string, name: string, action: string, words: string[], options: RuleOptions) => {
      const { edit: send, keysOf } = await import('./change.ts');
      const value = { [action]: words.length === 0 ? 'any' : keysOf(words), ...(options.log ? { log: true } : {}) };
      const place = options.at === undefined ? {} : { place: options.at };
      await send({ op: 'add', kind: 'rule', tenant, name, value, ...place }, options);
    });
  make(acl, 'del', 'delete a list, or one of its rules', 'acl del red web 3')
    .argument('<tenant>')
    .argument('<acl>')
    .argument('[number]', 'of the rule, from 1', whole)
    .action((tenant: string, name: string, place: number | undefined, options: ChangeOptions) => {
      const params = { op: 'del', tenant, name };
      return place === undefined
        ? edit({ ...params, kind: 'acl' }, {}, [], options)
        : edit({ ...params, kind: 'rule', place }, {}, [], options);
    });
}

type RuleOptions = ChangeOptions & { readonly at?: number; readonly log?: true };
