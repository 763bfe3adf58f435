import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { Diagnostic, ErrorCode, Place } from '../../errors.ts';

/** Keys and indexes from the top of the file down to a value. */
export type Path = readonly (string | number)[];

/** Which end of `key: value` a message points at. */
export type Part = 'key' | 'value';

/** Characters of a value that is a text. */
export interface TextPart {
  readonly offset: number;
  readonly length: number;
}

/** The text of a configuration file, its values, and where each of them stands. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string, file: string) {
    this.file = file;
    this.text = text;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      merge: true,
      prettyErrors: false,
      stringKeys: true,
      strict: true,
      uniqueKeys: true,
      // 'silent' would also hide a second document.
      logLevel: 'error',
    });
  }

  /** What keeps the text from being read at all. */
  syntaxErrors(): Diagnostic[] {
    const found = [...this.#document.errors, ...this.#document.warnings].map((error) => {
      const duplicate = error.code === 'DUPLICATE_KEY';
      const cure = duplicate ? 'keep one of the two' : (syntaxCures[error.code] ?? 'mend the YAML here');
      const code: ErrorCode = duplicate ? 'config-duplicate-key' : 'config-syntax';
      const message = duplicate ? 'this key is already in the map' : lowerFirst(error.message.replace(/[.:]$/, ''));
      return this.#diagnostic(code, message, cure, error.pos[0], error.pos[1]);
    });
    visit(this.#document, {
      Pair: (_, pair) => {
        // Such a key would be lost between objects; no name or key may be it.
        if (!isScalar(pair.key) || pair.key.value !== '__proto__') return;
        const [start, end] = pair.key.range ?? [0, 1];
        found.push(
          this.#diagnostic('config-unknown-key', "'__proto__' cannot be a key", 'choose another name', start, end),
        );
      },
    });
    return found;
  }

  /** The file as plain objects. Throws a ReferenceError where aliases multiply beyond reason. */
  values(): unknown {
    return this.#document.toJS({ maxAliasCount: 10_000 });
  }

  /** Where the value at `path`, or its key, stands, or a part of its text; for what is not there, the nearest that is. */
  place(path: Path, part: Part = 'value', within: TextPart | null = null): Place {
    let node: unknown = this.#document.contents;
    let key: unknown = null;
    for (const step of path) {
      const found = child(this.#resolve(node), step, (alias) => this.#resolve(alias));
      if (!found) {
        part = 'key';
        break;
      }
      ({ key, value: node } = found);
    }
    const chosen = part === 'key' && key !== null ? key : (node ?? key);
    const [start, end] = (chosen as Node | null)?.range ?? [0, 1];
    // A text that is written with escapes or over several lines is pointed at as a whole.
    const text = isScalar(chosen) && typeof chosen.value === 'string' ? chosen.value.trimEnd() : '';
    const at = within === null || text === '' ? -1 : this.text.slice(start, end).indexOf(text);
    if (within === null || at < 0) return this.#placeOf(start, end);
    // What is missing is missed behind the last character.
    const from = start + at + Math.min(within.offset, text.length);
    return this.#placeOf(from, from + within.length);
  }

  line(place: Place): string {
    return this.text.split('\n', place.line)[place.line - 1]?.replace(/\r$/, '') ?? '';
  }

  #resolve(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #diagnostic(code: ErrorCode, message: string, cure: string, start: number, end: number): Diagnostic {
    const place = this.#placeOf(start, end);
    return { code, message, cure, place, source: this.line(place) };
  }

  #placeOf(start: number, end: number): Place {
    const { line, col } = this.#lines.linePos(Math.min(start, this.text.length));
    const newline = this.text.indexOf('\n', start);
    const stop = Math.min(end, newline < 0 ? this.text.length : newline);
    const width = Math.max(1, this.text.slice(start, stop).trimEnd().length);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), width };
  }
}

type Found = { key: unknown; value: unknown };

/** Entry `step` of a map or sequence; entries that `<<` merges in are looked up after the map's own. */
function child(node: unknown, step: string | number, resolve: (node: unknown) => unknown): Found | null {
  if (isSeq(node)) {
    const value = node.items[Number(step)];
    return value === undefined ? null : { key: null, value };
  }
  if (!isMap(node)) return null;
  for (const pair of node.items) {
    if (isScalar(pair.key) && String(pair.key.value) === String(step)) return { key: pair.key, value: pair.value };
  }
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key) || pair.key.source !== '<<') continue;
    const merged = resolve(pair.value);
    for (const from of isSeq(merged) ? merged.items : [merged]) {
      const found = child(resolve(from), step, resolve);
      if (found) return found;
    }
  }
  return null;
}

const syntaxCures: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent this line as its neighbours',
  BAD_ALIAS: 'define the anchor (&name) before the alias (*name)',
  MULTIPLE_DOCS: 'keep one document in the file',
  MISSING_CHAR: 'close the bracket or quote',
  BAD_SCALAR_START: 'put the value into quotes',
  BLOCK_AS_IMPLICIT_KEY: 'put a value that holds ": " into quotes, or indent the map below its key',
  NON_STRING_KEY: 'use a plain word as the key',
};

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

const places = new WeakMap<object, Place>();

/** Remembers where an object of the model was written. */
export function placed<T extends object>(object: T, place: Place): T {
  places.set(object, place);
  return object;
}

/** Where an object of the model (tenant, port, interface, route, rule, …) was written; undefined for what stands in no file. */
export function placeOf(object: object): Place | undefined {
  return places.get(object);
}
