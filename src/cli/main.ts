import { Argument, Command, CommanderError } from 'commander';
import { DEFAULT_SOCKET } from '../control/rpc.ts';
import { addBenchCommands } from './bench-commands.ts';
import { addChangeCommands } from './change-commands.ts';
import { complain } from './complain.ts';
import { addCompletionCommands } from './completion-commands.ts';
import { Exit, exitOf } from './exit.ts';
import { addLabCommands } from './lab-commands.ts';
import { addLookCommands } from './look-commands.ts';
import { positive } from './positive.ts';
import { addRuleCommands } from './rule-commands.ts';
import { leaveWhenUnread } from './unread.ts';
import { version } from './version.ts';

const EXIT_CODES = `
Exit codes:
  0   done                                1   what was to be checked does not hold
  2   the command line is wrong           65  a data file or a rule has errors
  66  a file cannot be read               69  no switch runs, another one does, or a device is in use
  70  an error of Tapyard's own           77  a privilege is missing
  78  the configuration has errors, or the machine lacks something`;

const SHOWN = [
  'tenants',
  'ports',
  'macs',
  'routes',
  'neighbors',
  'acls',
  'drops',
  'quota',
  'path',
  'stages',
  'workers',
  'slow',
  'openflow',
];

/** Commands import what they need when they run: `--help` must not wait for a dataplane to load. */
export function commands(): Command {
  const program = new Command('tapyard')
    .description('Userspace multi-tenant virtual switch and router')
    .version(version())
    .showHelpAfterError('(see tapyard --help)')
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText('after', EXIT_CODES);
  const socket = process.env['TAPYARD_SOCKET'] ?? DEFAULT_SOCKET;

  program
    .command('up')
    .description('start the switch that FILE describes, in the foreground; prints «ready» once frames flow')
    .argument('<file>', 'configuration, YAML')
    .option('--socket <path>', 'control socket', socket)
    .option('--json', 'events and errors as JSON, a line each')
    .addHelpText(
      'after',
      '\nSIGTERM or SIGINT stops it cleanly; SIGHUP reads FILE again and applies it.\n\nExample:\n  tapyard up examples/two-tenants.yaml',
    )
    .action(async (file: string, options: { socket: string; json?: true }) =>
      (await import('./up.ts')).up(file, options),
    );

  program
    .command('check')
    .description('check a configuration without touching anything')
    .argument('<file>', 'configuration, YAML')
    .option('--json', 'the diagnostics as JSON')
    .addHelpText('after', '\nExample:\n  tapyard check examples/router.yaml && echo fine')
    .action(async (file: string, options: { json?: true }) => (await import('./check.ts')).check(file, options));

  program
    .command('show')
    .description('show what runs')
    .addArgument(new Argument('[what]').choices(SHOWN).default('tenants'))
    .argument('[tenant]', 'only this tenant')
    .option('--socket <path>', 'control socket', socket)
    .option('--limit <n>', 'at most so many routes', positive)
    .option('--code', 'of a path also the generated code that runs for every frame')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  tapyard show ports\n  tapyard show drops red --json\n  tapyard show path red --code',
    )
    .action(
      async (
        what: string,
        tenant: string | undefined,
        options: { socket: string; limit?: number; code?: true; json?: true },
      ) => (await import('./show.ts')).show(what, tenant, options),
    );

  program
    .command('top')
    .description('show tenants, ports, stages and drops, with rates and processor time, live')
    .option('--socket <path>', 'control socket', socket)
    .option('--interval <seconds>', 'how often', positive, 1)
    .option('--count <n>', 'so many times, then end', positive)
    .option('--json', 'as JSON, a line each time')
    .addHelpText('after', '\nExamples:\n  tapyard top\n  tapyard top --count 1 --json')
    .action(async (options: { socket: string; interval: number; count?: number; json?: true }) =>
      (await import('./top.ts')).top(options),
    );

  program
    .command('events')
    .description('print what has happened: links, MAC moves and flaps, neighbours, quotas met, ACL logs')
    .option('--socket <path>', 'control socket', socket)
    .option('--follow', 'and what happens from now on, until Ctrl-C')
    .option('--json', 'as JSON, a line each')
    .addHelpText('after', '\nExamples:\n  tapyard events\n  tapyard events --follow --json')
    .action(async (options: { socket: string; follow?: true; json?: true }) =>
      (await import('./events.ts')).events(options),
    );

  program
    .command('demo')
    .description('build a lab of two tenants on real TAPs, check it, and show it live on a terminal')
    .option('--once', 'end after the checks')
    .option('--json', 'the checks as JSON')
    .option('--seconds <n>', 'how long the throughput test sends', positive, 2)
    .option('--rootless', 'in a user namespace of its own, as who is not root does anyway')
    .addHelpText(
      'after',
      '\nNeeds root, or a machine that lets users make user namespaces. Leaves nothing behind.\n\nExamples:\n  tapyard demo --once\n  tapyard demo --rootless',
    )
    .action(async (options: { once?: true; json?: true; rootless?: true; seconds: number }) =>
      (await import('./demo.ts')).demo(options),
    );

  addLookCommands(program, socket);
  addBenchCommands(program);
  addRuleCommands(program, socket);
  addLabCommands(program, socket);
  addChangeCommands(program, socket);
  addCompletionCommands(program, socket);
  for (const command of [...program.commands, ...program.commands.flatMap((one) => one.commands)])
    command.exitOverride();
  return program;
}

async function main(): Promise<void> {
  leaveWhenUnread();
  try {
    await commands().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? Exit.Ok : Exit.Usage;
    else {
      complain(error, process.argv.includes('--json'));
      process.exitCode = exitOf(error);
    }
  }
}

if (import.meta.main) await main();
