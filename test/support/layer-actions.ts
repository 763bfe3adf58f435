/** What each action does to a frame that is given as layers: the slow twin of editing in place. Nothing here uses `src` but names. */
import { Edit } from '../../src/path/rules/edit.ts';
import { SetField } from '../../src/path/rules/program.ts';
import { type Layers, type Transport, typeOf, visibleIp, visibleTransport } from './layers.ts';

export type Action =
  | { readonly op: 'set'; readonly field: SetField; readonly words: readonly number[] }
  | { readonly op: 'push_vlan' | 'push_mpls' | 'pop_mpls' | 'set_mpls_ttl' | 'set_nw_ttl'; readonly value: number }
  | {
      readonly op: 'pop_vlan' | 'push_pbb' | 'pop_pbb' | 'dec_mpls_ttl' | 'dec_nw_ttl' | 'copy_ttl_in' | 'copy_ttl_out';
    };

export interface Edited {
  readonly edit: Edit;
  readonly frame: Layers;
}

const isMpls = (type: number): boolean => type === 0x8847 || type === 0x8848;

/** @param room bytes free in front of the frame @returns null where the frame would no longer be what its layers say */
export function act(before: Layers, action: Action, room: number): Edited | null {
  const frame = structuredClone(before);
  const done = (edit: Edit = Edit.Done, result: Layers = frame): Edited => ({
    edit,
    frame: edit === Edit.Done ? result : before,
  });
  switch (action.op) {
    case 'set':
      return set(frame, action.field, action.words, done);
    case 'push_vlan': {
      if (room < 4) return done(Edit.NoRoom);
      const outer = frame.tags.at(0);
      frame.tags.unshift({ tpid: action.value, pcp: outer?.pcp ?? 0, dei: 0, vid: outer?.vid ?? 0 });
      return done();
    }
    case 'pop_vlan':
      return done(frame.tags.shift() === undefined ? Edit.Absent : Edit.Done);
    case 'push_mpls': {
      if (room < 4) return done(Edit.NoRoom);
      if (frame.carried !== null) return null;
      const outer = frame.labels.at(0);
      const fresh = { label: 0, tc: 0, bottom: 1, ttl: visibleIp(frame)?.ttl ?? 0 };
      frame.labels.unshift(outer === undefined ? fresh : { ...outer, bottom: 0 });
      frame.labelType = action.value;
      return done();
    }
    case 'pop_mpls':
      if (!isMpls(typeOf(frame))) return done(Edit.Absent);
      frame.labels.shift();
      if (frame.labels.length > 0 !== isMpls(action.value)) return null;
      if (frame.labels.length > 0) frame.labelType = action.value;
      else frame.type = action.value;
      return done();
    case 'push_pbb': {
      if (room < 18) return done(Edit.NoRoom);
      const { destination, source, tags, carried } = frame;
      const empty = {
        labels: [],
        labelType: 0,
        type: 0,
        ip: null,
        transport: null,
        arp: null,
        rest: new Uint8Array(0),
      };
      const tag = { priority: tags.at(0)?.pcp ?? 0, isid: carried?.isid ?? 0, frame };
      return done(Edit.Done, { destination, source, tags: [], carried: tag, ...empty });
    }
    case 'pop_pbb': {
      const inner = frame.carried?.frame;
      if (inner === undefined) return done(Edit.Absent);
      return done(Edit.Done, { ...inner, tags: [...frame.tags, ...inner.tags] });
    }
    default:
      return ttl(frame, action, done);
  }
}

type Done = (edit?: Edit) => Edited;

function ttl(frame: Layers, action: Action, done: Done): Edited | null {
  const label = frame.carried === null ? (frame.labels.at(0) ?? null) : null;
  const outer = label ?? visibleIp(frame);
  switch (action.op) {
    case 'set_mpls_ttl':
    case 'set_nw_ttl':
      if (outer === null || (action.op === 'set_mpls_ttl') !== (label !== null)) return done(Edit.Absent);
      outer.ttl = action.value;
      return done();
    case 'dec_mpls_ttl':
    case 'dec_nw_ttl':
      if (outer === null || (action.op === 'dec_mpls_ttl') !== (label !== null)) return done(Edit.Absent);
      if (outer.ttl <= 1) return done(Edit.TtlExpired);
      outer.ttl--;
      return done();
    default: {
      // A label that says it is the last, and is not, hides what follows.
      if (label !== null && (label.bottom === 1) !== (frame.labels.length === 1)) return null;
      const inner = label === null ? null : (frame.labels.at(1) ?? frame.ip);
      if (outer === null || inner === null) return done(Edit.Absent);
      if (action.op === 'copy_ttl_in') inner.ttl = outer.ttl;
      else outer.ttl = inner.ttl;
      return done();
    }
  }
}

function set(frame: Layers, field: SetField, words: readonly number[], done: Done): Edited | null {
  const ip = visibleIp(frame);
  const arp = typeOf(frame) === 0x0806 ? frame.arp : null;
  const label = frame.carried === null ? frame.labels.at(0) : undefined;
  const [value] = words;
  /** Assigns to a layer if it is there. */
  const assign = <Layer extends object>(layer: Layer | null | undefined, change: Partial<Layer>): Edited => {
    if (layer === null || layer === undefined) return done(Edit.Absent);
    Object.assign(layer, change);
    return done();
  };
  const only = (version: 4 | 6) => (ip?.version === version ? ip : null);
  const strange = isStrange(frame);
  switch (field) {
    case SetField.EthDst:
      return assign(frame, { destination: [...words] });
    case SetField.EthSrc:
      return assign(frame, { source: [...words] });
    case SetField.EthType:
      return frame.carried === null && frame.labels.length === 0 ? assign(frame, { type: value }) : null;
    case SetField.VlanVid:
      return assign(frame.tags.at(0), { vid: value & 0xfff });
    case SetField.VlanPcp:
      return assign(frame.tags.at(0), { pcp: value });
    case SetField.IpDscp:
      return assign(ip, { tos: (value << 2) | ((ip?.tos ?? 0) & 3) });
    case SetField.IpEcn:
      return assign(ip, { tos: value | ((ip?.tos ?? 0) & 0xfc) });
    case SetField.IpProto:
      return strange ? null : assign(ip, { protocol: value });
    case SetField.Ipv4Src:
      return strange ? null : assign(only(4), { source: [...words] });
    case SetField.Ipv4Dst:
      return strange ? null : assign(only(4), { destination: [...words] });
    case SetField.Ipv6Src:
      return strange ? null : assign(only(6), { source: [...words] });
    case SetField.Ipv6Dst:
      return strange ? null : assign(only(6), { destination: [...words] });
    case SetField.Ipv6Label:
      return assign(only(6), { flowLabel: value });
    case SetField.ArpOp:
      return assign(arp, { operation: value });
    case SetField.ArpSpa:
      return assign(arp, { sender: value });
    case SetField.ArpTpa:
      return assign(arp, { target: value });
    case SetField.ArpSha:
      return assign(arp, { senderMac: [...words] });
    case SetField.ArpTha:
      return assign(arp, { targetMac: [...words] });
    case SetField.MplsLabel:
      return assign(label, { label: value });
    case SetField.MplsTc:
      return assign(label, { tc: value });
    case SetField.MplsBos:
      return assign(label, { bottom: value });
    case SetField.PbbIsid:
      return assign(frame.carried, { isid: value });
    default: {
      if (strange) return null;
      const edit = setTransport(frame, field, words);
      return edit === null ? null : done(edit);
    }
  }
}

/** The transport header is no longer what the protocol number says: nobody knows what its bytes mean. */
export const isStrange = (frame: Layers): boolean =>
  visibleIp(frame) !== null && !isLater(frame) && visibleTransport(frame) === null;

export const isLater = ({ ip }: Layers): boolean =>
  ip !== null &&
  ((ip.fragment & 0x1fff) !== 0 ||
    ip.extensions.some(({ type, bytes }) => type === 44 && (bytes[0] !== 0 || bytes[1] > 7)));

const isFragment = ({ ip }: Layers): boolean =>
  ip !== null && ((ip.fragment & 0x3fff) !== 0 || ip.extensions.some(({ type }) => type === 44));

function setTransport(frame: Layers, field: SetField, words: readonly number[]): Edit | null {
  const transport = isLater(frame) ? null : visibleTransport(frame);
  if (transport === null) return Edit.Absent;
  const [value] = words;
  const put = (form: Transport['form'], name: 'first' | 'second'): Edit | null => {
    if (transport.form !== form) return Edit.Absent;
    // The CRC runs over bytes that are not here.
    if (form === 'sctp' && isFragment(frame)) return null;
    transport[name] = value;
    return Edit.Done;
  };
  const neighbor = transport.target !== null && transport.second === 0 ? transport.first : 0;
  const link = (message: number, type: number): Edit => {
    const option = transport.links.find((candidate) => candidate.type === type);
    if (neighbor !== message || option === undefined) return Edit.Absent;
    option.mac = [...words];
    return Edit.Done;
  };
  switch (field) {
    case SetField.TcpSrc:
      return put('tcp', 'first');
    case SetField.TcpDst:
      return put('tcp', 'second');
    case SetField.UdpSrc:
      return put('udp', 'first');
    case SetField.UdpDst:
      return put('udp', 'second');
    case SetField.SctpSrc:
      return put('sctp', 'first');
    case SetField.SctpDst:
      return put('sctp', 'second');
    case SetField.Icmpv4Type:
      return put('icmp', 'first');
    case SetField.Icmpv4Code:
      return put('icmp', 'second');
    case SetField.Icmpv6Type:
      // An echo whose type is changed would be read as a neighbour's message.
      return transport.target === null && (value === 135 || value === 136) ? null : put('icmpv6', 'first');
    case SetField.Icmpv6Code:
      return put('icmpv6', 'second');
    case SetField.NdTarget:
      if (neighbor !== 135 && neighbor !== 136) return Edit.Absent;
      transport.target = [...words];
      return Edit.Done;
    case SetField.NdSll:
      return link(135, 1);
    case SetField.NdTll:
      return link(136, 2);
    default:
      return Edit.Absent;
  }
}
