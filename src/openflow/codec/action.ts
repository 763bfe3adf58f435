import { type Action, OpenFlowError } from '../model.ts';
import type { Codec, Reader, Writer } from './bytes.ts';
import { refuse } from './errors.ts';
import { readOxm, writeOxm } from './match.ts';

/** Numbers of actions by name. Source: 1.3.5, section 7.2.5, `ofp_action_type`. */
export const ACTION_TYPE: Readonly<Record<Action['type'], number>> = {
  output: 0,
  copy_ttl_out: 11,
  copy_ttl_in: 12,
  set_mpls_ttl: 15,
  dec_mpls_ttl: 16,
  push_vlan: 17,
  pop_vlan: 18,
  push_mpls: 19,
  pop_mpls: 20,
  set_queue: 21,
  group: 22,
  set_nw_ttl: 23,
  dec_nw_ttl: 24,
  set_field: 25,
  push_pbb: 26,
  pop_pbb: 27,
  experimenter: 0xffff,
};

/** How each is written behind type and length, and its whole length; `set_field` and experimenters have lengths of their own. */
interface Shape {
  readonly length: number;
  read(from: Reader): Action;
  write(into: Writer, action: never): void;
}

const plain = (
  type: 'pop_vlan' | 'pop_pbb' | 'dec_mpls_ttl' | 'dec_nw_ttl' | 'copy_ttl_out' | 'copy_ttl_in',
): Shape => ({
  length: 8,
  read: (from) => {
    from.skip(4);
    return { type };
  },
  write: (into) => into.zeros(4),
});

const typed = (type: 'push_vlan' | 'push_mpls' | 'pop_mpls' | 'push_pbb'): Shape => ({
  length: 8,
  read: (from) => {
    const ethertype = from.u16();
    from.skip(2);
    return { type, ethertype };
  },
  write: (into, { ethertype }: { ethertype: number }) => {
    into.u16(ethertype);
    into.zeros(2);
  },
});

const timed = (type: 'set_mpls_ttl' | 'set_nw_ttl'): Shape => ({
  length: 8,
  read: (from) => {
    const ttl = from.u8();
    from.skip(3);
    return { type, ttl };
  },
  write: (into, { ttl }: { ttl: number }) => {
    into.u8(ttl);
    into.zeros(3);
  },
});

const SHAPES: Readonly<Record<Exclude<Action['type'], 'experimenter' | 'set_field'>, Shape>> = {
  output: {
    length: 16,
    read: (from) => {
      const port = from.u32();
      const maxLength = from.u16();
      from.skip(6);
      return { type: 'output', port, maxLength };
    },
    write: (into, { port, maxLength }: { port: number; maxLength: number }) => {
      into.u32(port);
      into.u16(maxLength);
      into.zeros(6);
    },
  },
  group: {
    length: 8,
    read: (from) => ({ type: 'group', group: from.u32() }),
    write: (into, { group }: { group: number }) => into.u32(group),
  },
  set_queue: {
    length: 8,
    read: (from) => ({ type: 'set_queue', queue: from.u32() }),
    write: (into, { queue }: { queue: number }) => into.u32(queue),
  },
  push_vlan: typed('push_vlan'),
  push_mpls: typed('push_mpls'),
  pop_mpls: typed('pop_mpls'),
  push_pbb: typed('push_pbb'),
  pop_vlan: plain('pop_vlan'),
  pop_pbb: plain('pop_pbb'),
  dec_mpls_ttl: plain('dec_mpls_ttl'),
  dec_nw_ttl: plain('dec_nw_ttl'),
  copy_ttl_out: plain('copy_ttl_out'),
  copy_ttl_in: plain('copy_ttl_in'),
  set_mpls_ttl: timed('set_mpls_ttl'),
  set_nw_ttl: timed('set_nw_ttl'),
};

const NAMES = new Map(Object.entries(ACTION_TYPE).map(([name, number]) => [number, name as Action['type']]));

export const action: Codec<Action> = {
  read: (from) => {
    if (from.left < 8) throw refuse('BAD_ACTION', 'BAD_LEN', 'an action is cut short');
    const number = from.u16();
    const length = from.u16();
    if (length < 8 || (length & 7) !== 0 || length - 4 > from.left)
      throw refuse('BAD_ACTION', 'BAD_LEN', `an action has ${length} bytes`);
    const part = from.part(length - 4);
    const name = NAMES.get(number);
    if (name === undefined) throw refuse('BAD_ACTION', 'BAD_TYPE', `there is no action ${number}`);
    if (name === 'experimenter') return { type: name, experimenter: part.u32(), data: part.rest() };
    if (name === 'set_field') return readSetField(part);
    const shape = SHAPES[name];
    if (shape.length !== length) throw refuse('BAD_ACTION', 'BAD_LEN', `${name} has ${length} bytes`);
    return shape.read(part);
  },
  write: (into, value) => {
    const start = into.at;
    into.u16(ACTION_TYPE[value.type]);
    into.u16(0);
    if (value.type === 'experimenter') {
      into.u32(value.experimenter);
      into.raw(value.data);
    } else if (value.type === 'set_field') writeOxm(into, { field: value.field, value: value.value, mask: null });
    else SHAPES[value.type].write(into, value as never);
    into.align(start);
    into.patch(start + 2, into.at - start);
  },
};

function readSetField(part: Reader): Action {
  try {
    const { field, value, mask } = readOxm(part);
    if (mask !== null) throw refuse('BAD_ACTION', 'BAD_SET_TYPE', `${field.name} is set whole`);
    return { type: 'set_field', field, value };
  } catch (error) {
    if (!(error instanceof OpenFlowError) || error.type !== 4) throw error;
    // What is a bad match field in a match is a bad argument here.
    const codes = { 1: 'BAD_SET_LEN', 6: 'BAD_SET_TYPE', 7: 'BAD_SET_ARGUMENT', 8: 'BAD_SET_TYPE' } as const;
    throw refuse('BAD_ACTION', codes[error.code as keyof typeof codes] ?? 'BAD_SET_ARGUMENT', error.message);
  }
}

/** Actions up to the end of what is read. */
export const actions: Codec<readonly Action[]> = {
  read: (from) => {
    const list: Action[] = [];
    while (from.left > 0) list.push(action.read(from));
    return list;
  },
  write: (into, list) => {
    for (const one of list) action.write(into, one);
  },
};
