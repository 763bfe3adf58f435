import { formatIpv6 } from '../../wire/address.ts';
import type { Field } from '../fields.ts';
import { NAMED } from './names.ts';
import { formatPort, type PortNames } from './ports.ts';

/** Value of a big-endian field of at most 32 bits. */
export function numberOf(bytes: Uint8Array): number {
  let value = 0;
  for (let i = 0; i < bytes.length; i++) value = value * 256 + bytes[i];
  return value;
}

/** As C's `%#x`: 0 has no prefix. */
export function hex(value: number | bigint): string {
  return value === 0 || value === 0n ? '0' : `0x${value.toString(16)}`;
}

export function padded(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** The value of a field as ovs-ofctl writes it behind `set_field:`. */
export function formatValue(field: Field, value: Uint8Array, names?: PortNames): string {
  switch (NAMED[field.number].syntax) {
    case 'mac':
      return formatMac(value);
    case 'ipv4':
      return `${value[0]}.${value[1]}.${value[2]}.${value[3]}`;
    case 'ipv6':
      return formatIpv6(wordsOf(value));
    case 'port':
      return formatPort(numberOf(value), names);
    case 'decimal':
      return String(numberOf(value));
    case 'hex':
      return field.name === 'eth_type' ? padded(numberOf(value), 4) : hex(wideOf(value));
  }
}

/** A mask of a field: a prefix length where it is one. */
export function formatMask(field: Field, mask: Uint8Array): string {
  const { syntax } = NAMED[field.number];
  const length = syntax === 'ipv4' || syntax === 'ipv6' ? prefixLength(mask) : -1;
  return length >= 0 ? String(length) : formatValue(field, mask);
}

export function formatMac(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += (i === 0 ? '' : ':') + PAIRS[bytes[i]];
  return text;
}

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function wordsOf(bytes: Uint8Array): number[] {
  return [0, 4, 8, 12].map((at) => numberOf(bytes.subarray(at, at + 4)));
}

function wideOf(bytes: Uint8Array): number | bigint {
  if (bytes.length <= 4) return numberOf(bytes);
  return (BigInt(numberOf(bytes.subarray(0, 4))) << 32n) | BigInt(numberOf(bytes.subarray(4)));
}

/** Number of leading ones when zeros alone follow, else -1. */
function prefixLength(mask: Uint8Array): number {
  let length = 0;
  while (length < mask.length * 8 && (mask[length >> 3] & (0x80 >> (length & 7))) !== 0) length++;
  for (let bit = length; bit < mask.length * 8; bit++) if ((mask[bit >> 3] & (0x80 >> (bit & 7))) !== 0) return -1;
  return length;
}
