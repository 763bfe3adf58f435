/**
 * Writes golden.json: what ovs-ofctl makes of the texts in cases.ts and refused.ts, and prints of the statistics in statistics.ts. Run by hand, where
 * Open vSwitch 3.1 is installed: `sh bin/node-pinned test/golden/openflow-text/make.ts`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { FLOWS, GROUPS, METERS } from './cases.ts';
import { asStatistics, messagesOf, printed } from './ofctl.ts';
import { GROUPS_REFUSED, METERS_REFUSED, REFUSED, STRICTER, WIDER } from './refused.ts';
import { messages } from './statistics.ts';

const FLOW_MOD = 14;
const GROUP_MOD = 15;
const METER_MOD = 29;

/** ovs-ofctl's commands for the first word of a case. */
const FLOW_COMMANDS: Record<string, readonly string[]> = {
  add: ['add-flow'],
  mod: ['mod-flows'],
  mod_strict: ['--strict', 'mod-flows'],
  del: ['del-flows'],
  del_strict: ['--strict', 'del-flows'],
};

function split(text: string, commands: readonly string[]): readonly [string, string] {
  const space = text.indexOf(' ');
  const word = text.slice(0, Math.max(0, space));
  return commands.includes(word) ? [word, text.slice(space + 1)] : ['add', text];
}

const body = (text: string): string => text.slice(text.indexOf('\n') + 1).trimEnd();

async function flow(text: string): Promise<object | null> {
  const [command, rest] = split(text, Object.keys(FLOW_COMMANDS));
  const sent = await messagesOf([...FLOW_COMMANDS[command], 'SWITCH', rest], FLOW_MOD);
  if (sent === null || sent.length !== 1) return null;
  const line = printed(asStatistics(sent[0]));
  // What ovs-ofctl itself would not take over the channel it does not understand as text either.
  return line.includes('***') ? null : { wire: sent[0].toString('hex'), line: body(line) };
}

const mods = (kind: 'group' | 'meter', type: number) => async (text: string) => {
  const [command, rest] = split(text, ['add', 'mod', 'del']);
  const name = command === 'del' && (kind === 'group' || rest === '') ? `del-${kind}s` : `${command}-${kind}`;
  const sent = await messagesOf([name, 'SWITCH', ...(rest === '' ? [] : [rest])], type);
  if (sent === null || sent.length !== 1) return null;
  const text13 = printed(sent[0]);
  return text13.includes('***')
    ? null
    : { wire: sent[0].toString('hex'), line: text13.slice(text13.search(/\b(ADD|MOD|DEL) /)).trimEnd() };
};

async function all(
  texts: readonly string[],
  one: (text: string) => Promise<object | null>,
): Promise<Record<string, object | null>> {
  const results: Record<string, object | null> = {};
  for (const text of texts) results[text] = await one(text);
  return results;
}

const golden = {
  version: execFileSync('ovs-ofctl', ['--version'], { encoding: 'utf8' }).split('\n')[0],
  flows: await all([...FLOWS, ...REFUSED, ...STRICTER, ...WIDER], flow),
  groups: await all([...GROUPS, ...GROUPS_REFUSED], mods('group', GROUP_MOD)),
  meters: await all([...METERS, ...METERS_REFUSED], mods('meter', METER_MOD)),
  statistics: Object.fromEntries(Object.entries(messages()).map(([name, message]) => [name, body(printed(message))])),
};
writeFileSync(new URL('golden.json', import.meta.url), `${JSON.stringify(golden, null, 1)}\n`);
