/**
 * The last lines of a test run, from vitest's JSON report: what failed and why (its output may be thousands of lines further up), then files,
 * tests, and «N passed, N failed, N skipped» on a line of its own. A suite that was left out (test/needs.ts) counts as one skipped. Exits 1
 * when there is no report, or it has no test.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { leftOut } from './needs.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly FileResult[];
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly TestResult[];
}

interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages?: readonly string[];
}

const REPORT = 'coverage/results.json';

/** What a failure says first: its message without the stack, at most twelve lines. */
function gist(message: string): string {
  const lines = stripVTControlCharacters(message).split('\n');
  const stack = lines.findIndex((line) => /^\s+at /.test(line));
  return lines
    .slice(0, Math.min(12, stack < 0 ? lines.length : stack + 1))
    .map((line) => `    ${line}`)
    .join('\n');
}

function tellFailures({ name, status, message, assertionResults }: FileResult): void {
  const file = relative(process.cwd(), name);
  if (status !== 'passed' && assertionResults.length === 0) console.log(` FAILED ${file}\n${gist(message ?? '')}`);
  for (const { fullName, status: outcome, failureMessages } of assertionResults) {
    if (outcome !== 'failed') continue;
    console.log(` FAILED ${file} > ${fullName}\n${(failureMessages ?? []).map(gist).join('\n')}`);
  }
}

function close(report: Report): void {
  const files = report.testResults;
  const broken = files.filter((file) => file.status !== 'passed').length;
  // A file that could not even be loaded has no test to count, and must not look like a pass.
  const unloaded = files.filter((file) => file.status !== 'passed' && file.assertionResults.length === 0).length;
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + unloaded;
  for (const file of files) tellFailures(file);
  const skipped = report.numPendingTests + report.numTodoTests + leftOut().length;
  console.log(
    ` Test Files  ${broken > 0 ? `${broken} failed | ` : ''}${files.length - broken} passed (${files.length})`,
  );
  console.log(`      Tests  ${report.numFailedTests > 0 ? `${report.numFailedTests} failed | ` : ''}${passed} passed`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (passed + failed === 0) process.exitCode = 1;
}

try {
  close(JSON.parse(readFileSync(REPORT, 'utf8')) as Report);
} catch (error) {
  console.log(`no test results: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
