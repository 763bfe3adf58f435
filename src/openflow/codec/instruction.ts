import type { Instruction } from '../model.ts';
import { actions } from './action.ts';
import type { Codec } from './bytes.ts';
import { refuse } from './errors.ts';

/** Source: 1.3.5, section 7.2.4, `ofp_instruction_type`. */
export const INSTRUCTION_TYPE: Readonly<Record<Instruction['type'], number>> = {
  goto_table: 1,
  write_metadata: 2,
  write_actions: 3,
  apply_actions: 4,
  clear_actions: 5,
  meter: 6,
  experimenter: 0xffff,
};

const NAMES = new Map(Object.entries(INSTRUCTION_TYPE).map(([name, number]) => [number, name as Instruction['type']]));
const LENGTH = { goto_table: 8, write_metadata: 24, clear_actions: 8, meter: 8 } as const;

export const instruction: Codec<Instruction> = {
  read: (from) => {
    if (from.left < 8) throw refuse('BAD_INSTRUCTION', 'BAD_LEN', 'an instruction is cut short');
    const number = from.u16();
    const length = from.u16();
    if (length < 8 || (length & 7) !== 0 || length - 4 > from.left)
      throw refuse('BAD_INSTRUCTION', 'BAD_LEN', `an instruction has ${length} bytes`);
    const part = from.part(length - 4);
    const type = NAMES.get(number);
    if (type === undefined) throw refuse('BAD_INSTRUCTION', 'UNKNOWN_INST', `there is no instruction ${number}`);
    const fixed = LENGTH[type as keyof typeof LENGTH];
    if (fixed !== undefined && fixed !== length)
      throw refuse('BAD_INSTRUCTION', 'BAD_LEN', `${type} has ${length} bytes`);
    switch (type) {
      case 'goto_table':
        return { type, table: part.u8() };
      case 'write_metadata':
        part.skip(4);
        return { type, metadata: part.u64(), mask: part.u64() };
      case 'write_actions':
      case 'apply_actions':
        part.skip(4);
        return { type, actions: actions.read(part) };
      case 'clear_actions':
        return { type };
      case 'meter':
        return { type, meter: part.u32() };
      default:
        return { type: 'experimenter', experimenter: part.u32(), data: part.rest() };
    }
  },
  write: (into, value) => {
    const start = into.at;
    into.u16(INSTRUCTION_TYPE[value.type]);
    into.u16(0);
    switch (value.type) {
      case 'goto_table':
        into.u8(value.table);
        into.zeros(3);
        break;
      case 'write_metadata':
        into.zeros(4);
        into.u64(value.metadata);
        into.u64(value.mask);
        break;
      case 'write_actions':
      case 'apply_actions':
        into.zeros(4);
        actions.write(into, value.actions);
        break;
      case 'clear_actions':
        into.zeros(4);
        break;
      case 'meter':
        into.u32(value.meter);
        break;
      default:
        into.u32(value.experimenter);
        into.raw(value.data);
        into.align(start);
    }
    into.patch(start + 2, into.at - start);
  },
};

export const instructions: Codec<readonly Instruction[]> = {
  read: (from) => {
    const list: Instruction[] = [];
    while (from.left > 0) list.push(instruction.read(from));
    return list;
  },
  write: (into, list) => {
    for (const one of list) instruction.write(into, one);
  },
};
