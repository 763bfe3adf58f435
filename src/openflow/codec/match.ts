import { FIELDS } from '../fields.ts';
import type { FieldMatch, Match } from '../model.ts';
import type { Codec, Reader, Writer } from './bytes.ts';
import { refuse } from './errors.ts';

const BASIC = 0x8000;
const OXM_MATCH = 1;

/** One OXM TLV: class, field, whether there is a mask, length, value, mask. Source: 1.3.5, section 7.2.3.2. */
export function readOxm(from: Reader): FieldMatch {
  if (from.left < 4) throw refuse('BAD_MATCH', 'BAD_LEN', 'a field is cut short');
  const oxmClass = from.u16();
  const head = from.u8();
  const length = from.u8();
  const field = oxmClass === BASIC ? FIELDS[head >> 1] : undefined;
  if (field === undefined)
    throw refuse('BAD_MATCH', 'BAD_FIELD', `there is no field ${head >> 1} of class 0x${oxmClass.toString(16)}`);
  const masked = (head & 1) === 1;
  if (masked && !field.maskable) throw refuse('BAD_MATCH', 'BAD_MASK', `${field.name} takes no mask`);
  if (length !== field.bytes * (masked ? 2 : 1) || from.left < length)
    throw refuse('BAD_MATCH', 'BAD_LEN', `${field.name} has ${length} bytes`);
  const value = from.slice(field.bytes);
  const mask = masked ? from.slice(field.bytes) : null;
  const spare = (field.bytes << 3) - field.bits;
  if (spare > 0 && (mask === null ? value[0] : value[0] & mask[0]) >> (8 - spare) !== 0)
    throw refuse('BAD_MATCH', 'BAD_VALUE', `the value of ${field.name} has more than ${field.bits} bits`);
  if (mask !== null)
    for (let i = 0; i < mask.length; i++)
      if ((value[i] & ~mask[i]) !== 0)
        throw refuse('BAD_MATCH', 'BAD_WILDCARDS', `the value of ${field.name} has bits outside of its mask`);
  return { field, value, mask };
}

export function writeOxm(into: Writer, { field, value, mask }: FieldMatch): void {
  into.u16(BASIC);
  into.u8((field.number << 1) | (mask === null ? 0 : 1));
  into.u8(field.bytes * (mask === null ? 1 : 2));
  into.raw(value);
  if (mask !== null) into.raw(mask);
}

/** A match with its type and length, padded to eight bytes. */
export const match: Codec<Match> = {
  read: (from) => {
    const type = from.u16();
    const length = from.u16();
    if (type !== OXM_MATCH) throw refuse('BAD_MATCH', 'BAD_TYPE', `there is no match of type ${type}`);
    if (length < 4 || length - 4 > from.left) throw refuse('BAD_MATCH', 'BAD_LEN', `a match has ${length} bytes`);
    const part = from.part(length - 4);
    const fields: FieldMatch[] = [];
    // Fields 0 to 31, and those from 32 on.
    let low = 0;
    let high = 0;
    while (part.left > 0) {
      const one = readOxm(part);
      const { number, name } = one.field;
      const bit = 1 << (number & 31);
      if (((number < 32 ? low : high) & bit) !== 0) throw refuse('BAD_MATCH', 'DUP_FIELD', `${name} is there twice`);
      if (number < 32) low |= bit;
      else high |= bit;
      fields.push(one);
    }
    from.skip(Math.min(from.left, -length & 7));
    return fields;
  },
  write: (into, fields) => {
    const start = into.at;
    into.u16(OXM_MATCH);
    into.u16(0);
    for (const field of fields) writeOxm(into, field);
    into.patch(start + 2, into.at - start);
    into.align(start);
  },
};

/** Headers of fields, four bytes each, as table features list them. */
export const oxmIds: Codec<readonly { readonly field: number; readonly masked: boolean }[]> = {
  read: (from) => {
    const ids: { field: number; masked: boolean }[] = [];
    while (from.left >= 4) {
      const oxmClass = from.u16();
      const head = from.u8();
      from.u8();
      if (oxmClass === BASIC) ids.push({ field: head >> 1, masked: (head & 1) === 1 });
    }
    return ids;
  },
  write: (into, ids) => {
    for (const { field, masked } of ids) {
      into.u16(BASIC);
      into.u8((field << 1) | (masked ? 1 : 0));
      into.u8((FIELDS[field]?.bytes ?? 0) * (masked ? 2 : 1));
    }
  },
};
