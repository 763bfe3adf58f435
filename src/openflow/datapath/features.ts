import { Limit } from '../../path/rules/log.ts';
import { ACTION_TYPE } from '../codec/action.ts';
import { refuse } from '../codec/errors.ts';
import { INSTRUCTION_TYPE } from '../codec/instruction.ts';
import type { MultipartReplyBody } from '../codec/stats.ts';
import { type OxmId, type TableFeature, type TableFeatures, TableProperty } from '../codec/table-features.ts';
import { FIELDS } from '../fields.ts';
import { TABLES } from './check.ts';
import { MOST_BANDS } from './meters.ts';

/** What a datapath can do, in numbers. Source: 1.3.5, sections 7.3.5.5, 7.3.5.10 and 7.3.5.13. */

const known = (numbers: Readonly<Record<string, number>>): number[] =>
  Object.values(numbers).filter((number) => number !== 0xffff);
const bits = (numbers: readonly number[]): number => numbers.reduce((all, one) => all | (1 << one), 0) >>> 0;
const ALL_BITS = 0xffff_ffff_ffff_ffffn;
const ACTIONS = known(ACTION_TYPE).sort((a, b) => a - b);
const INSTRUCTIONS = known(INSTRUCTION_TYPE).sort((a, b) => a - b);

/** OFPGFC_SELECT_WEIGHT, SELECT_LIVENESS, CHAINING, CHAINING_CHECKS. */
const GROUP_CAPABILITIES = 0b1111;

export function groupFeatures(): MultipartReplyBody<'group_features'> {
  const each = (value: number) => ({ all: value, select: value, indirect: value, ff: value });
  return {
    types: 0b1111,
    capabilities: GROUP_CAPABILITIES,
    maxGroups: each(Limit.Groups),
    actions: each(bits(ACTIONS)),
  };
}

export function meterFeatures(): MultipartReplyBody<'meter_features'> {
  return { maxMeters: Limit.Meters, bandTypes: 0b110, capabilities: 0b1111, maxBands: MOST_BANDS, maxColors: 0 };
}

const matched: readonly OxmId[] = FIELDS.map(({ number, maskable }) => ({ field: number, masked: maskable }));
const every: readonly OxmId[] = FIELDS.map(({ number }) => ({ field: number, masked: false }));
const settable: readonly OxmId[] = FIELDS.filter(({ set }) => set !== null).map(({ number }) => ({
  field: number,
  masked: false,
}));

/** The features of all tables, which are alike. Properties for table-miss are left out, since they are the same. */
export function tableFeatures(mostRules: number): TableFeatures[] {
  const fixed: readonly TableFeature[] = [
    { property: TableProperty.WriteActions, numbers: ACTIONS },
    { property: TableProperty.ApplyActions, numbers: ACTIONS },
    { property: TableProperty.Match, fields: matched },
    { property: TableProperty.Wildcards, fields: every },
    { property: TableProperty.WriteSetField, fields: settable },
    { property: TableProperty.ApplySetField, fields: settable },
  ];
  return Array.from({ length: TABLES }, (_, table) => {
    const next = Array.from({ length: TABLES - 1 - table }, (_, k) => table + 1 + k);
    const instructions =
      next.length > 0 ? INSTRUCTIONS : INSTRUCTIONS.filter((one) => one !== INSTRUCTION_TYPE.goto_table);
    return {
      ...{ table, name: `table ${table}`, metadataMatch: ALL_BITS, metadataWrite: ALL_BITS, config: 0 },
      maxEntries: mostRules,
      properties: [
        { property: TableProperty.Instructions, numbers: instructions },
        { property: TableProperty.NextTables, numbers: next },
        ...fixed,
      ],
    };
  });
}

/**
 * Whether a request to be like that can be granted: our tables can do everything always, so the answer is yes to whoever asks for no
 * more than that, and nothing has to be done. Source: 1.3.5, section 7.3.5.5.
 * @throws OpenFlowError
 */
export function checkTableFeatures(wanted: readonly TableFeatures[], ours: readonly TableFeatures[]): void {
  const seen = new Set<number>();
  for (const one of wanted) {
    const mine = ours[one.table];
    if (mine === undefined || seen.has(one.table))
      throw refuse('TABLE_FEATURES_FAILED', 'BAD_TABLE', `there is no table ${one.table}, or it is named twice`);
    seen.add(one.table);
    if (one.config !== 0 || one.maxEntries > mine.maxEntries)
      throw refuse(
        'TABLE_FEATURES_FAILED',
        'BAD_ARGUMENT',
        `table ${one.table} holds ${mine.maxEntries} rules at most`,
      );
    for (const property of one.properties) checkProperty(property, mine);
  }
}

function checkProperty(wanted: TableFeature, ours: TableFeatures): void {
  const { property } = wanted;
  // Of the table-miss rule: the same as of the others, which are the even number before.
  const mine = ours.properties.find((one) => one.property === property || one.property === property - 1);
  if ('raw' in wanted || mine === undefined || 'raw' in mine)
    throw refuse('TABLE_FEATURES_FAILED', 'BAD_TYPE', `tables have no property ${property}`);
  const more =
    'numbers' in wanted
      ? 'numbers' in mine && wanted.numbers.filter((number) => !mine.numbers.includes(number))
      : 'fields' in mine && wanted.fields.filter(({ field, masked }) => !can(mine.fields, field, masked));
  if (more === false || more.length > 0)
    throw refuse('TABLE_FEATURES_FAILED', 'BAD_ARGUMENT', `property ${property} of table ${ours.table} has less`);
}

function can(fields: readonly OxmId[], field: number, masked: boolean): boolean {
  return fields.some((one) => one.field === field && (one.masked || !masked));
}
