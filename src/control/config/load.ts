import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Diagnostic, UserError } from '../../errors.ts';
import { buildModel } from './build/switch.ts';
import { checkConfig } from './checks/checks.ts';
import { Reporter } from './diagnostics.ts';
import type { SwitchModel } from './model.ts';
import { Source } from './place.ts';
import { copy, TooDeep } from './salvage.ts';
import { readShape } from './shape.ts';

export type ParseResult =
  | { readonly model: SwitchModel; readonly values: Readonly<Record<string, unknown>>; readonly diagnostics?: never }
  | { readonly model?: never; readonly values?: never; readonly diagnostics: readonly Diagnostic[] };

/**
 * Reads a configuration: YAML, then the schema, then what the keys mean together. Touches no file.
 * @param file name for messages; paths in the text are relative to its folder
 * @returns the model, or everything that is wrong, in the order of the text. Never throws for what the text says.
 */
export function parseConfig(text: string, file: string): ParseResult {
  return parse(text, file, () => true);
}

/**
 * Reads a configuration file, and looks whether files that it names exist.
 * @throws UserError `config-unreadable`, or `config-invalid` with all diagnostics
 */
export async function loadConfig(path: string): Promise<SwitchModel> {
  return (await loadDocument(path)).model;
}

/** A configuration that is right: what it means, and what is written: plain values. */
export interface ConfigDocument {
  readonly model: SwitchModel;
  readonly tree: Readonly<Record<string, unknown>>;
}

/** As `loadConfig`, with what is written in the file. */
export async function loadDocument(path: string): Promise<ConfigDocument> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const cure = cause.code === 'ENOENT' ? 'check the path, or begin with examples/minimal.yaml' : 'make it readable';
    throw new UserError('config-unreadable', `cannot read ${path}: ${cause.code ?? cause.message}`, cure, { cause });
  });
  return readDocument(text, path);
}

/** As `loadDocument`, of a text. @param file as of `parseConfig` @throws UserError `config-invalid` with all diagnostics */
export function readDocument(text: string, file: string): ConfigDocument {
  const { model, values, diagnostics } = parse(text, file, existsSync);
  if (model) return { model, tree: values };
  const count = diagnostics.length === 1 ? 'an error' : `${diagnostics.length} errors`;
  throw new UserError('config-invalid', `${file} has ${count}`, 'mend what is listed', { diagnostics });
}

function parse(text: string, file: string, exists: (path: string) => boolean): ParseResult {
  const source = new Source(text, file);
  const reporter = new Reporter(source);
  const broken = source.syntaxErrors();
  reporter.add(broken);
  // Behind a key that is written twice the rest can still be judged.
  if (broken.some(({ code }) => code !== 'config-duplicate-key')) return { diagnostics: reporter.diagnostics };
  const values = valuesOf(source, reporter);
  const config = values === undefined ? null : readShape(values, reporter);
  if (config) checkConfig(config, reporter, { file: resolve(file), exists });
  const { diagnostics } = reporter;
  if (diagnostics.length > 0 || !config) return { diagnostics };
  return { model: buildModel(config, source), values: values as Readonly<Record<string, unknown>> };
}

function valuesOf(source: Source, reporter: Reporter): unknown {
  try {
    return copy(source.values()) ?? null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof TooDeep || error instanceof ReferenceError) {
      reporter.report('config-syntax', [], 'aliases (*name) multiply or contain themselves', 'write the values out');
    } else if (message.startsWith('Merge ')) {
      // The yaml package finds a wrong `<<` only when it makes values, and says so by a plain Error.
      reporter.report('config-syntax', [], "'<<' merges something that is not a map", 'write the values out');
    } else throw error;
    return undefined;
  }
}
