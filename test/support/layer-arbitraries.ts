import fc from 'fast-check';
import { ExtensionBit } from '../../src/path/rules/extension-bits.ts';
import { SetField } from '../../src/path/rules/program.ts';
import type { Action } from './layer-actions.ts';
import type { Extension, Ip, Label, Layers, Transport } from './layers.ts';
import { pattern } from './packets.ts';

/** Random frames as layers, and random actions on them. */

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

/** A frame, and the bits of its extension headers (`ExtensionBit`). */
export interface Case {
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

/** Frames with tags, labels, IP, ARP or nothing known. */
export const plain: fc.Arbitrary<Case> = fc
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

/** Frames that carry another one (802.1ah). */
export const carried: fc.Arbitrary<Case> = fc
  .tuple(plain, mac, mac, fc.array(tag, { maxLength: 1 }), bits(24), bits(3))
  .map(
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
export const FIELDS = Object.values(SetField).filter(
  (field) => field !== SetField.Metadata && field !== SetField.TunnelId,
);

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
export const action: fc.Arbitrary<Action> = fc.oneof(
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
