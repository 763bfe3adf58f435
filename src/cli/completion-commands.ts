import { Argument, type Command } from 'commander';
import { completionScript, namesBySocket, SHELLS, type Shell } from './completion.ts';

const INSTALL = `
Where shells look for it:
  bash  /usr/share/bash-completion/completions/tapyard, or ~/.local/share/bash-completion/completions/tapyard
  zsh   _tapyard in a folder of $fpath
  fish  ~/.config/fish/completions/tapyard.fish

Examples:
  tapyard completion bash > ~/.local/share/bash-completion/completions/tapyard
  source <(tapyard completion bash)`;

/** `tapyard completion`, and the hidden `tapyard complete` that its scripts ask. @param socket the control socket if none is given */
export function addCompletionCommands(program: Command, socket: string): void {
  program
    .command('completion')
    .description('print a script that completes commands, options, tenants and ports in a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', INSTALL)
    .action((shell: Shell) => void process.stdout.write(completionScript(shell)));
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'of the command line as far as the cursor')
    .helpOption(false)
    .action(async (words: string[]) => {
      const { complete } = await import('./complete.ts');
      const { candidates, files } = await complete(program, words, namesBySocket(socket));
      for (const { value, description } of candidates) process.stdout.write(`${value}\t${description}\n`);
      if (files) process.stdout.write(':files\n');
    });
}
