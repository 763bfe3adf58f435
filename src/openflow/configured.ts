import type { Datapath } from './datapath/datapath.ts';
import { matchWords } from './datapath/match-words.ts';
import type { Rule } from './datapath/rule.ts';
import { ALL_TABLES, type FlowMod, type GroupMod, Groups, type MeterMod, OpenFlowError, Ports } from './model.ts';
import { FlowTextError } from './text/error.ts';
import { parseFlow } from './text/flow.ts';
import { parseGroup } from './text/group.ts';
import { parseMeter } from './text/meter.ts';
import type { PortNumbers } from './text/ports.ts';
import { formatFlow } from './text/print-flow.ts';
import { formatGroup } from './text/print-group.ts';
import { formatMeter } from './text/print-meter.ts';

/** What a configuration says a datapath holds: texts in ovs-ofctl's syntax, in an order in which each may name those before it. */
export interface RuleTexts {
  readonly meters: readonly string[];
  readonly groups: readonly string[];
  readonly flows: readonly string[];
}

/** What is wrong with one of the texts. Without a length all of it is meant. */
export interface RuleFault {
  readonly kind: keyof RuleTexts;
  readonly index: number;
  readonly offset: number;
  readonly length: number | null;
  readonly message: string;
  readonly cure: string;
  /** The text that already says what this one says. */
  readonly first: number | null;
}

/**
 * Makes a datapath hold what the configuration says, and nothing else that the configuration owns: what is new is added, what has
 * changed is changed in place (so that it goes on counting), what is gone is removed. What controllers and the command line own
 * stays; where they own a rule that the configuration names too, theirs stays.
 * @returns what is wrong; everything else has been carried out
 */
export function configure(datapath: Datapath, texts: RuleTexts, ports: PortNumbers): RuleFault[] {
  const faults: RuleFault[] = [];
  const meters = each(texts, 'meters', faults, (text) => parseMeter(text, 'add'), setMeter(datapath));
  const groups = each(texts, 'groups', faults, (text) => parseGroup(text, 'add', { ports }), setGroup(datapath));
  const flows = each(texts, 'flows', faults, (text) => parseFlow(text, 'add', { ports }), setFlow(datapath));
  for (const rule of datapath.flows.select(EVERY))
    if (rule.owner === 'config' && !flows.has(keyOf(rule))) datapath.flows.remove(rule, REMOVED_BY_DELETE);
  for (const { id, owner } of [...datapath.groups.groups.values()])
    if (owner === 'config' && !groups.has(String(id)))
      datapath.groupMod({ command: 'delete', type: 'all', group: id, buckets: [] }, 'config');
  for (const { id, owner } of [...datapath.meters.meters.values()])
    if (owner === 'config' && !meters.has(String(id)))
      datapath.meterMod({ command: 'delete', flags: 0, meter: id, bands: [] }, 'config');
  return faults;
}

const REMOVED_BY_DELETE = 2;
const EVERY = {
  table: ALL_TABLES,
  match: [],
  cookie: 0n,
  cookieMask: 0n,
  outPort: Ports.Any,
  outGroup: Groups.Any,
} as const;

/** Does something with each text. @returns which of them each key of the datapath is said by */
function each<Mod>(
  texts: RuleTexts,
  kind: keyof RuleTexts,
  faults: RuleFault[],
  parse: (text: string) => Mod,
  set: (mod: Mod) => string,
): ReadonlyMap<string, number> {
  const said = new Map<string, number>();
  for (const [index, text] of texts[kind].entries()) {
    try {
      const key = set(parse(text));
      const first = said.get(key);
      if (first !== undefined) faults.push({ ...whole(kind, index), ...TWICE, first });
      else said.set(key, index);
    } catch (error) {
      faults.push(faultOf(kind, index, error));
    }
  }
  return said;
}

const TWICE = { message: 'this is in the list already', cure: 'keep one of the two' };

const whole = (kind: keyof RuleTexts, index: number) => ({ kind, index, offset: 0, length: null, first: null });

function faultOf(kind: keyof RuleTexts, index: number, error: unknown): RuleFault {
  if (error instanceof FlowTextError) {
    const { offset, length, message, cure } = error;
    return { kind, index, offset, length, message, cure, first: null };
  }
  if (!(error instanceof OpenFlowError)) throw error;
  return { ...whole(kind, index), message: error.message, cure: 'change it, or add what it needs before it' };
}

const setMeter =
  (datapath: Datapath) =>
  (mod: MeterMod): string => {
    const there = datapath.meters.meters.get(mod.meter);
    const before = there && formatMeter({ meter: there.id, flags: there.flags, bands: there.bands });
    if (before === undefined) datapath.meterMod(mod, 'config');
    else if (there?.owner === 'config' && before !== formatMeter(mod))
      datapath.meterMod({ ...mod, command: 'modify' }, 'config');
    return String(mod.meter);
  };

const setGroup =
  (datapath: Datapath) =>
  (mod: GroupMod): string => {
    const there = datapath.groups.groups.get(mod.group);
    if (there === undefined) datapath.groupMod(mod, 'config');
    else if (there.owner === 'config' && formatGroup({ ...there, group: there.id }) !== formatGroup(mod))
      datapath.groupMod({ ...mod, command: 'modify' }, 'config');
    return String(mod.group);
  };

const setFlow =
  (datapath: Datapath) =>
  (mod: FlowMod): string => {
    const there = datapath.flows.find(mod);
    if (there === undefined || (there.owner === 'config' && textOf(there) !== textOf(mod)))
      datapath.flowMod(mod, 'config');
    return keyOf(mod);
  };

/** What a rule is known by. */
function keyOf({ table, priority, match }: Rule | FlowMod): string {
  return `${table}/${priority}/${matchWords(match).join()}`;
}

function textOf({ table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions }: Rule | FlowMod) {
  return formatFlow({ table, priority, idleTimeout, hardTimeout, flags, cookie, match, instructions });
}
