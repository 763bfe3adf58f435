import type { Diagnostic, ErrorCode, Place } from '../../errors.ts';
import type { Part, Path, Source, TextPart } from './place.ts';

/** Collects what is wrong with one file, and knows which parts of it could not be read. */
export class Reporter {
  readonly source: Source;
  /** Path in the file of a path in what was read of it; they differ where list entries were cut out. */
  origin: (path: Path) => Path = (path) => path;
  readonly #found: Diagnostic[] = [];
  readonly #damaged: Path[] = [];

  constructor(source: Source) {
    this.source = source;
  }

  /** @param at points at the key instead of the value, or at a part of its text, or names a second place that takes part */
  report(
    code: ErrorCode,
    path: Path,
    message: string,
    cure: string,
    at: {
      readonly part?: Part;
      readonly within?: TextPart;
      readonly related?: { readonly message: string; readonly path: Path };
    } = {},
  ): void {
    const place = this.source.place(this.origin(path), at.part, at.within);
    const diagnostic = { code, message, cure, place, source: this.source.line(place) };
    const related = at.related && {
      message: at.related.message,
      place: this.source.place(this.origin(at.related.path), 'key'),
    };
    this.#found.push(related ? { ...diagnostic, related } : diagnostic);
  }

  add(diagnostics: readonly Diagnostic[]): void {
    this.#found.push(...diagnostics);
  }

  /** Marks a part of the file as unread, so that nothing is concluded from what seems to be missing in it. */
  damage(path: Path): void {
    this.#damaged.push(path);
  }

  /** Whether all of what is at `path` was read. */
  intact(...path: Path): boolean {
    const touches = (other: Path): boolean =>
      other.every((step, index) => index >= path.length || step === path[index]);
    return !this.#damaged.some(touches);
  }

  /** Everything that was found, once each, in the order of the file. */
  get diagnostics(): Diagnostic[] {
    const unique = new Map(
      this.#found.map((each) => [`${each.place.line}:${each.place.column}:${each.message}`, each]),
    );
    return [...unique.values()].sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  }
}

export function formatPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`;
}

/** Columns of the source line that are shown. */
const window = 110;

/**
 * A diagnostic as text:
 *
 *     lab.yaml:4:22: unknown key 'vlna'  [config-unknown-key]
 *         4 |     web1: {tap: a, vlna: 10}
 *           |                    ^^^^
 *           = cure: did you mean 'vlan'?
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { place, message, code, cure, related } = diagnostic;
  // Long lines are cut around the place.
  const skip = place.column > window - 20 ? place.column - 40 : 0;
  const cut = (skip > 0 ? '…' : '') + diagnostic.source.slice(skip, skip + window);
  const lead = cut.slice(0, place.column - 1 - skip + (skip > 0 ? 1 : 0));
  const shown = printable(cut) + (diagnostic.source.length > skip + window ? '…' : '');
  // Tabs stay, so that the caret stands below its character whatever their width.
  const pad = [...lead].map((character) => (character === '\t' ? '\t' : ' ')).join('');
  const carets = '^'.repeat(Math.max(1, Math.min(place.width, window - lead.length)));
  const gutter = String(place.line).padStart(5);
  const lines = [
    `${formatPlace(place)}: ${message}  [${code}]`,
    `${gutter} | ${shown}`,
    `      | ${pad}${carets}`,
    `      = cure: ${cure}`,
  ];
  if (related) lines.push(`      = ${related.message}: ${formatPlace(related.place)}`);
  return lines.join('\n');
}

export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(formatDiagnostic).join('\n\n');
}

/** A file must not speak to the terminal. */
function printable(text: string): string {
  return [...text]
    .map((character) => (/[\p{Cc}]/u.test(character) && character !== '\t' ? '\ufffd' : character))
    .join('');
}
