import { parseIpv6 } from '../../wire/address.ts';
import type { Field } from '../fields.ts';
import { fail, quote } from './error.ts';
import { NAMED, type Syntax } from './names.ts';
import { numberIn, parseUnsigned, wideIn } from './number.ts';
import { type PortNumbers, parsePort } from './ports.ts';

const SLASH = 47;
const COLON = 58;
const DOT = 46;

/** Offset of the slash before a mask, or -1. */
export function slashIn(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) if (text.charCodeAt(at) === SLASH) return at;
  return -1;
}

/** The value of a field, big-endian; those of 16 bits and less are shared by all flows: nobody writes into them. @throws FlowTextError */
export function parseValue(field: Field, text: string, start: number, end: number, ports?: PortNumbers): Uint8Array {
  const { syntax } = NAMED[field.number];
  if (field.bits <= 16) return smallValue(field, numberIn(text, start, end, field.name, 0, 2 ** field.bits - 1));
  const bytes = new Uint8Array(field.bytes);
  if (syntax === 'port') putNumber(bytes, parsePort(text, start, end, field.name, ports));
  else if (syntax === 'mac') readMac(bytes, text, start, end);
  else if (syntax === 'ipv4') readIpv4(bytes, text, start, end);
  else if (syntax === 'ipv6') readIpv6(bytes, text, start, end);
  else if (field.bits > 32) putWide(bytes, wideIn(text, start, end, field.name));
  else putNumber(bytes, numberIn(text, start, end, field.name, 0, 2 ** field.bits - 1));
  return bytes;
}

/** Values of one and of two bytes, made when first wanted. A hundred thousand rules mostly differ in addresses. */
const SMALL: readonly (Uint8Array | undefined)[][] = [[], []];

/** The value of a field of at most 16 bits. */
export function smallValue(field: Field, value: number): Uint8Array {
  const made = SMALL[field.bytes - 1];
  return (made[value] ??= field.bytes === 1 ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value & 0xff));
}

/** A mask, which several flows may share. @param syntax decides whether a prefix length may stand there */
export function parseMask(field: Field, syntax: Syntax, text: string, start: number, end: number): Uint8Array {
  if (syntax !== 'ipv4' && syntax !== 'ipv6') return parseValue(field, text, start, end);
  const length = parseUnsigned(text, start, end);
  if (length < 0) return parseValue(field, text, start, end);
  if (length > field.bits) {
    const most = field.bits;
    fail(
      start,
      end,
      `${quote(text.slice(start, end))} is no prefix length`,
      `write a number from 0 to ${most}, or a mask`,
    );
  }
  return (syntax === 'ipv4' ? PREFIXES_V4 : PREFIXES_V6)[length];
}

/** Masks by prefix length, shared by all flows. */
const PREFIXES_V4 = Array.from({ length: 33 }, (_, length) => prefixMask(4, length));
const PREFIXES_V6 = Array.from({ length: 129 }, (_, length) => prefixMask(16, length));

function prefixMask(bytes: number, length: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => 0xff00 >> Math.min(8, Math.max(0, length - 8 * i)));
}

export function putNumber(bytes: Uint8Array, value: number): void {
  let rest = value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = rest & 0xff;
    rest = Math.floor(rest / 256);
  }
}

function putWide(bytes: Uint8Array, value: bigint): void {
  putNumber(bytes.subarray(4), Number(value & 0xffff_ffffn));
  putNumber(bytes.subarray(0, 4), Number(value >> 32n));
}

/** Six bytes in hexadecimal, one or two digits each. */
function readMac(bytes: Uint8Array, text: string, start: number, end: number): void {
  let at = start;
  for (let i = 0; i < 6; i++) {
    let value = 0;
    let digits = 0;
    for (; at < end; at++, digits++) {
      const code = text.charCodeAt(at);
      const digit =
        code >= 48 && code <= 57 ? code - 48 : (code | 32) >= 97 && (code | 32) <= 102 ? (code | 32) - 87 : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
    }
    const closed = i === 5 ? at === end : at < end && text.charCodeAt(at) === COLON;
    if (digits < 1 || digits > 2 || !closed)
      notAn('Ethernet address', text, start, end, 'write it as 00:16:3e:00:00:01');
    bytes[i] = value;
    at++;
  }
}

function readIpv4(bytes: Uint8Array, text: string, start: number, end: number): void {
  let at = start;
  for (let i = 0; i < 4; i++) {
    let value = 0;
    let digits = 0;
    for (; at < end; at++, digits++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const closed = i === 3 ? at === end : at < end && text.charCodeAt(at) === DOT;
    if (digits < 1 || digits > 3 || value > 255 || !closed)
      notAn('IPv4 address', text, start, end, 'write it as 192.0.2.1');
    bytes[i] = value;
    at++;
  }
}

function readIpv6(bytes: Uint8Array, text: string, start: number, end: number): void {
  // The longest is an address of 39 characters, or 45 with dots.
  if (end - start > 45) notAn('IPv6 address', text, start, end, V6);
  let words: readonly number[] = [];
  try {
    words = parseIpv6(text.slice(start, end));
  } catch {
    notAn('IPv6 address', text, start, end, V6);
  }
  for (let i = 0; i < 4; i++) putNumber(bytes.subarray(4 * i, 4 * i + 4), words[i]);
}

const V6 = 'write it as 2001:db8::1';

function notAn(what: string, text: string, start: number, end: number, cure: string): never {
  fail(start, end, start >= end ? `There is no ${what}` : `${quote(text.slice(start, end))} is no ${what}`, cure);
}

/** A mask that lets any value through. */
export function isEmpty(mask: Uint8Array): boolean {
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) return false;
  return true;
}

/** A mask that counts all bits. */
export function isFull(mask: Uint8Array, bits: number): boolean {
  for (let i = mask.length - 1, left = bits; i >= 0; i--, left -= 8) {
    if (mask[i] !== 0xff >> (8 - Math.min(8, Math.max(0, left)))) return false;
  }
  return true;
}
