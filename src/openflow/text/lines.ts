import type { FlowCommand, FlowMod, GroupMod } from '../model.ts';
import { FlowTextError } from './error.ts';
import { parseFlowPairs, type TextOptions } from './flow.ts';
import { parseGroupPairs } from './group.ts';
import { Pairs } from './pairs.ts';

/** What is wrong in one line of a file; `line` counts from 1, and `text` is the line itself. */
export interface LineError {
  readonly line: number;
  readonly text: string;
  readonly error: FlowTextError;
}

/** `lines[i]` is the line of `mods[i]`. Where there are errors, what is right is in `mods` all the same. */
export interface Parsed<Mod> {
  readonly mods: readonly Mod[];
  readonly lines: readonly number[];
  readonly errors: readonly LineError[];
}

/** So many errors are enough to see what is wrong with a file. */
const MOST_ERRORS = 100;

const FLOW_COMMANDS: readonly FlowCommand[] = ['add', 'delete', 'delete_strict', 'modify', 'modify_strict'];
const GROUP_COMMANDS: readonly GroupMod['command'][] = ['add', 'delete', 'modify'];

/**
 * Flows, one a line, as `ovs-ofctl add-flows` and `bundle` read them: `#` begins a comment, `add`, `modify`, `modify_strict`, `delete`,
 * `delete_strict` may stand first, `flow` before those. A line without such a word is of `command`.
 */
export function parseFlowFile(text: string, command: FlowCommand = 'add', options: TextOptions = {}): Parsed<FlowMod> {
  return parseLines(text, (line) => {
    const pairs = new Pairs(line);
    return parseFlowPairs(pairs, leadingCommand(pairs, line, 'flow', FLOW_COMMANDS) ?? command, options);
  });
}

/** Groups, one a line; as flows, with `add`, `modify`, `delete`. */
export function parseGroupFile(
  text: string,
  command: GroupMod['command'] = 'add',
  options: TextOptions = {},
): Parsed<GroupMod> {
  return parseLines(text, (line) => {
    const pairs = new Pairs(line);
    return parseGroupPairs(pairs, leadingCommand(pairs, line, 'group', GROUP_COMMANDS) ?? command, options);
  });
}

/** @param parse one line, without its comment; throws FlowTextError */
export function parseLines<Mod>(text: string, parse: (line: string) => Mod): Parsed<Mod> {
  const mods: Mod[] = [];
  const lines: number[] = [];
  const errors: LineError[] = [];
  let at = 0;
  for (let number = 1; at <= text.length && errors.length < MOST_ERRORS; number++) {
    let end = text.indexOf('\n', at);
    if (end < 0) end = text.length;
    const line = text.slice(at, end);
    at = end + 1;
    const comment = line.indexOf('#');
    const content = comment < 0 ? line : line.slice(0, comment);
    if (isBlank(content)) continue;
    try {
      mods.push(parse(content));
      lines.push(number);
    } catch (error) {
      if (!(error instanceof FlowTextError)) throw error;
      errors.push({ line: number, text: line, error });
    }
  }
  return { mods, lines, errors };
}

function isBlank(line: string): boolean {
  for (let i = 0; i < line.length; i++) if (line.charCodeAt(i) > 32) return false;
  return true;
}

/** Takes the word of a command off the beginning; beginnings of it count too, as in ovs-ofctl (`del`, `mod`). */
function leadingCommand<Command extends string>(
  pairs: Pairs,
  text: string,
  kind: string,
  commands: readonly Command[],
): Command | null {
  const ahead = new Pairs(text);
  if (!ahead.next() || ahead.delimiter !== '') return null;
  if (ahead.key === kind) {
    pairs.next();
    if (!ahead.next() || ahead.delimiter !== '') return null;
  }
  const word = ahead.key;
  const found = commands.find((command) => command.startsWith(word));
  if (found === undefined) return null;
  pairs.next();
  return found;
}
