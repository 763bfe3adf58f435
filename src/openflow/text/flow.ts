import {
  ALL_TABLES,
  type FlowCommand,
  FlowFlag,
  type FlowMod,
  Groups,
  type Instruction,
  NO_BUFFER,
  Ports,
} from '../model.ts';
import { fail, failUnknown } from './error.ts';
import { parseInstructions } from './instruction.ts';
import { MatchParser } from './match.ts';
import { foreignField, PROTOCOLS, WORDS } from './names.ts';
import { numberIn, parseIdentifier, wideIn } from './number.ts';
import { Pairs } from './pairs.ts';
import { type PortNumbers, parseGroupNumber, parsePort } from './ports.ts';
import { slashIn } from './value.ts';

export interface TextOptions {
  /** Ports by name, for `in_port=web1` and `output:web1`. */
  readonly ports?: PortNumbers;
}

export const DEFAULT_PRIORITY = 0x8000;

const SHORTHANDS = new Map(PROTOCOLS.map((protocol) => [protocol.word, protocol]));
const FLAGS: ReadonlyMap<string, number> = new Map([
  ['send_flow_rem', FlowFlag.SendFlowRemoved],
  ['check_overlap', FlowFlag.CheckOverlap],
  ['reset_counts', FlowFlag.ResetCounts],
  ['no_packet_counts', FlowFlag.NoPacketCounts],
  ['no_byte_counts', FlowFlag.NoByteCounts],
]);
const REST = [
  'table',
  'priority',
  'cookie',
  'idle_timeout',
  'hard_timeout',
  'out_port',
  'out_group',
  'actions',
] as const;
/** What a dump adds: passed over, so that a dump can be read again. */
const STATISTICS = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);

/** A flow while it is read. */
interface Draft {
  table: number;
  cookie: bigint;
  cookieMask: bigint;
  idleTimeout: number;
  hardTimeout: number;
  priority: number;
  outPort: number;
  outGroup: number;
  flags: number;
}

/**
 * One flow in ovs-ofctl's syntax. Without `table` a flow is added to and modified in table 0, and deleted from all. Deleting takes no
 * actions, and a priority only when strict.
 * @throws FlowTextError at the first thing that is wrong
 * Source: ovs-ofctl(8), «Flow Syntax»; ovs-fields(7); ovs-actions(7).
 */
export function parseFlow(text: string, command: FlowCommand, options: TextOptions = {}): FlowMod {
  return parseFlowPairs(new Pairs(text), command, options);
}

export function parseFlowPairs(pairs: Pairs, command: FlowCommand, { ports }: TextOptions): FlowMod {
  const { text } = pairs;
  const deletes = command === 'delete' || command === 'delete_strict';
  const match = new MatchParser(text, ports);
  const draft: Draft = {
    table: deletes ? ALL_TABLES : 0,
    cookie: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    priority: DEFAULT_PRIORITY,
    outPort: Ports.Any,
    outGroup: Groups.Any,
    flags: 0,
  };
  let acts = false;
  while (pairs.next()) {
    const word = pairs.key;
    const meaning = WORDS.get(word);
    if (meaning !== undefined) {
      match.field(meaning, pairs);
      continue;
    }
    const protocol = SHORTHANDS.get(word);
    if (protocol !== undefined) {
      match.protocol(protocol, pairs);
      continue;
    }
    if (word === 'actions' || word === 'action') {
      if (deletes)
        fail(
          pairs.keyStart,
          text.length,
          'Flows are deleted by their match, not by their actions',
          'leave the actions out',
        );
      if (pairs.delimiter !== '=')
        fail(pairs.keyStart, pairs.keyEnd, 'actions has no value', 'write actions=drop, say');
      pairs.enter();
      acts = true;
      break;
    }
    option(draft, word, pairs, command, ports);
  }
  const fields = match.finish();
  let instructions: readonly Instruction[] = [];
  if (acts) instructions = parseInstructions(pairs, match.known, draft.table, ports);
  else if (!deletes)
    fail(text.length, text.length, 'The flow has no actions', "add 'actions=…' at the end; actions=drop for none");
  // Written out: a spread takes longer than the rest of the line.
  return {
    command,
    table: draft.table,
    cookie: draft.cookie,
    cookieMask: draft.cookieMask,
    idleTimeout: draft.idleTimeout,
    hardTimeout: draft.hardTimeout,
    priority: draft.priority,
    buffer: NO_BUFFER,
    outPort: draft.outPort,
    outGroup: draft.outGroup,
    flags: draft.flags,
    match: fields,
    instructions,
  };
}

function option(draft: Draft, word: string, pairs: Pairs, command: FlowCommand, ports: PortNumbers | undefined): void {
  const { text, keyStart, keyEnd, valueStart: start, valueEnd: end } = pairs;
  const deletes = command === 'delete' || command === 'delete_strict';
  const only = (allowed: boolean, whom: string) => {
    if (!allowed) fail(keyStart, keyEnd, `${word} is for ${whom}`, 'leave it out');
  };
  const flag = FLAGS.get(word);
  if (flag !== undefined) {
    only(!deletes, 'flows that are added or modified');
    if (pairs.delimiter !== '') fail(keyStart, end, `${word} takes no value`, `write ${word} alone`);
    draft.flags |= flag;
    return;
  }
  if (STATISTICS.has(word)) return;
  if (!(REST as readonly string[]).includes(word)) unknown(pairs, word);
  if (start >= end) fail(keyStart, keyEnd, `${word} has no value`, `write ${word}=VALUE`);
  switch (word) {
    case 'table':
      // 255 stands for all tables where flows are deleted, and for the first elsewhere: so ovs-ofctl.
      draft.table = numberIn(text, start, end, word, 0, ALL_TABLES, parseIdentifier);
      if (draft.table === ALL_TABLES && !deletes) draft.table = 0;
      return;
    case 'priority':
      only(command !== 'delete', 'strict commands and flows that are added');
      draft.priority = numberIn(text, start, end, word, 0, 0xffff);
      return;
    case 'idle_timeout':
      only(!deletes, 'flows that are added or modified');
      draft.idleTimeout = numberIn(text, start, end, word, 0, 0xffff);
      return;
    case 'hard_timeout':
      only(!deletes, 'flows that are added or modified');
      draft.hardTimeout = numberIn(text, start, end, word, 0, 0xffff);
      return;
    case 'out_port':
      only(deletes, 'flows that are deleted or shown');
      draft.outPort = parsePort(text, start, end, word, ports);
      return;
    case 'out_group':
      only(deletes, 'flows that are deleted or shown');
      draft.outGroup = parseGroupNumber(text, start, end, word, true);
      return;
    default:
      cookie(draft, pairs, command);
  }
}

/** `cookie=V` sets it, `cookie=V/M` looks for it. */
function cookie(draft: Draft, { text, valueStart: start, valueEnd: end }: Pairs, command: FlowCommand): void {
  const slash = slashIn(text, start, end);
  if (slash >= 0 && command === 'add') fail(slash, end, 'A flow that is added has one cookie', 'leave out the mask');
  if (slash < 0 && (command === 'delete' || command === 'delete_strict')) {
    fail(start, end, 'To look for a cookie needs a mask', `write cookie=${text.slice(start, end)}/-1`);
  }
  draft.cookie = wideIn(text, start, slash < 0 ? end : slash, 'cookie');
  // «-1» is the mask of all bits that Open vSwitch's documents write.
  const all = slash >= 0 && text.slice(slash + 1, end) === '-1';
  if (slash >= 0) draft.cookieMask = all ? 0xffff_ffff_ffff_ffffn : wideIn(text, slash + 1, end, 'cookie');
}

function unknown(pairs: Pairs, word: string): never {
  const { keyStart, keyEnd } = pairs;
  const cure = foreignField(word);
  if (cure !== null) fail(keyStart, keyEnd, `${word} is an extension of Open vSwitch, no field of OpenFlow 1.3`, cure);
  const known = [...WORDS.keys(), ...SHORTHANDS.keys(), ...FLAGS.keys(), ...REST];
  failUnknown(keyStart, keyEnd, 'field', word, known, 'see ovs-fields(7) for their names');
}
