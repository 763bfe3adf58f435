import { writeFileSync } from 'node:fs';
import { describeMachine } from '../bench/machine.ts';
import { reportOf } from '../bench/report.ts';

export function benchReportCommand(
  files: readonly string[],
  options: { readonly out: string; readonly json?: true },
): void {
  const text = reportOf(files, describeMachine(), new Date());
  writeFileSync(options.out, text);
  const said = options.json
    ? JSON.stringify({ out: options.out, bytes: text.length })
    : `${options.out}: ${files.length} results`;
  process.stdout.write(`${said}\n`);
}
