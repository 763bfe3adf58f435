import { Op, opWord } from '../../path/rules/program.ts';
import type { Action, Instruction } from '../model.ts';
import { number } from './match-words.ts';

/** What names of groups and meters stand for in the workers. */
export interface Indices {
  group(id: number): number;
  meter(id: number): number;
}

/** Actions as words. The caller has checked them. */
export function compileActions(actions: readonly Action[], indices: Indices): number[] {
  return actions.flatMap((action) => compileAction(action, indices));
}

/** Places in the order in which a set of actions is carried out. Source: 1.3.5, section 5.10. */
const SET_ORDER: readonly Action['type'][] = [
  ...([
    'copy_ttl_in',
    'pop_vlan',
    'pop_mpls',
    'pop_pbb',
    'push_mpls',
    'push_pbb',
    'push_vlan',
    'copy_ttl_out',
  ] as const),
  ...([
    'dec_mpls_ttl',
    'dec_nw_ttl',
    'set_mpls_ttl',
    'set_nw_ttl',
    'set_field',
    'set_queue',
    'group',
    'output',
  ] as const),
];

/** Actions of a group's bucket, which are a set: the last of each kind, in the order of sets; a group instead of an output (5.6.1, 5.10). */
export function compileBucket(actions: readonly Action[], indices: Indices): number[] {
  const kind = (action: Action) => (action.type === 'set_field' ? `set ${action.field.name}` : action.type);
  const last = new Map(actions.map((action) => [kind(action), action]));
  if (last.has('group')) last.delete('output');
  const place = ({ type }: Action) => SET_ORDER.indexOf(type);
  return compileActions(
    [...last.values()].sort((a, b) => place(a) - place(b)),
    indices,
  );
}

/** The order in which instructions are carried out. Source: 1.3.5, section 5.9. */
const ORDER: readonly Instruction['type'][] = [
  'meter',
  'apply_actions',
  'clear_actions',
  'write_actions',
  'write_metadata',
  'goto_table',
];

/** Instructions, each of a kind of its own, as words, in the order in which they are carried out. */
export function compileInstructions(instructions: readonly Instruction[], indices: Indices): number[] {
  if (instructions.length === 1) return compileInstruction(instructions[0], indices);
  const sorted = [...instructions].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type));
  return sorted.flatMap((one) => compileInstruction(one, indices));
}

function compileInstruction(one: Instruction, indices: Indices): number[] {
  switch (one.type) {
    case 'meter':
      return [opWord(Op.Meter, 2), indices.meter(one.meter)];
    case 'apply_actions':
      return compileActions(one.actions, indices);
    case 'clear_actions':
      return [opWord(Op.ClearActions, 1)];
    case 'write_actions': {
      const body = compileActions(one.actions, indices);
      return [opWord(Op.WriteActions, body.length + 1), ...body];
    }
    case 'write_metadata':
      return [opWord(Op.WriteMetadata, 5), high(one.metadata), low(one.metadata), high(one.mask), low(one.mask)];
    case 'goto_table':
      return [opWord(Op.GotoTable, 2), one.table];
    default:
      return [];
  }
}

const PLAIN = {
  pop_vlan: Op.PopVlan,
  pop_pbb: Op.PopPbb,
  dec_mpls_ttl: Op.DecMplsTtl,
  dec_nw_ttl: Op.DecNwTtl,
  copy_ttl_out: Op.CopyTtlOut,
  copy_ttl_in: Op.CopyTtlIn,
} as const;
const TYPED = {
  push_vlan: Op.PushVlan,
  push_mpls: Op.PushMpls,
  pop_mpls: Op.PopMpls,
  push_pbb: Op.PushPbb,
} as const;

function compileAction(action: Action, indices: Indices): number[] {
  switch (action.type) {
    case 'output':
      return [opWord(Op.Output, 3), action.port | 0, action.maxLength];
    case 'group':
      return [opWord(Op.Group, 2), indices.group(action.group)];
    case 'set_queue':
      return [opWord(Op.SetQueue, 2), action.queue | 0];
    case 'set_nw_ttl':
      return [opWord(Op.SetNwTtl, 2), action.ttl];
    case 'set_mpls_ttl':
      return [opWord(Op.SetMplsTtl, 2), action.ttl];
    case 'set_field': {
      const { field, value } = action;
      const words = valueWords(value);
      return [opWord(Op.SetField, 2 + words.length), field.set ?? 0, ...words];
    }
    case 'push_vlan':
    case 'push_mpls':
    case 'pop_mpls':
    case 'push_pbb':
      return [opWord(TYPED[action.type], 2), action.ethertype];
    case 'experimenter':
      return [];
    default:
      return [opWord(PLAIN[action.type], 1)];
  }
}

/** A value in as many words as it takes, the last full. */
function valueWords(value: Uint8Array): number[] {
  const words: number[] = [];
  for (let end = value.length; end > 0; end -= 4) words.unshift(number(value, Math.max(0, end - 4), end));
  return words;
}

function high(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}

function low(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}
