import { type Diagnostic, UserError } from '../../errors.ts';
import type { Datapath } from '../../openflow/datapath/datapath.ts';
import { OpenFlowError } from '../../openflow/model.ts';
import { FlowTextError } from '../../openflow/text/error.ts';
import { parseFlow } from '../../openflow/text/flow.ts';
import { parseGroup } from '../../openflow/text/group.ts';
import { type Parsed, parseFlowFile, parseGroupFile, parseLines } from '../../openflow/text/lines.ts';
import { parseMeter } from '../../openflow/text/meter.ts';
import type { PortNumbers } from '../../openflow/text/ports.ts';

export type RuleKind = 'flows' | 'groups' | 'meters';
export type ChangeCommand = 'add' | 'mod' | 'del';

/** A change by hand: texts in ovs-ofctl's syntax, one a line. */
export interface Change {
  readonly kind: RuleKind;
  readonly command: ChangeCommand;
  /** Of flows: only what has exactly this match and priority. */
  readonly strict: boolean;
  readonly text: string;
  /** What the text is called in messages: a file, `argument`. */
  readonly source: string;
}

/**
 * Changes what a datapath holds, on behalf of the command line: all that the texts say, or, when something is wrong with one of them, nothing.
 * @returns how many texts were carried out; every later frame sees what they did
 * @throws UserError
 */
export async function changeRules(datapath: Datapath, change: Change, ports: PortNumbers): Promise<number> {
  const { mods, lines, errors } = read(datapath, change, ports);
  if (errors.length > 0) {
    const diagnostics = errors.map(({ line, text, error }) => diagnosticOf(change.source, line, text, error));
    const count = errors.length === 1 ? 'an error' : `${errors.length} errors`;
    throw new UserError('rules-invalid', `${change.source} has ${count}`, 'mend what is listed', { diagnostics });
  }
  let index = 0;
  try {
    datapath.together(() => {
      for (; index < mods.length; index++) mods[index]();
    });
  } catch (error) {
    if (!(error instanceof OpenFlowError)) throw error;
    const where = mods.length === 1 ? '' : `line ${lines[index]} of ${change.source}: `;
    const cure = 'change it, or make what it needs before it; nothing was changed';
    throw new UserError('rules-refused', `${where}${error.message}`, cure);
  }
  await datapath.barrier();
  return mods.length;
}

/** What the lines say, each as what it does. */
function read(datapath: Datapath, change: Change, ports: PortNumbers): Parsed<() => void> {
  const { kind, command, strict, text } = change;
  const options = { ports };
  // Nothing said: all of them.
  const all = command === 'del' && text.trim() === '';
  switch (kind) {
    case 'flows': {
      const flow = command === 'add' ? 'add' : FLOW_COMMANDS[command][strict ? 1 : 0];
      const parsed = all ? only(parseFlow('', flow)) : parseFlowFile(text, flow, options);
      return map(parsed, (mod) => datapath.flowMod(mod, 'cli'));
    }
    case 'groups': {
      const group = COMMANDS[command];
      const parsed = all ? only(parseGroup('', group)) : parseGroupFile(text, group, options);
      return map(parsed, (mod) => datapath.groupMod(mod, 'cli'));
    }
    default: {
      const meter = COMMANDS[command];
      const parsed = all ? only(parseMeter('', meter)) : parseLines(text, (line) => parseMeter(line, meter));
      return map(parsed, (mod) => datapath.meterMod(mod, 'cli'));
    }
  }
}

const FLOW_COMMANDS = { mod: ['modify', 'modify_strict'], del: ['delete', 'delete_strict'] } as const;
const COMMANDS = { add: 'add', mod: 'modify', del: 'delete' } as const;

function only<Mod>(mod: Mod): Parsed<Mod> {
  return { mods: [mod], lines: [1], errors: [] };
}

function map<Mod>({ mods, lines, errors }: Parsed<Mod>, act: (mod: Mod) => void): Parsed<() => void> {
  return { mods: mods.map((mod) => () => act(mod)), lines, errors };
}

export function diagnosticOf(source: string, line: number, text: string, error: FlowTextError): Diagnostic {
  return {
    code: 'rules-invalid',
    message: error.message,
    cure: error.cure,
    place: { file: source, line, column: error.offset + 1, width: error.length },
    source: text,
  };
}

/** Reads a filter of flows, as `ovs-ofctl dump-flows` takes one. @throws UserError */
export function readFilter(text: string, ports: PortNumbers) {
  try {
    return parseFlow(text, 'delete', { ports });
  } catch (error) {
    if (!(error instanceof FlowTextError)) throw error;
    const diagnostics = [diagnosticOf('argument', 1, text, error)];
    throw new UserError('rules-invalid', 'The filter has an error', 'mend what is listed', { diagnostics });
  }
}
