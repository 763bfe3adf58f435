import { type Command, InvalidArgumentError } from 'commander';

function seconds(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is a whole number of at least 1.');
  return number;
}

/** Adds `tapyard lab up|down|status|console|exec`. @param socket the control socket if none is given */
export function addLabCommands(program: Command, socket: string): void {
  const lab = program
    .command('lab')
    .description('run the servers of a configuration, virtual machines and namespaces, with its switch')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nExamples:\n  tapyard lab up lab.yaml\n  tapyard lab status lab.yaml\n  tapyard lab exec lab.yaml red/vm1 ip address',
    );
  const ofLab = (name: string, description: string, example: string): Command =>
    lab
      .command(name)
      .description(description)
      .argument('<file>', 'configuration, YAML')
      .option('--socket <path>', 'control socket', socket)
      .addHelpText('after', `\nExample:\n  tapyard lab ${name} ${example}`);
  const ofServer = (name: string, description: string, example: string): Command =>
    ofLab(name, description, example).argument('<server>', 'its name: SERVER or TENANT/SERVER');

  ofLab(
    'up',
    'start the switch and its servers, in the foreground; prints «ready» when they have been started',
    'examples/machines.yaml',
  )
    .option('--json', 'events and errors as JSON, a line each')
    .action(async (file: string, options: { socket: string; json?: true }) =>
      (await import('./up.ts')).up(file, options, true),
    );
  ofLab('down', 'stop it, servers first', 'lab.yaml').action(async (file: string, options: { socket: string }) =>
    (await import('./lab.ts')).labDown(file, options),
  );
  ofLab('status', 'show its servers: state, process, how often they were started again', 'lab.yaml --json')
    .option('--json', 'as JSON')
    .action(async (file: string, options: { socket: string; json?: true }) =>
      (await import('./lab.ts')).labStatus(file, options),
    );
  ofServer('console', 'print what a server prints, and type into it line by line, until Ctrl-C', 'lab.yaml vm1')
    .option('--once', 'print what is there and end')
    .action(async (file: string, server: string, options: { socket: string; once?: true }) =>
      (await import('./lab.ts')).labConsole(file, server, options),
    );
  ofServer(
    'exec',
    'run a command in a namespace, or by the shell that waits on the console of a machine',
    'lab.yaml vm1 ping -c 3 10.0.0.1',
  )
    .argument('<command...>', 'and its arguments')
    .option('--timeout <seconds>', 'how long a machine may take to answer', seconds, 60)
    .passThroughOptions()
    .action(async (file: string, server: string, words: string[], options: { socket: string; timeout: number }) =>
      (await import('./lab.ts')).labExec(file, server, words, options),
    );
}
