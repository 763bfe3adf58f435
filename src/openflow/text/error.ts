import { nearest } from './nearest.ts';

/**
 * What is wrong with a flow, group or meter in text. `offset` counts from 0, in UTF-16 units, in the text that was parsed; `length` is
 * what to underline. `message` says what is wrong and `cure` what to write instead; neither ends in a full stop.
 */
export class FlowTextError extends Error {
  override readonly name = 'FlowTextError';
  readonly offset: number;
  readonly length: number;
  readonly cure: string;

  constructor(offset: number, length: number, message: string, cure: string) {
    super(message);
    this.offset = offset;
    this.length = length;
    this.cure = cure;
  }
}

/** @param end behind the last character that is wrong; nothing wrong in particular (`end <= start`) is one character */
export function fail(start: number, end: number, message: string, cure: string): never {
  throw new FlowTextError(start, Math.max(1, end - start), message, cure);
}

/** Refuses a word that is none of `known`, and names the nearest. */
export function failUnknown(
  start: number,
  end: number,
  what: string,
  word: string,
  known: Iterable<string>,
  otherwise: string,
): never {
  const near = word.length > 40 ? null : nearest(word, known);
  fail(start, end, `There is no ${what} ${quote(word)}`, near === null ? otherwise : `did you mean ${near}?`);
}

/** A word of the user's in a sentence: short, and without what speaks to a terminal. */
export function quote(word: string): string {
  const shown = word.length > 40 ? `${word.slice(0, 39)}…` : word;
  return `'${shown.replaceAll(/\p{Cc}/gu, '\ufffd')}'`;
}

const WINDOW = 110;

/** The text and a line of carets below the place; long lines are cut around it, tabs stand as blanks. */
export function caretLines(text: string, error: FlowTextError): string {
  const skip = error.offset > WINDOW - 20 ? error.offset - 40 : 0;
  const cut = text.slice(skip, skip + WINDOW).replaceAll(/[\t\r\n]/g, ' ');
  const shown = (skip > 0 ? '…' : '') + cut.replaceAll(/\p{Cc}/gu, '\ufffd') + (text.length > skip + WINDOW ? '…' : '');
  const column = error.offset - skip + (skip > 0 ? 1 : 0);
  return `${shown}\n${' '.repeat(column)}${'^'.repeat(Math.max(1, Math.min(error.length, WINDOW - column)))}`;
}
