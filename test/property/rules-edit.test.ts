import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { VNET_SIZE } from '../../src/frame/layout.ts';
import { Parse } from '../../src/path/parse.ts';
import { Edit, FrameEditor } from '../../src/path/rules/edit.ts';
import { ExtensionBit } from '../../src/path/rules/extension-bits.ts';
import { FlowKey } from '../../src/path/rules/key.ts';
import { SetField } from '../../src/path/rules/program.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { type Action, act, isLater, isStrange } from '../support/layer-actions.ts';
import {
  bytesOfLayers,
  checksumOffset,
  type Extension,
  type Ip,
  keyOfLayers,
  type Label,
  type Layers,
  type Transport,
  visibleTransport,
} from '../support/layers.ts';
import { pattern } from '../support/packets.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = { seed, numRuns: 3000 };

const bits = (n: number) => fc.integer({ min: 0, max: 2 ** n - 1 });
const mac = fc.tuple(bits(16), bits(32)).map((words) => [...words]);
const address6 = fc.array(fc.oneof(bits(32), fc.constantFrom(0, 0xffffffff)), { minLength: 4, maxLength: 4 });
const data = (length: number, first: number) => pattern(length).with(0, first);

const { Authentication, Destination, Fragment, HopByHop, Repeated, Routing, Unordered } = ExtensionBit;
const hop: Extension = { type: 0, bytes: Uint8Array.of(5, 2, 0, 0, 1, 0) };
const destination: Extension = { type: 60, bytes: Uint8Array.of(1, 4, 0, 0, 0, 0) };
const authentication: Extension = { type: 51, bytes: data(22, 0) };
const routing = (left: number): Extension => ({
  type: 43,
  bytes: Uint8Array.of(0, left, 0, 0, 0, 0, ...pattern(16, 7)),
});
const fragment = (field: number): Extension => ({
  type: 44,
  bytes: Uint8Array.of(field >> 8, field & 255, 0, 0, 0, 9),
});
const CHAINS: [Extension[], number][] = [
  [[], 0],
  [[hop], HopByHop],
  [[hop, authentication], HopByHop | Authentication],
  [[hop, destination, routing(1)], HopByHop | Destination | Routing],
  [[routing(0)], Routing],
  [[destination, routing(1), authentication, destination], Destination | Routing | Authentication],
  [[fragment(1)], Fragment],
  [[routing(1), fragment(0x18)], Routing | Fragment],
  [[fragment(0)], Fragment],
  [[routing(0), hop], Routing | Unordered],
  [[destination, destination, destination], Destination | Repeated],
  [[authentication, routing(0)], Authentication | Routing | Unordered],
  [[routing(0), routing(0)], Routing | Repeated],
];

const raw: Transport = {
  form: 'raw',
  first: 0,
  second: 0,
  unsummed: false,
  target: null,
  links: [],
  payload: data(20, 0),
};
const transport = (version: 4 | 6): fc.Arbitrary<[Transport, number]> =>
  fc
    .tuple(
      fc.constantFrom<Transport['form']>('tcp', 'udp', 'sctp', 'icmp', 'icmpv6', 'raw'),
      bits(16),
      bits(16),
      bits(6),
      fc.boolean(),
      address6,
      mac,
    )
    .map(([form, first, second, length, flag, target, link]) => {
      const payload = data(length + 1, 0);
      const ported = { ...raw, form, first, second, payload };
      const typed = { ...ported, first: first & 0x7f, second: second & 0xff };
      switch (form) {
        case 'tcp':
          return [ported, 6];
        case 'udp':
          return [{ ...ported, unsummed: flag && version === 4 }, 17];
        case 'sctp':
          return [ported, 132];
        case 'icmp':
        case 'icmpv6': {
          if (version === 4) return [{ ...typed, form: 'icmp' }, 1];
          if (flag) return [{ ...typed, form: 'icmpv6' }, 58];
          const type = 135 + (first & 1);
          return [
            { ...typed, form: 'icmpv6', first: type, second: 0, target, links: [{ type: type - 134, mac: link }] },
            58,
          ];
        }
        default:
          return [{ ...raw, payload }, 47];
      }
    });

interface Case {
  readonly frame: Layers;
  readonly extensions: number;
}

const ip4: fc.Arbitrary<[Ip, Transport, number]> = fc
  .tuple(
    transport(4),
    bits(8),
    bits(8),
    bits(32),
    bits(32),
    fc.constantFrom(0, 0, 0, 0x4000, 0x2000, 0x2010, 3),
    fc.boolean(),
  )
  .map(([[upper, protocol], tos, ttl, from, to, fragmentField, hasOptions]) => {
    const later = (fragmentField & 0x1fff) !== 0;
    const options = hasOptions ? Uint8Array.of(148, 4, 0, 0, 1, 1, 1, 0) : new Uint8Array(0);
    const common = { version: 4 as const, tos, ttl, protocol, identification: 77, fragment: fragmentField, options };
    const ip: Ip = { ...common, source: [from], destination: [to], flowLabel: 0, extensions: [] };
    return [ip, later ? { ...raw, payload: upper.payload } : upper, 0];
  });

const ip6: fc.Arbitrary<[Ip, Transport, number]> = fc
  .tuple(transport(6), bits(8), bits(8), bits(20), address6, address6, fc.constantFrom(...CHAINS))
  .map(([[upper, protocol], tos, ttl, flowLabel, source, to, [extensions, found]]) => {
    const common = { version: 6 as const, tos, ttl, protocol, source, destination: to, flowLabel, extensions };
    const ip: Ip = { ...common, identification: 0, fragment: 0, options: new Uint8Array(0) };
    const later = extensions.some(({ type, bytes }) => type === 44 && bytes[1] > 7);
    return [ip, later ? { ...raw, payload: upper.payload } : upper, found];
  });

const label: fc.Arbitrary<Label> = fc.record({ label: bits(20), tc: bits(3), bottom: fc.constant(0), ttl: bits(8) });
const none: fc.Arbitrary<Label[]> = fc.constant([]);
const tag = fc.record({ tpid: fc.constantFrom(0x8100, 0x88a8), pcp: bits(3), dei: bits(1), vid: bits(12) });
const arp = fc.record({ operation: bits(16), senderMac: mac, sender: bits(32), targetMac: mac, target: bits(32) });

const plain: fc.Arbitrary<Case> = fc
  .record({
    ends: fc.tuple(mac, mac),
    tags: fc.array(tag, { maxLength: 2 }),
    labels: fc.oneof(none, none, fc.array(label, { maxLength: 3 })),
    content: fc.oneof(ip4, ip6, ip4, ip6, arp, fc.constant(null)),
    padding: fc.constantFrom(0, 0, 0, 9),
  })
  .map(({ ends: [to, from], tags, labels, content, padding }) => {
    const packet = Array.isArray(content) ? content : null;
    const rest = content === null ? data(30, 0) : new Uint8Array(padding);
    const type = packet === null ? (content === null ? 0x88b5 : 0x0806) : packet[0].version === 4 ? 0x0800 : 0x86dd;
    const stack = labels.map((entry, k) => ({ ...entry, bottom: k === labels.length - 1 ? 1 : 0 }));
    const carries = { labels: stack, labelType: 0x8847, carried: null, type, rest };
    const [ip, upper, extensions] = packet ?? [null, null, 0];
    const asked = Array.isArray(content) ? null : content;
    return { frame: { destination: to, source: from, tags, ...carries, ip, transport: upper, arp: asked }, extensions };
  });

const carried: fc.Arbitrary<Case> = fc.tuple(plain, mac, mac, fc.array(tag, { maxLength: 1 }), bits(24), bits(3)).map(
  ([{ frame, extensions }, to, from, tags, isid, priority]): Case => ({
    frame: {
      ...structuredClone(frame),
      destination: to,
      source: from,
      tags,
      carried: { priority, isid, frame },
      labels: [],
      ip: null,
      transport: null,
      arp: null,
      rest: new Uint8Array(0),
    },
    extensions,
  }),
);

const WIDTHS: Partial<Record<SetField, number>> = {
  [SetField.VlanVid]: 13,
  [SetField.VlanPcp]: 3,
  [SetField.IpDscp]: 6,
  [SetField.IpEcn]: 2,
  [SetField.Ipv6Label]: 20,
  [SetField.Icmpv4Type]: 8,
  [SetField.Icmpv4Code]: 8,
  [SetField.Icmpv6Type]: 8,
  [SetField.Icmpv6Code]: 8,
  [SetField.Ipv4Src]: 32,
  [SetField.Ipv4Dst]: 32,
  [SetField.ArpSpa]: 32,
  [SetField.ArpTpa]: 32,
  [SetField.MplsLabel]: 20,
  [SetField.MplsTc]: 3,
  [SetField.MplsBos]: 1,
  [SetField.PbbIsid]: 24,
};
const MACS: readonly SetField[] = [
  SetField.EthDst,
  SetField.EthSrc,
  SetField.ArpSha,
  SetField.ArpTha,
  SetField.NdSll,
  SetField.NdTll,
];
const SIXES: readonly SetField[] = [SetField.Ipv6Src, SetField.Ipv6Dst, SetField.NdTarget];
const FIELDS = Object.values(SetField).filter((field) => field !== SetField.Metadata && field !== SetField.TunnelId);

/** Few frames have the options of neighbour discovery: they are asked for more often. */
const RARE = Array.from({ length: 4 }, () => [SetField.NdSll, SetField.NdTll]).flat();

const setField: fc.Arbitrary<Action> = fc.constantFrom(...FIELDS, ...RARE).chain((field) => {
  let words: fc.Arbitrary<number[]> = bits(WIDTHS[field] ?? 16).map((value) => [value]);
  if (MACS.includes(field)) words = mac;
  else if (SIXES.includes(field)) words = address6;
  else if (field === SetField.EthType) words = fc.constantFrom([0x88b5], [0x0800], [0x86dd], [0x0806]);
  else if (field === SetField.IpProto) words = fc.constantFrom([6], [17], [132], [1], [58], [47]);
  return words.map((value): Action => ({ op: 'set', field, words: value }));
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: setField },
  { weight: 1, arbitrary: fc.constantFrom(0x8100, 0x88a8).map((value): Action => ({ op: 'push_vlan', value })) },
  { weight: 1, arbitrary: fc.constantFrom(0x8847, 0x8848).map((value): Action => ({ op: 'push_mpls', value })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(0x8847, 0x0800, 0x86dd, 0x88b5).map((value): Action => ({ op: 'pop_mpls', value })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('set_mpls_ttl' as const, 'set_nw_ttl' as const), bits(8))
      .map(([op, value]): Action => ({ op, value })),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(
        'pop_vlan' as const,
        'push_pbb' as const,
        'pop_pbb' as const,
        'dec_mpls_ttl' as const,
        'dec_nw_ttl' as const,
        'copy_ttl_in' as const,
        'copy_ttl_out' as const,
      )
      .map((op): Action => ({ op })),
  },
);

function perform(editor: FrameEditor, batch: Batch, one: Action): Edit {
  switch (one.op) {
    case 'set':
      return editor.setField(batch, 0, one.field, Int32Array.from([9, ...one.words]), 1);
    case 'push_vlan':
      return editor.pushVlan(batch, 0, one.value);
    case 'pop_vlan':
      return editor.popVlan(batch, 0);
    case 'push_mpls':
      return editor.pushMpls(batch, 0, one.value);
    case 'pop_mpls':
      return editor.popMpls(batch, 0, one.value);
    case 'push_pbb':
      return editor.pushPbb(batch, 0, 0x88e7);
    case 'pop_pbb':
      return editor.popPbb(batch, 0);
    case 'set_mpls_ttl':
      return editor.setMplsTtl(batch, 0, one.value);
    case 'set_nw_ttl':
      return editor.setNwTtl(batch, 0, one.value);
    case 'dec_mpls_ttl':
      return editor.decMplsTtl(batch, 0);
    case 'dec_nw_ttl':
      return editor.decNwTtl(batch, 0);
    case 'copy_ttl_in':
      return editor.copyTtlIn(batch, 0);
    default:
      return editor.copyTtlOut(batch, 0);
  }
}

/** The columns that `Parse` sets, positions counted from the frame's beginning. */
function columns(batch: Batch): number[] {
  const start = batch.start[0];
  const { kind, etherType, l3, l4, proto, sport, dport, ipLength, vlan, tagged, tpid, priority, traits } = batch;
  const values = [kind, etherType, proto, sport, dport, ipLength, vlan, tagged, tpid, priority, traits].map(
    (column) => column[0],
  );
  return [...values, l3[0] - start, l4[0] < 0 ? -1 : l4[0] - start];
}

describe(`a frame edited in place, against one built anew (TAPYARD_SEED=${seed})`, () => {
  it('has the same bytes, flow key and columns after every action', { timeout: 60_000 }, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        fc.oneof({ weight: 5, arbitrary: plain }, { weight: 1, arbitrary: carried }),
        fc.array(action, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0, 0, 0, 40, 54),
        ({ frame: first, extensions }, actions, split, offload, low) => {
          const pool = poolOf(2, 2);
          const [editor, key, parse] = [new FrameEditor(pool), new FlowKey(pool), new Parse(pool)];
          let frame = first;
          const upper = visibleTransport(frame);
          const isSummed = upper !== null && (upper.form === 'tcp' || upper.form === 'udp') && !upper.unsummed;
          const partial = offload && isSummed && !isLater(frame) && frame.rest.length === 0 && upper.payload.length > 0;
          const bytes = bytesOfLayers(frame, partial);
          const batch = new Batch(2);
          pushFrame(
            batch,
            pool,
            bytes,
            split ? { headSplit: Math.max(bytes.length - 8, bytes.length - frame.rest.length) } : {},
          );
          pool.octets.copyWithin(batch.start[0] - low, batch.start[0], batch.start[0] + batch.headLength[0]);
          batch.start[0] -= low;
          parse.one(batch, 0);
          const end = batch.start[0] + bytes.length;
          if (partial) {
            batch.csumStart[0] = end - transportLength(upper);
            batch.csumOffset[0] = checksumOffset(upper);
          }
          const partialAt = batch.csumStart[0];
          for (const one of actions) {
            const room = batch.start[0] - pool.position(batch.head[0]) - VNET_SIZE;
            const expected = act(frame, one, room);
            if (expected === null) continue;
            const edit = perform(editor, batch, one);
            const name = one.op === 'set' ? `set ${one.field}` : one.op;
            if (edit === Edit.Done) seen.set(name, (seen.get(name) ?? 0) + 1);
            else seen.set(`not ${edit}`, (seen.get(`not ${edit}`) ?? 0) + 1);
            frame = expected.frame;
            expect([name, edit]).toEqual([name, expected.edit]);
            const now = frameBytes(pool, batch, 0);
            expect(Buffer.from(now).toString('hex'), name).toBe(
              Buffer.from(bytesOfLayers(frame, partial)).toString('hex'),
            );
            expect(batch.csumStart[0]).toBe(partialAt);
            key.extract(batch, 0);
            if (!isStrange(frame)) expect([...key.words], name).toEqual(keyOfLayers(frame, extensions));
            const fresh = new Batch(2);
            const at = pushFrame(fresh, pool, now, split ? { headSplit: batch.headLength[0] } : {});
            parse.one(fresh, at);
            expect(columns(batch), name).toEqual(columns(fresh));
            pool.release(fresh.head[0]);
            pool.release(fresh.body[0]);
          }
        },
      ),
      runs,
    );
    // Every action has been carried out, and every refusal has been seen.
    for (const field of FIELDS) expect([field, seen.get(`set ${field}`) ?? 0]).not.toEqual([field, 0]);
    for (const edit of [Edit.Absent, Edit.NoRoom, Edit.TtlExpired])
      expect(seen.get(`not ${edit}`) ?? 0).toBeGreaterThan(0);
    for (const op of [
      'push_vlan',
      'pop_vlan',
      'push_mpls',
      'pop_mpls',
      'push_pbb',
      'pop_pbb',
      'copy_ttl_in',
      'copy_ttl_out',
    ])
      expect(seen.get(op) ?? 0).toBeGreaterThan(0);
  });
});

/** Bytes of a TCP or UDP header and its payload. */
function transportLength({ form, payload }: Transport): number {
  return (form === 'tcp' ? 20 : 8) + payload.length;
}
