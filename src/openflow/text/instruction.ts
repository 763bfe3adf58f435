import { type Instruction, Meters } from '../model.ts';
import { parseAction } from './action.ts';
import type { ActionList } from './action-list.ts';
import { fail } from './error.ts';
import type { Known } from './known.ts';
import { numberIn, parseIdentifier, wideIn } from './number.ts';
import { Pairs } from './pairs.ts';
import type { PortNumbers } from './ports.ts';
import { slashIn } from './value.ts';

/** The order in which a datapath carries instructions out, and in which they are written. Source: 1.3.5, section 5.9. */
const ORDER = ['meter', 'apply_actions', 'clear_actions', 'write_actions', 'write_metadata', 'goto_table'] as const;
type Word = (typeof ORDER)[number];

/** Everything behind `actions=`. @param table the rule's, for goto_table */
export function parseInstructions(pairs: Pairs, known: Known, table: number, ports?: PortNumbers): Instruction[] {
  const list: ActionList = { actions: [], known, ports, dropped: false };
  const instructions: Instruction[] = [];
  let last = -1;
  let place = 0;
  while (pairs.next()) {
    const rank = (ORDER as readonly string[]).indexOf(pairs.key);
    if (rank < 0) {
      if (last > 1) misplaced(pairs, 'apply_actions', ORDER[last]);
      if (last < 1) {
        place = instructions.length;
        last = 1;
      }
      parseAction(list, pairs);
      continue;
    }
    const word = ORDER[rank];
    if (list.dropped) fail(pairs.keyStart, pairs.keyEnd, 'drop stands alone', `leave out drop, or ${word}`);
    if (rank === last && rank !== 1) fail(pairs.keyStart, pairs.keyEnd, `${word} is given twice`, 'leave out one');
    if (rank < last) misplaced(pairs, word, ORDER[last]);
    if (rank === 1 && last < 1) place = instructions.length;
    last = rank;
    if (word === 'apply_actions') parseList(list, pairs);
    else if (word === 'write_actions') {
      const written: ActionList = { actions: [], known, ports, dropped: false };
      parseList(written, pairs);
      if (written.actions.length > 0) instructions.push({ type: 'write_actions', actions: written.actions });
    } else instructions.push(instruction(word, pairs, table));
  }
  if (list.actions.length > 0) instructions.splice(place, 0, { type: 'apply_actions', actions: list.actions });
  return instructions;
}

function parseList(list: ActionList, { text, delimiter, keyStart, keyEnd, valueStart, valueEnd }: Pairs): void {
  if (delimiter !== '(') {
    const word = text.slice(keyStart, keyEnd);
    fail(keyStart, keyEnd, `${word} needs its actions in parentheses`, `write ${word}(output:1)`);
  }
  const inner = new Pairs(text, valueStart, valueEnd);
  while (inner.next()) {
    if ((ORDER as readonly string[]).includes(inner.key)) {
      fail(
        inner.keyStart,
        inner.keyEnd,
        `${inner.key} is an instruction, no action`,
        'write it outside of the parentheses',
      );
    }
    parseAction(list, inner);
  }
}

function instruction(word: Exclude<Word, 'apply_actions' | 'write_actions'>, pairs: Pairs, table: number): Instruction {
  const { text, keyStart, keyEnd, valueStart, valueEnd } = pairs;
  if (word === 'clear_actions') {
    if (pairs.delimiter !== '') fail(keyStart, valueEnd, 'clear_actions takes no argument', 'write it alone');
    return { type: word };
  }
  if (valueStart >= valueEnd) fail(keyStart, keyEnd, `${word} has no value`, `write ${word}:N`);
  if (word === 'meter') return { type: word, meter: numberIn(text, valueStart, valueEnd, 'meter', 1, Meters.Max) };
  if (word === 'goto_table') {
    const next = numberIn(text, valueStart, valueEnd, 'goto_table', 0, 254, parseIdentifier);
    if (next <= table)
      fail(valueStart, valueEnd, 'Rules send frames to later tables only', `name a table above ${table}`);
    return { type: word, table: next };
  }
  const slash = slashIn(text, valueStart, valueEnd);
  const metadata = wideIn(text, valueStart, slash < 0 ? valueEnd : slash, word);
  const mask = slash < 0 ? 0xffff_ffff_ffff_ffffn : wideIn(text, slash + 1, valueEnd, word);
  return { type: word, metadata, mask };
}

function misplaced({ keyStart, keyEnd }: Pairs, word: Word, before: Word): never {
  fail(
    keyStart,
    keyEnd,
    `${word === 'apply_actions' ? 'Actions' : word} cannot stand behind ${before}`,
    `the order is ${ORDER.join(', ')}`,
  );
}
