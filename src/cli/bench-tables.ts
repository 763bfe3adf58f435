import { type Bar, barLines } from '../bench/statistics.ts';
import { UserError } from '../errors.ts';

export interface TableOptions {
  readonly rounds: number;
  readonly json?: true;
}

interface Judged {
  readonly verified: boolean;
  readonly bars: readonly Bar[];
}

export async function benchLpmCommand(options: TableOptions & { readonly prefixes: string }): Promise<void> {
  const { benchLpm } = await import('../bench/lpm.ts');
  print(await benchLpm(options.prefixes, options.rounds, sayer(options)), options);
}

export async function benchAclCommand(options: TableOptions & { readonly rules: string }): Promise<void> {
  const { benchAcl } = await import('../bench/acl.ts');
  print(await benchAcl(options.rules, options.rounds, sayer(options)), options);
}

export async function benchRulesCommand(options: TableOptions & { readonly rules: string }): Promise<void> {
  const { benchRules } = await import('../bench/rules.ts');
  print(benchRules(options.rules, options.rounds, sayer(options)), options);
}

/** Rounds are told as they come: on standard error where standard output is JSON. */
function sayer({ json }: TableOptions): (line: string) => void {
  const stream = json ? process.stderr : process.stdout;
  return (line) => stream.write(`${line}\n`);
}

/** A bar that is missed is a figure; results that differ from the twins' are a failure. */
function print(result: Judged, { json }: TableOptions): void {
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${barLines(result.bars).join('\n')}\n`);
  if (!result.verified) {
    throw new UserError(
      'check-failed',
      'results differ from those of the slow twins',
      'report it as a bug, with the file',
    );
  }
  if (!json) process.stdout.write('verified: results equal those of the slow twins\n');
}
