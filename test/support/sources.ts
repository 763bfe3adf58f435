/** The files of the project and what they import, for the tests of the house. Paths are relative to the top, with `/`. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const IGNORED = new Set(['node_modules', 'coverage', '.git', 'run']);

/** Every file that belongs to the project: what git tracks, or, without git, what is there. */
export function projectFiles(): string[] {
  const files = existsSync('.git')
    ? execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0')
    : globSync('**', { exclude: (name) => IGNORED.has(name), withFileTypes: false });
  return files.filter((file) => file !== '' && existsSync(file)).sort();
}

/** TypeScript files of the given folders. */
export function sources(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) => globSync(`${folder}/**/*.ts`)).sort();
}

export interface Import {
  readonly from: string;
  /** A path for what is relative, else the name as written (`node:ffi`, `zod`). */
  readonly to: string;
}

const SPECIFIER = /(?:^|[\s;}])(?:from|import)\s*\(?\s*'([^']+)'/g;

/** What a file imports, types and dynamic imports included. */
export function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(SPECIFIER)].map(([, name]) => ({
    from: file,
    to: name.startsWith('.') ? posix.join(posix.dirname(file), name) : name,
  }));
}
