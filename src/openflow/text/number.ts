import { fail, quote } from './error.ts';

/**
 * Whole numbers in text, as strtoul(3) with base 0 reads them: decimal, 0x hexadecimal, octal with a leading 0. No sign: where C would
 * wrap, nobody means it.
 */

/**
 * As `parseUnsigned`, but a leading 0 means nothing: numbers of tables and ports, which have names too, are never octal.
 */
export function parseIdentifier(text: string, start: number, end: number): number {
  let at = start;
  while (at < end - 1 && text.charCodeAt(at) === 48 && (text.charCodeAt(at + 1) | 32) !== 120) at++;
  return parseUnsigned(text, at, end);
}

/** @returns the number, exact up to 2^53 and too large beyond; -1 when the text is none */
export function parseUnsigned(text: string, start: number, end: number): number {
  if (start >= end) return -1;
  let at = start;
  let base = 10;
  if (text.charCodeAt(at) === 48 && end - at > 1) {
    const x = text.charCodeAt(at + 1) | 32;
    base = x === 120 ? 16 : 8;
    at += base === 16 ? 2 : 1;
    if (at >= end) return -1;
  }
  let value = 0;
  for (; at < end; at++) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit >= base) return -1;
    value = value * base + digit;
  }
  return value;
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : 99;
}

/** @throws FlowTextError when the text is no number from `least` to `most` */
export function numberIn(
  text: string,
  start: number,
  end: number,
  what: string,
  least: number,
  most: number,
  parse = parseUnsigned,
): number {
  const value = parse(text, start, end);
  if (value < least || value > most) {
    const word = text.slice(start, end);
    const range = `write a number from ${least} to ${most}`;
    if (start >= end) fail(start, end, `${what} has no value`, range);
    fail(
      start,
      end,
      value < 0 ? `${quote(word)} is no number for ${what}` : `${what} ${quote(word)} is out of range`,
      range,
    );
  }
  return value;
}

/** As `numberIn`, of 64 bits. */
export function wideIn(text: string, start: number, end: number, what: string): bigint {
  const value = parseUnsigned(text, start, end);
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return BigInt(value);
  const word = text.slice(start, end);
  if (value < 0)
    fail(start, end, start >= end ? `${what} has no value` : `${quote(word)} is no number for ${what}`, WIDE);
  const octal = word.startsWith('0') && !/^0x/i.test(word);
  const wide = end - start > 70 ? -1n : BigInt(octal ? `0o${word.slice(1)}` : word);
  if (wide < 0n || wide > 0xffff_ffff_ffff_ffffn) fail(start, end, `${what} ${quote(word)} is out of range`, WIDE);
  return wide;
}

const WIDE = 'write a number of at most 64 bits, as 0x1f';
