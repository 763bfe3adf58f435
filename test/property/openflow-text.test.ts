import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FIELDS, type Field, fieldNamed, type Prerequisite } from '../../src/openflow/fields.ts';
import {
  type Action,
  type Bucket,
  type FieldMatch,
  Groups,
  type Instruction,
  Ports,
} from '../../src/openflow/model.ts';
import { caretLines, FlowTextError } from '../../src/openflow/text/error.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseFlowFile } from '../../src/openflow/text/lines.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { formatFlow, formatFlowMod } from '../../src/openflow/text/print-flow.ts';
import { formatGroup } from '../../src/openflow/text/print-group.ts';
import { formatMeter, formatMeterLine } from '../../src/openflow/text/print-meter.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 1500 };

/** Exact values of eth_type, ip_proto, icmpv6_type that fulfil a prerequisite. */
const PROTOCOLS: readonly { readonly met: readonly Prerequisite[]; readonly fields: Record<string, number> }[] = [
  { met: [], fields: {} },
  { met: [], fields: { eth_type: 0x8035 } },
  { met: [], fields: { eth_type: 0x1234 } },
  { met: ['arp'], fields: { eth_type: 0x0806 } },
  { met: ['mpls'], fields: { eth_type: 0x8847 } },
  { met: ['mpls'], fields: { eth_type: 0x8848 } },
  { met: ['pbb'], fields: { eth_type: 0x88e7 } },
  { met: ['ip', 'ipv4'], fields: { eth_type: 0x0800 } },
  { met: ['ip', 'ipv6'], fields: { eth_type: 0x86dd } },
  { met: ['ip', 'ipv4'], fields: { eth_type: 0x0800, ip_proto: 47 } },
  { met: ['ip', 'ipv4', 'tcp'], fields: { eth_type: 0x0800, ip_proto: 6 } },
  { met: ['ip', 'ipv6', 'tcp'], fields: { eth_type: 0x86dd, ip_proto: 6 } },
  { met: ['ip', 'ipv4', 'udp'], fields: { eth_type: 0x0800, ip_proto: 17 } },
  { met: ['ip', 'ipv6', 'sctp'], fields: { eth_type: 0x86dd, ip_proto: 132 } },
  { met: ['ip', 'ipv4', 'icmpv4'], fields: { eth_type: 0x0800, ip_proto: 1 } },
  { met: ['ip', 'ipv6', 'icmpv6'], fields: { eth_type: 0x86dd, ip_proto: 58 } },
  { met: ['ip', 'ipv6', 'icmpv6', 'nd', 'nd-solicit'], fields: { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 135 } },
  { met: ['ip', 'ipv6', 'icmpv6', 'nd', 'nd-advert'], fields: { eth_type: 0x86dd, ip_proto: 58, icmpv6_type: 136 } },
];
const FIXED = new Set(['eth_type', 'ip_proto', 'icmpv6_type', 'vlan_vid', 'in_port', 'in_phy_port']);

function put(field: Field, value: number): Uint8Array {
  const bytes = new Uint8Array(field.bytes);
  for (let i = bytes.length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest & 0xff;
  return bytes;
}

const exact = (name: Parameters<typeof fieldNamed>[0], value: number): FieldMatch => {
  const field = fieldNamed(name);
  return { field, value: put(field, value), mask: null };
};

/** Random bits of a field, with many zeros and ones. */
function bits(field: Field): fc.Arbitrary<Uint8Array> {
  const spare = field.bytes * 8 - field.bits;
  const byte = fc.oneof(fc.constantFrom(0, 255), fc.nat(255));
  return fc
    .array(byte, { minLength: field.bytes, maxLength: field.bytes })
    .map((all) =>
      Uint8Array.from(all, (one, i) =>
        i * 8 + 8 <= spare ? 0 : i * 8 < spare ? one & (0xff >> (spare - i * 8)) : one,
      ),
    );
}

/** A value with a mask or without; one that says nothing, or everything, has none. */
function fieldMatch(field: Field): fc.Arbitrary<FieldMatch> {
  if (!field.maskable) return bits(field).map((value) => ({ field, value, mask: null }));
  return fc.tuple(bits(field), fc.option(bits(field))).map(([value, mask]) => {
    const full = mask?.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0) === field.bits;
    if (mask === null || full || mask.every((byte) => byte === 0)) return { field, value, mask: null };
    return { field, value: value.map((byte, i) => byte & mask[i]), mask };
  });
}

const port = fc.oneof(
  fc.constantFrom(1, 2, 65_279, 70_000, Ports.Max, Ports.Local, Ports.Controller, Ports.InPort),
  fc.integer({ min: 0, max: 0xfff7 }),
);
const tag = fc.constantFrom(null, [0, null], [0x1005, null], [0x1000, 0x1000], [0x1001, 0x1001], [5, 0xff]);

/** A match whose prerequisites are met, in the order of the numbers, and what is known by it. */
const match = fc
  .record({
    protocol: fc.constantFrom(...PROTOCOLS),
    tag,
    pcp: fc.option(fc.nat(7)),
    port: fc.option(port),
    phy: fc.option(port),
  })
  .chain(({ protocol, tag, pcp, port, phy }) => {
    const tagged = tag !== null && ((tag[0] ?? 0) & (tag[1] ?? 0x1fff) & 0x1000) !== 0;
    const met = new Set<Prerequisite | null>([null, ...protocol.met]);
    const free = FIELDS.filter(({ name, prerequisite }) => !FIXED.has(name) && met.has(prerequisite));
    const fixed: FieldMatch[] = Object.entries(protocol.fields).map(([name, value]) =>
      exact(name as Field['name'], value),
    );
    if (port !== null) fixed.push(exact('in_port', port));
    if (port !== null && phy !== null) fixed.push(exact('in_phy_port', phy));
    if (tagged && pcp !== null) fixed.push(exact('vlan_pcp', pcp));
    if (tag !== null) {
      const field = fieldNamed('vlan_vid');
      const [value, mask] = tag;
      fixed.push({ field, value: put(field, value ?? 0), mask: mask === null ? null : put(field, mask) });
    }
    return fc.subarray(free, { maxLength: Math.min(6, free.length) }).chain((fields) =>
      fc.tuple(...fields.map(fieldMatch)).map((random) => ({
        match: [...fixed, ...random].sort((a, b) => a.field.number - b.field.number),
        met,
        tagged,
      })),
    );
  });

const u32 = fc.nat(0xffffffff);
const anywhere: fc.Arbitrary<Action> = fc.oneof(
  port.map((port): Action => ({ type: 'output', port, maxLength: port === Ports.Controller ? 128 : 0 })),
  fc.nat(Groups.Max).map((group): Action => ({ type: 'group', group })),
  u32.map((queue): Action => ({ type: 'set_queue', queue })),
);
const change = (type: 'eth_src' | 'eth_dst' | 'metadata' | 'tunnel_id'): fc.Arbitrary<Action> => {
  const field = fieldNamed(type);
  return bits(field).map((value): Action => ({ type: 'set_field', field, value }));
};

/** Actions that frames of the match are fit for; without a match, what a bucket may hold. */
function actions(met: ReadonlySet<Prerequisite | null>, tagged: boolean): fc.Arbitrary<Action[]> {
  const settable = FIELDS.filter(
    ({ name, set, prerequisite }) =>
      set !== null && prerequisite !== null && met.has(prerequisite) && !FIXED.has(name) && prerequisite !== 'vlan',
  );
  const set = settable.map((field) => bits(field).map((value): Action => ({ type: 'set_field', field, value })));
  const plain = (needs: Prerequisite, ...all: Action[]) => (met.has(needs) ? [fc.constantFrom(...all)] : []);
  const one = fc.oneof(
    anywhere,
    change('eth_src'),
    change('metadata'),
    ...set,
    ...plain('ip', { type: 'dec_nw_ttl' }, { type: 'set_nw_ttl', ttl: 64 }),
    ...plain('mpls', { type: 'dec_mpls_ttl' }, { type: 'set_mpls_ttl', ttl: 7 }, { type: 'copy_ttl_in' }),
  );
  const last = fc.option(
    fc.constantFrom<Action>(
      { type: 'push_vlan', ethertype: 0x88a8 },
      { type: 'push_mpls', ethertype: 0x8847 },
      { type: 'push_pbb', ethertype: 0x88e7 },
      ...(tagged ? [{ type: 'pop_vlan' } as const] : []),
      ...(met.has('mpls') ? [{ type: 'pop_mpls', ethertype: 0x0800 } as const] : []),
      ...(met.has('pbb') ? [{ type: 'pop_pbb' } as const] : []),
    ),
  );
  return fc.tuple(fc.array(one, { maxLength: 5 }), last).map(([list, end]) => (end === null ? list : [...list, end]));
}

const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const wide = fc.oneof(fc.constantFrom(0n, 1n, 0xffff_ffff_ffff_ffffn), u64);

const flow = match.chain(({ match, met, tagged }) =>
  fc
    .record({
      table: fc.nat(253),
      priority: fc.oneof(fc.constant(0x8000), fc.nat(0xffff)),
      cookie: wide,
      idleTimeout: fc.nat(0xffff),
      hardTimeout: fc.constantFrom(0, 0, 7, 0xffff),
      flags: fc.nat(31),
      apply: actions(met, tagged),
      written: fc.array(anywhere, { maxLength: 3 }),
      meter: fc.option(fc.integer({ min: 1, max: 0xffff0000 })),
      metadata: fc.option(fc.tuple(wide, wide)),
      clear: fc.boolean(),
      goto: fc.boolean(),
    })
    .map(({ apply, written, meter, metadata, clear, goto, ...rest }) => {
      const instructions: Instruction[] = [];
      if (meter !== null) instructions.push({ type: 'meter', meter });
      if (apply.length > 0) instructions.push({ type: 'apply_actions', actions: apply });
      if (clear) instructions.push({ type: 'clear_actions' });
      if (written.length > 0) instructions.push({ type: 'write_actions', actions: written });
      if (metadata !== null) instructions.push({ type: 'write_metadata', metadata: metadata[0], mask: metadata[1] });
      if (goto) instructions.push({ type: 'goto_table', table: rest.table + 1 });
      return { ...rest, match, instructions };
    }),
);

const bucket = (type: string): fc.Arbitrary<Bucket> =>
  fc.record({
    weight: type === 'select' ? fc.nat(0xffff) : fc.constant(0),
    watchPort: fc.constantFrom(...(type === 'ff' ? [] : [Ports.Any]), 3, 4),
    watchGroup: fc.constantFrom(Groups.Any, 7),
    actions: actions(new Set(), false),
  });
const group = fc.constantFrom('all' as const, 'select' as const, 'indirect' as const, 'ff' as const).chain((type) =>
  fc.record({
    type: fc.constant(type),
    group: fc.nat(Groups.Max),
    buckets: fc.array(bucket(type), { maxLength: type === 'indirect' ? 1 : 4 }),
  }),
);

const meter = fc.boolean().chain((bursts) => {
  const burst = bursts ? u32 : fc.constant(0);
  const rate = fc.integer({ min: 1, max: 0xffffffff });
  const band = fc.oneof(
    fc.record({ type: fc.constant('drop' as const), rate, burst }),
    fc.record({ type: fc.constant('dscp_remark' as const), rate, burst, precedenceLevel: fc.nat(255) }),
  );
  return fc.record({
    meter: fc.oneof(fc.integer({ min: 1, max: 0xffff0000 }), fc.constantFrom(0xfffffffd, 0xfffffffe)),
    flags: fc.constantFrom(1, 2, 9, 10).map((flags) => flags | (bursts ? 4 : 0)),
    bands: fc.array(band, { minLength: 1, maxLength: 3 }),
  });
});

describe(`what is printed is parsed again (TAPYARD_SEED=${seed})`, () => {
  test('flows', () => {
    fc.assert(
      fc.property(flow, (one) => {
        expect(parseFlow(formatFlow(one), 'add')).toMatchObject(one);
      }),
      runs,
    );
  });

  test('flow mods, as lines of a file', () => {
    const command = fc.constantFrom(
      'add' as const,
      'modify' as const,
      'modify_strict' as const,
      'delete' as const,
      'delete_strict' as const,
    );
    fc.assert(
      fc.property(flow, command, wide, (one, command, mask) => {
        const deletes = command.startsWith('delete');
        const cookieMask = command === 'add' ? 0n : mask;
        const mod = {
          ...one,
          ...(deletes ? { instructions: [], flags: 0, idleTimeout: 0, hardTimeout: 0 } : {}),
          ...(deletes && cookieMask === 0n ? { cookie: 0n } : {}),
          ...(command === 'delete' ? { priority: 0x8000 } : {}),
          ...{ command, cookieMask, buffer: 0xffffffff },
          ...{ outPort: deletes ? 3 : Ports.Any, outGroup: deletes ? 4 : Groups.Any },
        };
        const { mods, errors } = parseFlowFile(`# a comment\n\n${formatFlowMod(mod)} # and more`);
        expect(errors).toEqual([]);
        expect(mods).toEqual([mod]);
      }),
      runs,
    );
  });

  test('groups', () => {
    fc.assert(
      fc.property(group, (one) => {
        expect(parseGroup(formatGroup(one), 'add')).toEqual({ command: 'add', ...one });
      }),
      runs,
    );
  });

  test('meters, in several lines and in one', () => {
    fc.assert(
      fc.property(meter, (one) => {
        expect(parseMeter(formatMeter(one), 'add')).toEqual({ command: 'add', ...one });
        expect(parseMeter(formatMeterLine(one), 'modify')).toEqual({ command: 'modify', ...one });
      }),
      runs,
    );
  });
});

describe(`text that is none is refused with its place (TAPYARD_SEED=${seed})`, () => {
  const words = fc.constantFrom(
    ...[
      'ip',
      'tcp',
      'nw_src',
      'dl_vlan',
      'actions',
      'output',
      'set_field',
      '->',
      'write_actions',
      'bucket',
      'bands',
      'type',
      'group_id',
    ],
    ...[
      '=',
      ',',
      ':',
      '(',
      ')',
      '/',
      '"',
      '*',
      ' ',
      '\t',
      '0x',
      '0',
      '65535',
      '1.2.3.4',
      '::1',
      'LOCAL',
      'meter',
      'priority',
      'table',
    ],
    ...[
      'metadata',
      'ipv6',
      'nd_target',
      'vlan_tci',
      'cookie',
      'drop',
      'goto_table',
      'in_port',
      'reg0',
      'resubmit',
      '\0',
      '😀',
      '\u001b[',
    ],
  );
  const noise = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(words, { maxLength: 24 }).map((all) => all.join('')),
    fc.tuple(flow, fc.nat(), words).map(([one, at, word]) => {
      const text = formatFlow(one);
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + word + text.slice(cut + (at % 3));
    }),
  );
  const parsers: readonly (readonly [string, (text: string) => unknown])[] = [
    ['a flow', (text) => parseFlow(text, 'add')],
    ['a flow to delete', (text) => parseFlow(text, 'delete_strict')],
    ['a group', (text) => parseGroup(text, 'add')],
    ['a meter', (text) => parseMeter(text, 'add')],
    ['a file', (text) => parseFlowFile(text)],
  ];

  test.each(parsers)('as %s', (_, parse) => {
    fc.assert(
      fc.property(noise, (text) => {
        try {
          parse(text);
        } catch (error) {
          if (!(error instanceof FlowTextError)) throw error;
          expect(error.offset).toBeGreaterThanOrEqual(0);
          expect(error.offset).toBeLessThanOrEqual(text.length);
          expect(error.message).not.toMatch(/undefined|NaN|null|\.$/);
          expect(error.cure).not.toBe('');
          expect(caretLines(text, error).split('\n')).toHaveLength(2);
        }
      }),
      runs,
    );
  });
});
