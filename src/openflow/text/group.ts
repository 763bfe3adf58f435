import { type Action, type Bucket, type GroupMod, Groups, type GroupType, Ports } from '../model.ts';
import { parseAction } from './action.ts';
import type { ActionList } from './action-list.ts';
import { fail, failUnknown, quote } from './error.ts';
import type { TextOptions } from './flow.ts';
import { numberIn } from './number.ts';
import { Pairs } from './pairs.ts';
import { parseGroupNumber, parsePort } from './ports.ts';

const TYPES: ReadonlyMap<string, GroupType> = new Map([
  ['all', 'all'],
  ['select', 'select'],
  ['indirect', 'indirect'],
  ['ff', 'ff'],
  ['fast_failover', 'ff'],
]);

/** A bucket while it is read. */
interface Draft {
  weight: number;
  watchPort: number;
  watchGroup: number;
  readonly list: ActionList;
  readonly start: number;
  acts: boolean;
}

/**
 * One group in ovs-ofctl's syntax: `group_id=1,type=select,bucket=weight:50,output:1,bucket=output:2`. To delete, `group_id` alone, of
 * a group or `all`; nothing at all is all groups.
 * @throws FlowTextError at the first thing that is wrong
 * Source: ovs-ofctl(8), «Group Syntax».
 */
export function parseGroup(text: string, command: GroupMod['command'], options: TextOptions = {}): GroupMod {
  return parseGroupPairs(new Pairs(text), command, options);
}

export function parseGroupPairs(pairs: Pairs, command: GroupMod['command'], { ports }: TextOptions): GroupMod {
  const { text } = pairs;
  const drafts: Draft[] = [];
  let group: number | null = command === 'delete' ? Groups.All : null;
  let type: GroupType | null = null;
  while (pairs.next()) {
    const word = pairs.key;
    const { keyStart, keyEnd, valueStart: start, valueEnd: end } = pairs;
    if (word === 'bucket') {
      if (command === 'delete')
        fail(keyStart, text.length, 'Groups are deleted by their number', 'leave the buckets out');
      if (pairs.delimiter !== '=') fail(keyStart, keyEnd, 'bucket has no value', 'write bucket=output:1, say');
      drafts.push(newBucket(type, keyStart, ports));
      pairs.enter();
      continue;
    }
    const draft = drafts.at(-1);
    if (draft !== undefined) bucketWord(draft, word, pairs);
    else if (word === 'group_id') group = parseGroupNumber(text, start, end, word, command === 'delete');
    else if (word === 'type') {
      if (command === 'delete') fail(keyStart, end, 'Groups are deleted by their number', 'leave the type out');
      type = TYPES.get(pairs.value) ?? null;
      if (type === null)
        failUnknown(
          start,
          end,
          'type of group',
          pairs.value,
          TYPES.keys(),
          `it is one of ${[...TYPES.keys()].join(', ')}`,
        );
    } else unknown(pairs, word);
  }
  if (group === null) fail(0, text.length, 'The group has no number', 'add group_id=N');
  if (command === 'delete') return { command, type: 'all', group, buckets: [] };
  if (type === null)
    fail(0, text.length, 'The group has no type', 'add type=all, select, indirect or ff before the buckets');
  if (type === 'indirect' && drafts.length > 1) {
    fail(drafts[1].start, text.length, 'An indirect group has one bucket', 'leave out the others, or write type=all');
  }
  return { command, type, group, buckets: drafts.map((draft) => finish(draft, type)) };
}

function newBucket(type: GroupType | null, start: number, ports: TextOptions['ports']): Draft {
  const actions: Action[] = [];
  const list: ActionList = { actions, known: null, ports, dropped: false };
  return { weight: type === 'select' ? 1 : 0, watchPort: Ports.Any, watchGroup: Groups.Any, list, start, acts: false };
}

function bucketWord(draft: Draft, word: string, pairs: Pairs): void {
  const { text, keyStart, keyEnd, valueStart: start, valueEnd: end } = pairs;
  switch (word) {
    case 'weight':
      draft.weight = numberIn(text, start, end, word, 0, 0xffff);
      return;
    case 'watch_port':
      draft.watchPort = parsePort(text, start, end, word, draft.list.ports);
      return;
    case 'watch_group':
      draft.watchGroup = parseGroupNumber(text, start, end, word, true);
      return;
    case 'bucket_id':
      // Numbers of buckets came with OpenFlow 1.5: ovs-ofctl reads them, and leaves them out of what it sends.
      numberIn(text, start, end, word, 0, Groups.Max);
      return;
    case 'actions':
      if (pairs.delimiter !== '=') fail(keyStart, keyEnd, 'actions has no value', 'write actions=output:1, say');
      pairs.enter();
      draft.acts = true;
      return;
    case 'group_id':
    case 'type':
      fail(keyStart, end, `${word} cannot stand behind a bucket`, 'write it before the first bucket');
  }
  parseAction(draft.list, pairs);
  draft.acts = true;
}

function finish({ weight, watchPort, watchGroup, list, start, acts }: Draft, type: GroupType): Bucket {
  if (!acts) fail(start, start + 6, 'The bucket has no actions', 'add one, or drop');
  if (type === 'ff' && watchPort === Ports.Any && watchGroup === Groups.Any) {
    fail(
      start,
      start + 6,
      'A bucket of a fast failover group watches a port or a group',
      'add watch_port:N or watch_group:N',
    );
  }
  return { weight, watchPort, watchGroup, actions: list.actions };
}

function unknown({ keyStart, keyEnd }: Pairs, word: string): never {
  if (
    word === 'command_bucket_id' ||
    word === 'selection_method' ||
    word === 'selection_method_param' ||
    word === 'fields'
  ) {
    fail(keyStart, keyEnd, `${quote(word)} came with OpenFlow 1.5`, 'leave it out');
  }
  failUnknown(
    keyStart,
    keyEnd,
    'word of a group',
    word,
    ['group_id', 'type', 'bucket'],
    'it is group_id, type or bucket',
  );
}
