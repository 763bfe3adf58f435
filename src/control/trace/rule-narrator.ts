import type { Datapath } from '../../openflow/datapath/datapath.ts';
import type { Rule } from '../../openflow/datapath/rule.ts';
import { FIELDS } from '../../openflow/fields.ts';
import type { Action } from '../../openflow/model.ts';
import type { PortNames } from '../../openflow/text/ports.ts';
import { formatActions } from '../../openflow/text/print-action.ts';
import { formatFlow } from '../../openflow/text/print-flow.ts';
import { Edit } from '../../path/rules/edit-code.ts';
import { Verdict } from '../../path/rules/meter.ts';
import type { RuleObserver } from '../../path/rules/observer.ts';
import { Op, opCode } from '../../path/rules/program.ts';

/** Why an edit has changed nothing. */
const NOT_DONE: Partial<Record<Edit, string>> = {
  [Edit.Absent]: ': the frame has no such field, and stays as it is',
  [Edit.NoRoom]: ': there is no room for it in the frame',
  [Edit.TtlExpired]: ': the TTL has expired; controllers are told',
};

/** Tells table by table which rule a frame meets, and what the rule does to it. */
export class RuleNarrator implements RuleObserver {
  readonly #datapath: Datapath;
  readonly #names: PortNames;
  readonly #say: (text: string) => void;
  #looked = false;

  constructor(datapath: Datapath, say: (text: string) => void) {
    this.#datapath = datapath;
    this.#names = new Map([...datapath.ports.values()].map(({ number, name }) => [number, name]));
    this.#say = say;
  }

  table(table: number, rule: number): void {
    this.#looked = true;
    const found = this.#datapath.flows.at(rule);
    this.#say(`table ${table}: ${found === undefined ? 'no rule matches' : this.#text(found)}`);
  }

  op(words: Int32Array, at: number, edit: Edit): void {
    this.#say(`  ${this.#op(words, at)}${NOT_DONE[edit] ?? ''}`);
  }

  meter(index: number, verdict: number): void {
    const meter = [...this.#datapath.meters.meters.values()].find((one) => one.index === index);
    const what = { [Verdict.Pass]: 'within its rate', [Verdict.Drop]: 'over its rate', [Verdict.Remark]: 'remarked' };
    this.#say(`  meter:${meter?.id ?? '?'}: ${what[verdict as keyof typeof what]}`);
  }

  bucket(group: number, bucket: number): void {
    const found = [...this.#datapath.groups.groups.values()].find((one) => one.index === group);
    const text = bucket < 0 ? 'no bucket is alive' : `bucket ${bucket} of ${found?.buckets.length ?? '?'}`;
    this.#say(`  group ${found?.id ?? '?'}: ${text}`);
  }

  actionSet(): void {
    this.#say('  the action set:');
  }

  /** The frame goes on the built-in way. */
  goesOn(): void {
    if (!this.#looked) {
      const { standalone } = this.#datapath;
      // No rule was asked: there is none but NORMAL, or none counts.
      this.#say(standalone ? 'no controller is left: as by NORMAL' : 'table 0: priority=0 actions=NORMAL');
    }
    this.#say('goes the built-in way (NORMAL)');
  }

  #text({ priority, cookie, idleTimeout, hardTimeout, match, instructions }: Rule): string {
    const said = { priority, cookie, idleTimeout, hardTimeout, match, instructions };
    return formatFlow({ ...said, table: 0, flags: 0 }, this.#names);
  }

  #op(words: Int32Array, at: number): string {
    const action = this.#action(words, at);
    return action === null ? `op ${opCode(words[at])}` : formatActions([action], this.#names);
  }

  #action(words: Int32Array, at: number): Action | null {
    const argument = words[at + 1];
    switch (opCode(words[at])) {
      case Op.Output:
        return { type: 'output', port: argument >>> 0, maxLength: words[at + 2] };
      case Op.Group: {
        const group = [...this.#datapath.groups.groups.values()].find(({ index }) => index === argument);
        return { type: 'group', group: group?.id ?? 0 };
      }
      case Op.SetQueue:
        return { type: 'set_queue', queue: argument >>> 0 };
      case Op.SetField: {
        const field = FIELDS.find(({ set }) => set === argument);
        return field === undefined ? null : { type: 'set_field', field, value: bytesOf(words, at + 2, field.bytes) };
      }
      case Op.PushVlan:
        return { type: 'push_vlan', ethertype: argument };
      case Op.PushMpls:
        return { type: 'push_mpls', ethertype: argument };
      case Op.PopMpls:
        return { type: 'pop_mpls', ethertype: argument };
      case Op.PushPbb:
        return { type: 'push_pbb', ethertype: argument };
      case Op.SetMplsTtl:
        return { type: 'set_mpls_ttl', ttl: argument };
      case Op.SetNwTtl:
        return { type: 'set_nw_ttl', ttl: argument };
      default: {
        const type = PLAIN.get(opCode(words[at]));
        return type === undefined ? null : { type };
      }
    }
  }
}

const PLAIN = new Map<number, 'pop_vlan' | 'pop_pbb' | 'dec_mpls_ttl' | 'dec_nw_ttl' | 'copy_ttl_out' | 'copy_ttl_in'>([
  [Op.PopVlan, 'pop_vlan'],
  [Op.PopPbb, 'pop_pbb'],
  [Op.DecMplsTtl, 'dec_mpls_ttl'],
  [Op.DecNwTtl, 'dec_nw_ttl'],
  [Op.CopyTtlOut, 'copy_ttl_out'],
  [Op.CopyTtlIn, 'copy_ttl_in'],
]);

/** A value of so many bytes from the words that hold it, right-aligned. */
function bytesOf(words: Int32Array, at: number, length: number): Uint8Array {
  const count = Math.ceil(length / 4);
  const bytes = Buffer.alloc(count * 4);
  for (let k = 0; k < count; k++) bytes.writeInt32BE(words[at + k], k * 4);
  return Uint8Array.from(bytes.subarray(bytes.length - length));
}
