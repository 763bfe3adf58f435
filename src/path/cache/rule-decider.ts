import { type Batch, Trait } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import { isTpid } from '../../wire/vlan.ts';
import type { Devices } from '../devices.ts';
import type { BridgeImage } from '../image.ts';
import { ActionSet } from '../rules/action-set.ts';
import { FIRST_BUCKET, GROUPS, NO_RULE } from '../rules/counts.ts';
import type { GroupEntry } from '../rules/entries.ts';
import { DEEPEST, GroupChoice } from '../rules/group-choice.ts';
import { FlowKey, isPipelineField } from '../rules/key.ts';
import { KeyWord, VID_PRESENT } from '../rules/layout.ts';
import { GroupKind, PortConfig, type RulesImage } from '../rules/log.ts';
import { Op, opCode, opLength, ReservedPort, SetField } from '../rules/program.ts';
import type { RuleStore } from '../rules/store.ts';
import { WatchedLinks } from '../rules/watched-links.ts';
import { Decision as D, type Decisions, Does } from './decision.ts';
import { EditList } from './edit-list.ts';
import { Metering } from './metering.ts';

/** What rules say of a plain frame. */
export const Verdict = {
  /** It is for the interpreter: several outputs, groups of all buckets, meters before later tables, controllers, labels, … */
  Interpret: 0,
  /** The draft says what happens. */
  Decided: 1,
  /** It goes on as by `NORMAL`, untouched; the draft counts the rules. */
  Normal: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Several buckets of a group act, or which one does cannot be told here. */
const UNKNOWN = -2;

export interface RuleDeciderContext {
  readonly pool: Pool;
  readonly store: RuleStore;
  readonly image: RulesImage;
  readonly worker: number;
  readonly bridge: BridgeImage;
  readonly devices: Devices;
  readonly decisions: Decisions;
}

/**
 * Decides one plain frame by the rules of its tenant, without touching it: looked up table by table, edits collected; what the flow cache
 * can carry out is one output, or none. Edits that a later table looks at are made in the flow key, as far as they are plain, too. Of a group
 * it takes the bucket that acts: for a flow it is always the same, until the group or the link of a port that it watches changes.
 * The interpreter is its slow twin, and takes whatever this does not know.
 */
export class RuleDecider {
  readonly metering: Metering;
  /** What choices of buckets rest on. */
  readonly links: WatchedLinks;
  readonly #store: RuleStore;
  readonly #bridge: BridgeImage;
  readonly #choice: GroupChoice;
  readonly #decisions: Decisions;
  readonly #key: FlowKey;
  readonly #set = new ActionSet();
  /** What is to be done to the frame before it leaves. */
  readonly #edits: EditList;
  /** Row of the one output; -1: none. */
  #to = -1;
  #normal = false;
  #metered = false;
  /** The flow key is not what the frame would be after the edits. */
  #stale = false;
  #inPort = 0;

  constructor({ pool, store, image, worker, bridge, devices, decisions }: RuleDeciderContext) {
    this.metering = new Metering(pool, store, image, worker);
    this.links = new WatchedLinks(devices.linkUp);
    this.#store = store;
    this.#bridge = bridge;
    this.#choice = new GroupChoice(store, bridge, devices, this.links);
    this.#decisions = decisions;
    this.#edits = new EditList(decisions);
    this.#key = new FlowKey(pool);
  }

  /** @param batch whose row i was parsed; the draft is clear */
  decide(batch: Batch, i: number): Verdict {
    const store = this.#store;
    if (store.plain) return Verdict.Normal;
    const inPort = store.numberOf[batch.port[i]];
    const shut = (store.configOf[inPort] & (PortConfig.Down | PortConfig.NoReceive)) !== 0;
    // What stands behind a second tag is not in the key of the cache.
    if (shut || isTpid(batch.etherType[i])) return Verdict.Interpret;
    if (store.dropFragments && (batch.traits[i] & Trait.Fragment) !== 0) return Verdict.Interpret;
    this.#key.enter(inPort);
    this.#key.extract(batch, i);
    this.#set.clear();
    this.#inPort = inPort;
    this.#edits.cutTo(0);
    this.#to = -1;
    this.#normal = false;
    this.#metered = false;
    this.#stale = false;
    for (let table = 0; table >= 0; ) {
      if (this.#stale) return Verdict.Interpret;
      const rule = store.tables[table]?.match(this.#key.words) ?? -1;
      if (!this.#decisions.rule(table, rule < 0 ? NO_RULE : rule)) return Verdict.Interpret;
      if (rule < 0) return this.#finish(batch, i, Drop.TableMiss);
      const next = this.#instructions(rule, batch, i);
      if (next < -1) return Verdict.Interpret;
      table = next;
    }
    const set = this.#set;
    for (let place = set.find(0); place >= 0; place = set.find(place + 1))
      if (!this.#action(set.words, set.position(place), batch, i)) return Verdict.Interpret;
    return this.#finish(batch, i, Drop.RuleDrop);
  }

  /** @returns the next table, -1: the end, -2: not for the cache */
  #instructions(rule: number, batch: Batch, i: number): number {
    const { at, length, programs } = this.#store;
    const { words } = programs;
    const end = at[rule] + length[rule];
    for (let k = at[rule]; k < end; k += opLength(words[k])) {
      switch (opCode(words[k])) {
        case Op.Meter:
          if (!this.#meter(words[k + 1])) return -2;
          break;
        case Op.ClearActions:
          this.#set.clear();
          break;
        case Op.WriteActions:
          this.#set.write(words, k + 1, k + opLength(words[k]));
          break;
        case Op.WriteMetadata:
          this.#key.writeMetadata(words, k);
          break;
        case Op.GotoTable:
          // What a meter drops is not counted there.
          return this.#metered ? -2 : words[k + 1];
        default:
          if (!this.#action(words, k, batch, i)) return -2;
      }
    }
    return -1;
  }

  /** Every frame is to be weighed, as it came in. @returns false: not for the cache */
  #meter(index: number): boolean {
    if (this.#store.meters[index] === undefined) return true;
    if (this.#metered || this.#edits.length > 0 || this.#to >= 0 || this.#normal) return false;
    const { words, draft } = this.#decisions;
    words[draft + D.Meter] = index + 1;
    this.#metered = true;
    return true;
  }

  /** Adds an action to what is decided. @returns false: not for the cache */
  #action(words: Int32Array, at: number, batch: Batch, i: number): boolean {
    const code = opCode(words[at]);
    if (code === Op.Output) return this.#output(words[at + 1]);
    if (code === Op.Group) return this.#group(words[at + 1], batch, i, 0);
    if (this.#key.setPipelineField(words, at)) return true;
    if (!this.#isEdit(code)) return false;
    // An edit behind the output is seen by no port (if something else is made of the frame, it is not for the cache), but by the tables
    // that follow; and a TTL may run out.
    if (this.#to >= 0 || this.#normal) {
      if (code === Op.DecNwTtl) return false;
      this.#foresee(words, at, code, batch, i);
      return true;
    }
    if (!this.#edits.keep(words, at)) return false;
    this.#foresee(words, at, code, batch, i);
    return true;
  }

  /** Takes the bucket of a group that acts. @param depth of groups that it stands in @returns false: not for the cache */
  #group(index: number, batch: Batch, i: number, depth: number): boolean {
    const group = this.#store.groups[index];
    if (group === undefined || depth === DEEPEST) return true;
    if (this.#to >= 0 || this.#normal || this.#metered) return false;
    const chosen = this.#chosen(group);
    if (chosen === UNKNOWN || !this.#decisions.rule(GROUPS, index)) return false;
    return chosen < 0 || this.#bucket(group, chosen, batch, i, depth);
  }

  /** @returns the one bucket that acts, -1: none, or `UNKNOWN` */
  #chosen(group: GroupEntry): number {
    switch (group.kind) {
      case GroupKind.FastFailover:
        return this.#choice.firstAlive(group);
      case GroupKind.Select:
        return this.#stale ? UNKNOWN : this.#choice.select(group, this.#key.words);
      default:
        return group.buckets.length === 1 ? 0 : UNKNOWN;
    }
  }

  /** What a bucket edits is a copy: without an output nothing of it is left, and no table sees it. */
  #bucket(group: GroupEntry, b: number, batch: Batch, i: number, depth: number): boolean {
    const { place, at, length } = group.buckets[b];
    const { words } = this.#store.programs;
    const stale = this.#stale;
    const before = this.#edits.length;
    if (!this.#decisions.rule(GROUPS, FIRST_BUCKET + place)) return false;
    for (let k = at; k < at + length; k += opLength(words[k]))
      if (!this.#inBucket(words, k, batch, i, depth)) return false;
    this.#stale = stale;
    if (this.#to >= 0) return true;
    // Whether a TTL has run out is for the interpreter to see.
    if (this.#edits.takesTtl(before)) return false;
    this.#edits.cutTo(before);
    return true;
  }

  #inBucket(words: Int32Array, at: number, batch: Batch, i: number, depth: number): boolean {
    const code = opCode(words[at]);
    if (code === Op.Output) return words[at + 1] !== ReservedPort.Normal && this.#output(words[at + 1]);
    if (code === Op.Group) return this.#group(words[at + 1], batch, i, depth + 1);
    if (!this.#isEdit(code) || isPipelineField(words, at)) return false;
    // Of a group in this one the flow is what the bucket has made of it.
    this.#stale = true;
    return this.#to >= 0 ? code !== Op.DecNwTtl : this.#edits.keep(words, at);
  }

  #isEdit(code: number): boolean {
    return (
      code === Op.SetField ||
      code === Op.DecNwTtl ||
      code === Op.SetNwTtl ||
      code === Op.PushVlan ||
      code === Op.PopVlan
    );
  }

  /** Makes a plain edit in the flow key; after others no further table can be asked. */
  #foresee(words: Int32Array, at: number, code: number, batch: Batch, i: number): void {
    const key = this.#key.words;
    if (code === Op.DecNwTtl || code === Op.SetNwTtl) return;
    if (code === Op.PushVlan && key[KeyWord.Vlan] === 0) {
      key[KeyWord.Vlan] = VID_PRESENT;
      return;
    }
    if (code === Op.PopVlan && batch.tagged[i] === 1) {
      key[KeyWord.Vlan] = 0;
      return;
    }
    if (code === Op.SetField) {
      const value = words[at + 2];
      switch (words[at + 1]) {
        case SetField.EthDst:
          key[KeyWord.EthDstHigh] = value;
          key[KeyWord.EthDstLow] = words[at + 3];
          return;
        case SetField.EthSrc:
          key[KeyWord.EthSrcHigh] = value;
          key[KeyWord.EthSrcLow] = words[at + 3];
          return;
        case SetField.VlanVid:
          if (key[KeyWord.Vlan] !== 0) key[KeyWord.Vlan] = (key[KeyWord.Vlan] & ~0xfff) | (value & 0xfff);
          return;
        case SetField.VlanPcp:
          if (key[KeyWord.Vlan] !== 0) key[KeyWord.Vlan] = (key[KeyWord.Vlan] & 0xffff) | (value << 16);
          return;
        default:
      }
    }
    this.#stale = true;
  }

  #output(port: number): boolean {
    if (port === ReservedPort.Normal) {
      if (this.#to >= 0 || this.#normal || this.#edits.length > 0) return false;
      this.#normal = true;
      return true;
    }
    if (port === this.#inPort) return true;
    const number = port === ReservedPort.InPort ? this.#inPort : port;
    const { rowOf, blocked } = this.#store;
    if (number <= 0) return port === ReservedPort.Local;
    const row = number < rowOf.length ? rowOf[number] : -1;
    if (row < 0) return true;
    if (this.#to >= 0 || this.#normal || blocked[row] === 1) return false;
    this.#to = row;
    return true;
  }

  #finish(batch: Batch, i: number, reason: number): Verdict {
    if (this.#normal) return Verdict.Normal;
    const { words, draft } = this.#decisions;
    if (this.#to < 0) {
      words[draft + D.Reason] = reason;
      // Whether a TTL has run out is for the interpreter to see.
      return this.#edits.takesTtl(0) ? Verdict.Interpret : Verdict.Decided;
    }
    const bridge = this.#bridge;
    const to = this.#to;
    if (to >= bridge.ports || bridge.outerVlan[to] > 0) return Verdict.Interpret;
    words[draft + D.Flags] = Does.Forward;
    words[draft + D.Port] = to;
    words[draft + D.Device] = bridge.device[to];
    words[draft + D.Longest] = bridge.mtu[to] + (batch.tagged[i] === 1 ? 18 : 14);
    return this.#edits.draft(batch, i) ? Verdict.Decided : Verdict.Interpret;
  }
}
