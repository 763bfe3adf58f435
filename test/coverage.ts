/**
 * Prints how much of the sources the tests ran: in vitest's own threads, and together with the worker threads and processes
 * that they started (NODE_V8_COVERAGE), whose blocks are laid over the statements that vitest found. Type stripping keeps
 * every offset, so that no source map is needed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Position {
  readonly line: number;
  readonly column: number;
}

/** One file in vitest's report, in Istanbul's form: where statements are, and how often each ran. */
interface Istanbul {
  readonly statementMap: Readonly<Record<string, { readonly start: Position; readonly end: Position }>>;
  readonly s: Record<string, number>;
}

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** One script in a report of V8; inner ranges override outer ones. */
interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

const REPORT = 'coverage/vitest/coverage-final.json';
const THREADS = 'coverage/threads';

/** Reports of threads of our sources, by path. A report that was cut off (its process was killed) is passed over. */
function scriptsOfThreads(): Map<string, Script[]> {
  const scripts = new Map<string, Script[]>();
  for (const file of readdirSync(THREADS)) {
    let result: readonly Script[];
    try {
      ({ result } = JSON.parse(readFileSync(join(THREADS, file), 'utf8')) as { result: readonly Script[] });
    } catch {
      continue;
    }
    for (const script of result) {
      if (!script.url.startsWith('file:')) continue;
      const path = fileURLToPath(script.url);
      if (!/^(src|native-free)\//.test(relative('.', path))) continue;
      scripts.set(path, [...(scripts.get(path) ?? []), script]);
    }
  }
  return scripts;
}

function ranAt(script: Script, offset: number): boolean {
  let innermost: Range | undefined;
  for (const { ranges } of script.functions) {
    for (const range of ranges) {
      if (offset < range.startOffset || offset >= range.endOffset) continue;
      const length = range.endOffset - range.startOffset;
      if (innermost === undefined || length <= innermost.endOffset - innermost.startOffset) innermost = range;
    }
  }
  return innermost !== undefined && innermost.count > 0;
}

function addThreads(path: string, file: Istanbul, scripts: readonly Script[]): void {
  const lines = [0];
  const text = readFileSync(path, 'utf8');
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  for (const [key, { start }] of Object.entries(file.statementMap)) {
    const offset = lines[start.line - 1] + start.column;
    if (file.s[key] === 0 && scripts.some((script) => ranAt(script, offset))) file.s[key] = 1;
  }
}

function summary(files: Readonly<Record<string, Istanbul>>): string {
  const counts = Object.values(files).flatMap((file) => Object.values(file.s));
  const ran = counts.filter((count) => count > 0).length;
  const idle = Object.values(files).filter((file) => Object.values(file.s).every((count) => count === 0)).length;
  return `${((100 * ran) / counts.length).toFixed(1)} % of ${counts.length} statements (${idle} files not at all)`;
}

try {
  const files = JSON.parse(readFileSync(REPORT, 'utf8')) as Record<string, Istanbul>;
  console.log(`coverage, tests' own threads:                ${summary(files)}`);
  const scripts = scriptsOfThreads();
  for (const [path, file] of Object.entries(files)) addThreads(path, file, scripts.get(path) ?? []);
  console.log(`coverage, with worker threads and processes: ${summary(files)}`);
} catch (error) {
  console.log(`no coverage: ${error instanceof Error ? error.message : String(error)}`);
}
