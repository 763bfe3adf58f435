/**
 * The last lines of a test run, from vitest's JSON report: files, tests, and «N passed, N failed, N skipped» on a line of its
 * own. A suite that was left out (test/needs.ts) counts as one skipped. Exits 1 when there is no report, or it has no test.
 */
import { readFileSync } from 'node:fs';
import { leftOut } from './needs.ts';

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const REPORT = 'coverage/results.json';

function close(report: Report): void {
  const files = report.testResults;
  const broken = files.filter((file) => file.status !== 'passed').length;
  // A file that could not even be loaded has no test to count, and must not look like a pass.
  const unloaded = files.filter((file) => file.status !== 'passed' && file.assertionResults.length === 0).length;
  const passed = report.numPassedTests;
  const failed = report.numFailedTests + unloaded;
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
