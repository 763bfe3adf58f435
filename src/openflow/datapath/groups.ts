import { GroupKind, Limit, LogRecord } from '../../path/rules/log.ts';
import { refuse } from '../codec/errors.ts';
import { type Bucket, type GroupMod, Groups, type GroupType, Ports } from '../model.ts';
import { checkFreeActions, type Surroundings } from './check.ts';
import { compileBucket, type Indices } from './compile.ts';
import { IndexPool } from './indices.ts';
import type { Journal } from './journal.ts';
import type { Owner } from './rule.ts';
import type { RuleLog } from './rule-log.ts';

export interface Group {
  readonly id: number;
  readonly index: number;
  readonly owner: Owner;
  readonly type: GroupType;
  readonly buckets: readonly Bucket[];
  /** Index of each bucket's counters. */
  readonly places: readonly number[];
  readonly createdMs: number;
}

const KIND: Readonly<Record<GroupType, number>> = {
  all: GroupKind.All,
  select: GroupKind.Select,
  indirect: GroupKind.Indirect,
  ff: GroupKind.FastFailover,
};
const DEEPEST = 8;

/** What a table does with numbers that nobody uses any more: they may be given out again when no worker can be in them. */
export type Retire = (
  kind: 'groups' | 'buckets' | 'meters' | 'bands' | 'queues',
  indices: readonly number[],
  pool: IndexPool,
) => void;

/** A datapath's groups. Source: 1.3.5, sections 5.6 and 7.3.4.2. */
export class GroupTable {
  readonly groups = new Map<number, Group>();
  readonly #indices = new IndexPool(Limit.Groups);
  readonly #places = new IndexPool(Limit.Buckets);
  readonly #log: RuleLog;
  readonly #retire: Retire;
  readonly #journal: Journal;

  constructor(log: RuleLog, retire: Retire, journal: Journal) {
    this.#journal = journal;
    this.#log = log;
    this.#retire = retire;
  }

  indexOf(id: number): number {
    const group = this.groups.get(id);
    if (group === undefined) throw refuse('BAD_ACTION', 'BAD_OUT_GROUP', `there is no group ${id}`);
    return group.index;
  }

  add(mod: GroupMod, owner: Owner, nowMs: number, around: Surroundings, indices: Indices): void {
    if (this.groups.has(mod.group))
      throw refuse('GROUP_MOD_FAILED', 'GROUP_EXISTS', `group ${mod.group} is there already`);
    const type = this.#check(mod, around);
    const index = this.#indices.take();
    if (index < 0) throw refuse('GROUP_MOD_FAILED', 'OUT_OF_GROUPS', `there are ${Limit.Groups} groups already`);
    const places = this.#takePlaces(mod.buckets.length, () => this.#indices.give(index));
    this.#journal.note(() => this.#indices.give(index));
    this.#set({ id: mod.group, index, owner, type, buckets: mod.buckets, places, createdMs: nowMs }, indices);
  }

  modify(mod: GroupMod, around: Surroundings, indices: Indices): void {
    const old = this.groups.get(mod.group);
    if (old === undefined) throw refuse('GROUP_MOD_FAILED', 'UNKNOWN_GROUP', `there is no group ${mod.group}`);
    const type = this.#check(mod, around);
    const places = this.#takePlaces(mod.buckets.length, () => {});
    this.#set({ ...old, type, buckets: mod.buckets, places }, indices);
    this.#retire('buckets', old.places, this.#places);
  }

  /** Removes a group; rules and groups that name it are the caller's. */
  remove(id: number): void {
    const group = this.groups.get(id);
    if (group === undefined) return;
    this.groups.delete(id);
    this.#journal.note(() => this.groups.set(id, group));
    this.#log.write([LogRecord.GroupRemove, group.index]);
    this.#retire('groups', [group.index], this.#indices);
    this.#retire('buckets', group.places, this.#places);
  }

  /** Groups that would be left with a bucket for a group that is not there. */
  namersOf(id: number): number[] {
    return [...this.groups.values()].filter((group) => childrenOf(group.buckets).includes(id)).map((group) => group.id);
  }

  #takePlaces(count: number, undo: () => void): number[] {
    const places = this.#places.takeMany(count);
    if (places !== null) {
      this.#journal.note(() => this.#places.giveMany(places));
      return places;
    }
    undo();
    throw refuse('GROUP_MOD_FAILED', 'OUT_OF_BUCKETS', `there are ${Limit.Buckets} buckets at most`);
  }

  #set(group: Group, indices: Indices): void {
    const old = this.groups.get(group.id);
    this.groups.set(group.id, group);
    this.#journal.note(() => {
      if (old === undefined) this.groups.delete(group.id);
      else this.groups.set(group.id, old);
    });
    this.#log.write(this.#record(group, indices));
  }

  /** All groups as records of the log. */
  *records(indices: Indices): Generator<number[]> {
    for (const group of this.groups.values()) yield this.#record(group, indices);
  }

  #record(group: Group, indices: Indices): number[] {
    const record: number[] = [LogRecord.GroupSet, group.index, KIND[group.type], group.buckets.length];
    for (const [i, { weight, watchPort, watchGroup, actions }] of group.buckets.entries()) {
      const body = compileBucket(actions, indices);
      const watched = watchGroup === Groups.Any ? -1 : (this.groups.get(watchGroup)?.index ?? -1);
      record.push(group.places[i], weight, watchPort | 0, watched, body.length, ...body);
    }
    return record;
  }

  #check({ group, type, buckets }: GroupMod, around: Surroundings): GroupType {
    if (group > Groups.Max) throw refuse('GROUP_MOD_FAILED', 'INVALID_GROUP', `${group} is no group to be made`);
    if (typeof type === 'number') throw refuse('GROUP_MOD_FAILED', 'BAD_TYPE', `there is no group of type ${type}`);
    if (type === 'indirect' && buckets.length !== 1)
      throw refuse('GROUP_MOD_FAILED', 'INVALID_GROUP', 'an indirect group has one bucket');
    for (const { actions, watchPort, watchGroup } of buckets) {
      if (type === 'ff' && watchPort === Ports.Any && watchGroup === Groups.Any)
        throw refuse('GROUP_MOD_FAILED', 'BAD_WATCH', 'a bucket of fast failover watches a port or a group');
      checkFreeActions(
        actions,
        {
          ...around,
          tables: around.tables,
          hasGroup: (id) => id === group || around.hasGroup(id),
          hasMeter: () => true,
        },
        false,
      );
    }
    if (this.#depth(childrenOf(buckets), group, new Map()) > DEEPEST)
      throw refuse('GROUP_MOD_FAILED', 'CHAINING_UNSUPPORTED', `groups may name groups ${DEEPEST} deep`);
    return type;
  }

  /** How many levels groups go down from these on; refuses a way back to `root`. @param known levels of groups that were looked at */
  #depth(children: readonly number[], root: number, known: Map<number, number>): number {
    if (children.includes(root)) throw refuse('GROUP_MOD_FAILED', 'LOOP', `group ${root} would lead to itself`);
    let deepest = 1;
    for (const id of children) {
      let below = known.get(id);
      if (below === undefined) {
        below = this.#depth(childrenOf(this.groups.get(id)?.buckets ?? []), root, known);
        known.set(id, below);
      }
      deepest = Math.max(deepest, below + 1);
    }
    return deepest;
  }
}

/** Groups that buckets lead to, each once. */
function childrenOf(buckets: readonly Bucket[]): number[] {
  const all = buckets.flatMap(({ actions }) =>
    actions.flatMap((action) => (action.type === 'group' ? [action.group] : [])),
  );
  return [...new Set(all)];
}
