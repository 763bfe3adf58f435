import { Edit } from '../../src/path/rules/edit.ts';
import { Op, opWord, ReservedPort, SetField } from '../../src/path/rules/program.ts';
import { type Action, act, isStrange } from './layer-actions.ts';
import { bytesOfLayers, keyOfLayers, type Layers } from './layers.ts';

/**
 * Rule tables the slow, obvious way: a list of rules sorted by priority, and frames as layers that are built anew. Actions that need
 * the built-in stages or a clock are left out.
 */
export type TwinOp =
  | Action
  | { readonly op: 'output'; readonly port: number }
  | { readonly op: 'group'; readonly group: number }
  | { readonly op: 'metadata' | 'tunnel'; readonly words: readonly [number, number] };

export interface TwinRule {
  readonly table: number;
  readonly priority: number;
  /** Place in the key, value, mask; ascending. */
  readonly triples: readonly (readonly [number, number, number])[];
  readonly apply: readonly TwinOp[];
  readonly clear: boolean;
  readonly write: readonly TwinOp[];
  /** Value and mask, two words each. */
  readonly metadata: readonly [number, number, number, number] | null;
  readonly goto: number | null;
}

export interface TwinGroup {
  readonly kind: 'all' | 'indirect';
  readonly buckets: readonly (readonly TwinOp[])[];
}

const CODES = {
  push_vlan: Op.PushVlan,
  push_mpls: Op.PushMpls,
  pop_mpls: Op.PopMpls,
  set_mpls_ttl: Op.SetMplsTtl,
  set_nw_ttl: Op.SetNwTtl,
  pop_vlan: Op.PopVlan,
  pop_pbb: Op.PopPbb,
  dec_mpls_ttl: Op.DecMplsTtl,
  dec_nw_ttl: Op.DecNwTtl,
  copy_ttl_in: Op.CopyTtlIn,
  copy_ttl_out: Op.CopyTtlOut,
} as const;

/** An op as the control side would compile it. */
export function wordsOf(op: TwinOp): number[] {
  switch (op.op) {
    case 'output':
      return [opWord(Op.Output, 3), op.port, 0xffff];
    case 'group':
      return [opWord(Op.Group, 2), op.group];
    case 'metadata':
      return [opWord(Op.SetField, 4), SetField.Metadata, ...op.words];
    case 'tunnel':
      return [opWord(Op.SetField, 4), SetField.TunnelId, ...op.words];
    case 'set':
      return [opWord(Op.SetField, 2 + op.words.length), op.field, ...op.words];
    case 'push_pbb':
      return [opWord(Op.PushPbb, 2), 0x88e7];
    default:
      return 'value' in op ? [opWord(CODES[op.op], 2), op.value] : [opWord(CODES[op.op], 1)];
  }
}

export function programOf({ apply, clear, write, metadata, goto }: TwinRule): number[] {
  const set = write.flatMap(wordsOf);
  return [
    ...apply.flatMap(wordsOf),
    ...(clear ? [opWord(Op.ClearActions, 1)] : []),
    ...(write.length > 0 ? [opWord(Op.WriteActions, set.length + 1), ...set] : []),
    ...(metadata === null ? [] : [opWord(Op.WriteMetadata, 5), ...metadata]),
    ...(goto === null ? [] : [opWord(Op.GotoTable, 2), goto]),
  ];
}

const ORDER = [
  ...['copy_ttl_in', 'pop_vlan', 'pop_mpls', 'pop_pbb', 'push_mpls', 'push_pbb', 'push_vlan', 'copy_ttl_out'],
  ...['dec_mpls_ttl', 'dec_nw_ttl', 'set_mpls_ttl', 'set_nw_ttl', 'set', 'tunnel', 'metadata', 'group', 'output'],
];
const kindOf = (op: TwinOp): string => (op.op === 'set' ? `set ${op.field}` : op.op);

/** Actions as a set: the last of each kind, in the order of the specification; fields by their code. */
export function asSet(ops: readonly TwinOp[]): TwinOp[] {
  const last = new Map(ops.map((op) => [kindOf(op), op]));
  if (last.has('group')) last.delete('output');
  const place = (op: TwinOp) => ORDER.indexOf(op.op) * 100 + (op.op === 'set' ? op.field : 0);
  return [...last.values()].sort((a, b) => place(a) - place(b));
}

/** The frame would no longer be what its layers say: nothing can be compared. */
class Unknown extends Error {}

interface State {
  frame: Layers;
  metadata: [number, number];
  tunnel: [number, number];
}

export interface Outcome {
  /** Frames as hex, by OpenFlow port. */
  readonly out: Map<number, string[]>;
  /** Rules that matched, by their place in the list. */
  readonly matched: number[];
}

export class TwinRules {
  readonly #rules: readonly TwinRule[];
  readonly #groups: readonly TwinGroup[];
  readonly #ports: readonly number[];
  #out = new Map<number, string[]>();
  #inPort = 0;
  #extensions = 0;
  #first = 0;
  #room = 0;

  constructor(rules: readonly TwinRule[], groups: readonly TwinGroup[], ports: readonly number[]) {
    this.#rules = rules;
    this.#groups = groups;
    this.#ports = ports;
  }

  /** @param room bytes free in front of the frame @returns null where the layers cannot say */
  run(frame: Layers, extensions: number, inPort: number, room: number): Outcome | null {
    this.#out = new Map();
    this.#inPort = inPort;
    this.#extensions = extensions;
    this.#first = bytesOfLayers(frame).length;
    this.#room = room;
    try {
      return { matched: this.#walk({ frame, metadata: [0, 0], tunnel: [0, 0] }), out: this.#out };
    } catch (error) {
      if (error instanceof Unknown) return null;
      throw error;
    }
  }

  #walk(state: State): number[] {
    const matched: number[] = [];
    let set: TwinOp[] = [];
    for (let table: number | null = 0; table !== null; ) {
      const found = this.#look(table, state);
      if (found < 0) return matched;
      matched.push(found);
      const { apply, clear, write, metadata, goto }: TwinRule = this.#rules[found];
      if (!this.#all(apply, state, 0)) return matched;
      if (clear) set = [];
      set.push(...write);
      if (metadata !== null) {
        const [high, low, highMask, lowMask] = metadata;
        state.metadata = [
          (state.metadata[0] & ~highMask) | (high & highMask),
          (state.metadata[1] & ~lowMask) | (low & lowMask),
        ];
      }
      table = goto;
    }
    this.#all(asSet(set), state, 0);
    return matched;
  }

  #look(table: number, { frame, metadata, tunnel }: State): number {
    if (isStrange(frame)) throw new Unknown();
    const key = keyOfLayers(frame, this.#extensions);
    key.splice(0, 6, this.#inPort, this.#inPort, ...metadata, ...tunnel);
    let best = -1;
    for (const [place, rule] of this.#rules.entries()) {
      if (rule.table !== table || (best >= 0 && this.#rules[best].priority >= rule.priority)) continue;
      if (rule.triples.every(([word, value, mask]) => ((key[word] ^ value) & mask) === 0)) best = place;
    }
    return best;
  }

  #all(ops: readonly TwinOp[], state: State, depth: number): boolean {
    return ops.every((op) => this.#one(op, state, depth));
  }

  #one(op: TwinOp, state: State, depth: number): boolean {
    switch (op.op) {
      case 'output':
        for (const port of this.#takers(op.port)) this.#send(port, state.frame);
        return true;
      case 'group': {
        const { kind, buckets } = this.#groups[op.group];
        for (const bucket of kind === 'all' ? buckets : buckets.slice(0, 1)) {
          this.#all(asSet(bucket), { ...state }, depth + 1);
        }
        return true;
      }
      case 'metadata':
        state.metadata = [...op.words];
        return true;
      case 'tunnel':
        state.tunnel = [...op.words];
        return true;
      default: {
        const grown = bytesOfLayers(state.frame).length - this.#first;
        const edited = act(state.frame, op, this.#room - grown);
        if (edited === null) throw new Unknown();
        state.frame = edited.frame;
        return edited.edit === Edit.Done || edited.edit === Edit.Absent;
      }
    }
  }

  #takers(port: number): readonly number[] {
    if (port === ReservedPort.InPort) return [this.#inPort];
    const others = this.#ports.filter((one) => one !== this.#inPort);
    if (port === ReservedPort.Flood || port === ReservedPort.All) return others;
    return others.filter((one) => one === port);
  }

  #send(port: number, frame: Layers): void {
    const sent = this.#out.get(port) ?? [];
    sent.push(Buffer.from(bytesOfLayers(frame)).toString('hex'));
    this.#out.set(port, sent);
  }
}
