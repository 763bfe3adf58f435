import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decode } from '../../src/openflow/codec/codec.ts';
import type { FlowCommand, FlowMod, GroupMod, MeterMod } from '../../src/openflow/model.ts';
import { FlowTextError } from '../../src/openflow/text/error.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { formatFlowStats } from '../../src/openflow/text/print-flow.ts';
import { formatGroup, formatGroupStats } from '../../src/openflow/text/print-group.ts';
import { formatMeter, formatMeterStats } from '../../src/openflow/text/print-meter.ts';
import { formatPortDesc, formatPortStats, formatTableStats } from '../../src/openflow/text/print-ports.ts';
import { FLOWS, GROUPS, METERS } from './openflow-text/cases.ts';
import { GROUPS_REFUSED, METERS_REFUSED, REFUSED, STRICTER, WIDER } from './openflow-text/refused.ts';
import * as statistics from './openflow-text/statistics.ts';

/** What Open vSwitch's ovs-ofctl sent and printed: openflow-text/make.ts. */
interface Said {
  /** The message, in hexadecimal. */
  readonly wire: string;
  readonly line: string;
}
const golden = JSON.parse(readFileSync(new URL('openflow-text/golden.json', import.meta.url), 'utf8')) as {
  readonly version: string;
  readonly flows: Record<string, Said | null>;
  readonly groups: Record<string, Said | null>;
  readonly meters: Record<string, Said | null>;
  readonly statistics: Record<string, string>;
};

const COMMANDS: Record<string, FlowCommand> = {
  add: 'add',
  mod: 'modify',
  mod_strict: 'modify_strict',
  del: 'delete',
  del_strict: 'delete_strict',
};

function split(text: string): readonly [FlowCommand, string] {
  const space = text.indexOf(' ');
  const word = text.slice(0, Math.max(0, space));
  return Object.hasOwn(COMMANDS, word) ? [COMMANDS[word], text.slice(space + 1)] : ['add', text];
}

const ofFlow = (text: string): FlowMod => parseFlow(split(text)[1], split(text)[0]);
/** Groups and meters know `modify` and `delete` alone. */
const plain = (text: string): 'add' | 'modify' | 'delete' => split(text)[0] as 'add' | 'modify' | 'delete';
const ofGroup = (text: string): GroupMod => parseGroup(split(text)[1], plain(text));
const ofMeter = (text: string): MeterMod => parseMeter(split(text)[1], plain(text));

/** In one order, without masks that count all bits, bytes as text. */
function plainFlow(mod: FlowMod): object {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const match = mod.match
    .map(({ field, value, mask }) => `${field.name} ${hex(value)} ${mask === null ? '' : hex(mask)}`)
    .sort();
  const instructions = JSON.stringify(mod.instructions, (key, value) => {
    if (typeof value === 'bigint') return String(value);
    return key === 'field' ? value.name : value instanceof Uint8Array ? hex(value) : value;
  });
  return { ...mod, match, instructions };
}

function refused(parse: () => unknown): void {
  expect(parse).toThrow(FlowTextError);
}

describe(`flows, beside ${golden.version}`, () => {
  test.each(FLOWS)('%j is printed as ovs-ofctl prints it', (text) => {
    const mod = ofFlow(text);
    const counts = { durationSec: 0, durationNsec: 0, packets: 0n, bytes: 0n };
    expect(` ${formatFlowStats({ ...mod, ...counts })}`).toBe(golden.flows[text]?.line);
  });

  // A match on nothing is sent with packet_type, a field of OpenFlow 1.5.
  test.each(FLOWS.filter((text) => !golden.flows[text]?.wire.includes('80005804')))(
    '%j is what ovs-ofctl sends',
    (text) => {
      const { message } = decode(Uint8Array.fromHex(golden.flows[text]?.wire ?? ''));
      expect({ type: 'flow_mod', mod: plainFlow(ofFlow(text)) }).toEqual(
        message.type === 'flow_mod' ? { ...message, mod: plainFlow(message.mod) } : message,
      );
    },
  );

  test.each(REFUSED)('%j is refused by both', (text) => {
    expect(golden.flows[text]).toBeNull();
    refused(() => ofFlow(text));
  });

  test.each(STRICTER)('%j is refused by us alone', (text) => {
    expect(golden.flows[text]).not.toBeNull();
    refused(() => ofFlow(text));
  });

  test.each(WIDER)('%j is taken by us alone', (text) => {
    expect(golden.flows[text]).toBeNull();
    expect(ofFlow(text).command).toBe('add');
  });
});

describe('groups and meters', () => {
  const words: Record<string, string> = { add: 'ADD', modify: 'MOD', delete: 'DEL' };

  test.each(GROUPS)('%j is printed as ovs-ofctl prints it', (text) => {
    const mod = ofGroup(text);
    expect(`${words[mod.command]} ${formatGroup(mod)}`).toBe(golden.groups[text]?.line);
  });

  test.each(METERS)('%j is printed as ovs-ofctl prints it', (text) => {
    const mod = ofMeter(text);
    expect(`${words[mod.command]} ${formatMeter(mod)}`).toBe(golden.meters[text]?.line);
  });

  test.each(GROUPS_REFUSED)('%j is refused by both', (text) => {
    expect(golden.groups[text]).toBeNull();
    refused(() => ofGroup(text));
  });

  test.each(METERS_REFUSED)('%j is refused by both', (text) => {
    expect(golden.meters[text]).toBeNull();
    refused(() => ofMeter(text));
  });
});

describe('statistics are printed as ovs-ofctl prints them', () => {
  const { TABLES, PORTS, PORT_DESC, GROUP_COUNTS, GROUP_DESC, METER_COUNTS, METER_CONFIG } = statistics;

  test.each([
    ['tables', formatTableStats(TABLES)],
    ['ports', PORTS.map((port) => formatPortStats(port)).join('\n')],
    ['portDesc', PORT_DESC.map((port) => formatPortDesc(port)).join('\n')],
    ['groupStats', GROUP_COUNTS.map((group) => ` ${formatGroupStats(group)}`).join('\n')],
    ['groupDesc', GROUP_DESC.map((group) => ` ${formatGroup(group)}`).join('\n')],
    ['meterStats', METER_COUNTS.map(formatMeterStats).join('\n\n')],
    ['meterConfig', METER_CONFIG.map(formatMeter).join('\n\n')],
  ])('%s', (name, text) => {
    expect(text.trimEnd()).toBe(golden.statistics[name]);
  });
});
