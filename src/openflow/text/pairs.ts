import { fail } from './error.ts';

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const OPEN = 40;
const CLOSE = 41;
const COMMA = 44;
const COLON = 58;
const EQUALS = 61;

/** What stands between a word and its argument: `key=value`, `key:value`, `key(value)`, or nothing. */
export type Delimiter = '=' | ':' | '(' | '';

/**
 * Words of a flow one after another, as offsets into the text: nothing is copied. Words are separated by commas or white space; a value
 * ends there too, but for what it holds in parentheses. Source: ovs-ofctl(8), «Flow Syntax» and ovs-actions(7), «Syntax of actions».
 */
export class Pairs {
  readonly text: string;
  #at: number;
  readonly #end: number;
  keyStart = 0;
  keyEnd = 0;
  delimiter: Delimiter = '';
  valueStart = 0;
  valueEnd = 0;

  constructor(text: string, start = 0, end = text.length) {
    this.text = text;
    this.#at = start;
    this.#end = end;
  }

  get key(): string {
    return this.text.slice(this.keyStart, this.keyEnd);
  }

  get value(): string {
    return this.text.slice(this.valueStart, this.valueEnd);
  }

  /** Goes back to the beginning of the value: what it holds are words themselves. */
  enter(): void {
    this.#at = this.valueStart;
  }

  /** @returns false at the end of the text */
  next(): boolean {
    const { text } = this;
    const end = this.#end;
    let at = this.#at;
    while (at < end && isSeparator(text.charCodeAt(at))) at++;
    if (at >= end) {
      this.#at = at;
      this.keyStart = this.keyEnd = this.valueStart = this.valueEnd = at;
      return false;
    }
    this.keyStart = at;
    let code = 0;
    while (at < end) {
      code = text.charCodeAt(at);
      if (code === EQUALS || code === COLON || code === OPEN || isSeparator(code)) break;
      at++;
    }
    this.keyEnd = at;
    if (at >= end || isSeparator(code)) {
      this.delimiter = '';
      this.valueStart = this.valueEnd = this.#at = at;
      return true;
    }
    if (code === OPEN) {
      this.delimiter = '(';
      this.valueStart = at + 1;
      this.#at = this.#close(at);
      this.valueEnd = this.#at - 1;
      return true;
    }
    this.delimiter = code === COLON ? ':' : '=';
    this.valueStart = ++at;
    while (at < end) {
      code = text.charCodeAt(at);
      if (isSeparator(code)) break;
      at = code === OPEN ? this.#close(at) : at + 1;
    }
    this.valueEnd = this.#at = at;
    return true;
  }

  /** Offset behind the parenthesis that closes the one at `open`. */
  #close(open: number): number {
    let depth = 0;
    for (let at = open; at < this.#end; at++) {
      const code = this.text.charCodeAt(at);
      if (code === OPEN) depth++;
      else if (code === CLOSE && --depth === 0) return at + 1;
    }
    fail(open, open + 1, 'The parenthesis is not closed', "add ')'");
  }
}

function isSeparator(code: number): boolean {
  return code === COMMA || code === SPACE || code === TAB || code === NEWLINE || code === RETURN;
}
