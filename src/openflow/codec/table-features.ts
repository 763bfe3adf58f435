import { type Codec, pad, type Reader, struct, text, u8, u16, u32, u64, type Writer } from './bytes.ts';
import { refuse } from './errors.ts';
import { oxmIds } from './match.ts';

/** Properties of a table, by number. Odd ones are of the table-miss rule. Source: 1.3.5, section 7.3.5.5.2. */
export const TableProperty = {
  Instructions: 0,
  InstructionsMiss: 1,
  NextTables: 2,
  NextTablesMiss: 3,
  WriteActions: 4,
  WriteActionsMiss: 5,
  ApplyActions: 6,
  ApplyActionsMiss: 7,
  Match: 8,
  Wildcards: 10,
  WriteSetField: 12,
  WriteSetFieldMiss: 13,
  ApplySetField: 14,
  ApplySetFieldMiss: 15,
} as const;

export interface OxmId {
  readonly field: number;
  readonly masked: boolean;
}

/** Numbers of instructions or actions, table ids, or fields, as the property's number says. */
export type TableFeature =
  | { readonly property: number; readonly numbers: readonly number[] }
  | { readonly property: number; readonly fields: readonly OxmId[] }
  | { readonly property: number; readonly raw: Uint8Array };

export interface TableFeatures {
  readonly table: number;
  readonly name: string;
  readonly metadataMatch: bigint;
  readonly metadataWrite: bigint;
  readonly config: number;
  readonly maxEntries: number;
  readonly properties: readonly TableFeature[];
}

const head = struct({
  table: u8,
  _pad: pad(5),
  name: text(32),
  metadataMatch: u64,
  metadataWrite: u64,
  config: u32,
  maxEntries: u32,
});

const isTables = (property: number): boolean => property === 2 || property === 3;
const isTyped = (property: number): boolean => property <= 1 || (property >= 4 && property <= 7);
const isOxm = (property: number): boolean => property >= 8 && property <= 15;

function readFeature(from: Reader): TableFeature {
  if (from.left < 4) throw refuse('TABLE_FEATURES_FAILED', 'BAD_LEN', 'a property is cut short');
  const property = from.u16();
  const length = from.u16();
  if (length < 4 || length - 4 > from.left)
    throw refuse('TABLE_FEATURES_FAILED', 'BAD_LEN', `a property has ${length} bytes`);
  const part = from.part(length - 4);
  from.skip(Math.min(from.left, -length & 7));
  if (isTables(property)) return { property, numbers: [...part.rest()] };
  if (isOxm(property)) return { property, fields: oxmIds.read(part) };
  if (!isTyped(property)) return { property, raw: part.rest() };
  const numbers: number[] = [];
  // Each is a type and a length, which may be left out; experimenters are longer.
  while (part.left >= 4) {
    numbers.push(part.u16());
    const size = part.u16();
    if (size > 4) part.skip(Math.min(part.left, size - 4));
  }
  return { property, numbers };
}

function writeFeature(into: Writer, feature: TableFeature): void {
  const start = into.at;
  into.u16(feature.property);
  into.u16(0);
  if ('raw' in feature) into.raw(feature.raw);
  else if ('fields' in feature) oxmIds.write(into, feature.fields);
  else if (isTables(feature.property)) for (const table of feature.numbers) into.u8(table);
  else
    for (const number of feature.numbers) {
      into.u16(number);
      into.u16(4);
    }
  into.patch(start + 2, into.at - start);
  into.align(start);
}

export const tableFeatures: Codec<TableFeatures> = {
  read: (from) => {
    const length = u16.read(from);
    if (length < 64 || length - 2 > from.left)
      throw refuse('TABLE_FEATURES_FAILED', 'BAD_LEN', `the features of a table have ${length} bytes`);
    const part = from.part(length - 2);
    const fixed = head.read(part);
    const properties: TableFeature[] = [];
    while (part.left > 0) properties.push(readFeature(part));
    return { ...fixed, properties };
  },
  write: (into, { properties, ...fixed }) => {
    const start = into.at;
    into.u16(0);
    head.write(into, fixed);
    for (const property of properties) writeFeature(into, property);
    into.patch(start, into.at - start);
  },
};
