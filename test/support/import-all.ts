/**
 * Run by the pinned Node itself: loads every file named on standard input (a JSON list of [path, whether to run it too]) and
 * prints a JSON list of [path, what went wrong]. A file that is not to be run is only parsed, stripped of types, and linked with
 * all it imports: a module that throws stands before it, so that its own turn never comes.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const asUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
const STOP = asUrl('throw new Error("linked")');

async function problemOf(path: string, run: boolean): Promise<string | null> {
  const url = pathToFileURL(resolve(path)).href;
  try {
    if (run) await import(url);
    else await import(asUrl(`import ${JSON.stringify(STOP)}; import ${JSON.stringify(url)};`));
    return null;
  } catch (error) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return text === 'Error: linked' ? null : text;
  }
}

const wrong: [string, string][] = [];
for (const [path, run] of JSON.parse(readFileSync(0, 'utf8')) as [string, boolean][]) {
  const problem = await problemOf(path, run);
  if (problem !== null) wrong.push([path, problem]);
}
process.stdout.write(JSON.stringify(wrong));
