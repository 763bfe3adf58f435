import { Ports } from '../model.ts';
import { type ActionList, argument, need, type ParseAction } from './action-list.ts';
import { fail, failUnknown, quote } from './error.ts';
import { numberIn, parseUnsigned } from './number.ts';
import type { Pairs } from './pairs.ts';
import { parseGroupNumber, parsePort, reservedPort } from './ports.ts';
import { mod, modTos, modVlanPcp, modVlanVid, setField } from './set-field.ts';

/** OFPCML_NO_BUFFER: the whole frame. */
const WHOLE = 0xffff;

/** Parses one action and appends what it stands for. @throws FlowTextError */
export function parseAction(list: ActionList, pairs: Pairs): void {
  const word = pairs.key;
  const parse = ACTIONS.get(word) ?? ACTIONS.get(word.toLowerCase());
  const { text, keyStart, keyEnd } = pairs;
  if (list.dropped) fail(keyStart, keyEnd, 'drop stands alone', `leave out drop, or ${quote(word)}`);
  if (parse !== undefined) {
    parse(list, pairs);
    return;
  }
  if (pairs.delimiter === '') {
    const port =
      parseUnsigned(text, keyStart, keyEnd) >= 0 || list.ports?.has(word) || reservedPort(word) !== undefined;
    if (port || word.startsWith('"')) {
      output(list, keyStart, keyEnd, pairs);
      return;
    }
  }
  const extension = FOREIGN.get(word.toLowerCase());
  if (extension !== undefined) {
    fail(keyStart, keyEnd, `${word} is an extension of Open vSwitch, not an action of OpenFlow 1.3`, extension);
  }
  failUnknown(keyStart, keyEnd, 'action', word, ACTIONS.keys(), 'see ovs-actions(7) for those of OpenFlow 1.3');
}

function output(list: ActionList, start: number, end: number, { text }: Pairs): void {
  const port = parsePort(text, start, end, 'output', list.ports);
  if (port === Ports.Any) fail(start, end, 'ANY is no port to send to', 'name a port, or ALL');
  list.actions.push({ type: 'output', port, maxLength: port === Ports.Controller ? WHOLE : 0 });
}

/** `controller`, `controller:128`, `controller(max_len=128)`. */
function controller(list: ActionList, { text, valueStart, valueEnd, delimiter }: Pairs): void {
  let start = valueStart;
  if (delimiter === '(' && text.slice(start, valueEnd).trimStart().startsWith('max_len=')) {
    start = text.indexOf('=', start) + 1;
  } else if (delimiter === '(' && parseUnsigned(text, start, valueEnd) < 0) {
    fail(start, valueEnd, `controller of OpenFlow 1.3 takes max_len alone`, 'write controller:128, or controller');
  }
  const maxLength = start >= valueEnd ? WHOLE : numberIn(text, start, valueEnd, 'max_len', 0, WHOLE);
  list.actions.push({ type: 'output', port: Ports.Controller, maxLength });
}

const reserved =
  (port: number): ParseAction =>
  ({ actions }, pairs) => {
    bare(pairs);
    actions.push({ type: 'output', port, maxLength: 0 });
  };

function bare({ text, keyStart, keyEnd, valueStart, valueEnd }: Pairs): void {
  if (valueStart < valueEnd)
    fail(valueStart, valueEnd, `${text.slice(keyStart, keyEnd)} takes no argument`, 'leave it out');
}

/** An action without argument. */
const plain =
  (type: 'dec_mpls_ttl' | 'dec_nw_ttl' | 'copy_ttl_out' | 'copy_ttl_in', needs: 'ip' | 'mpls'): ParseAction =>
  (list, pairs) => {
    bare(pairs);
    need(list, pairs, needs);
    list.actions.push({ type });
  };

const setTtl =
  (type: 'set_mpls_ttl' | 'set_nw_ttl', needs: 'ip' | 'mpls'): ParseAction =>
  (list, pairs) => {
    const ttl = argument(pairs, 'the TTL', 0, 255);
    need(list, pairs, needs);
    list.actions.push({ type, ttl });
  };

const push =
  (type: 'push_vlan' | 'push_mpls' | 'push_pbb', ethertypes: readonly number[]): ParseAction =>
  ({ actions, known }, pairs) => {
    const { text, valueStart, valueEnd } = pairs;
    const ethertype = valueStart >= valueEnd ? ethertypes[0] : argument(pairs, 'the EtherType', 0, 0xffff);
    if (!ethertypes.includes(ethertype)) {
      const cure = `write ${ethertypes.map((one) => `0x${one.toString(16)}`).join(' or ')}`;
      fail(valueStart, valueEnd, `${quote(text.slice(valueStart, valueEnd))} is no EtherType of ${type}`, cure);
    }
    actions.push({ type, ethertype });
    if (known === null) return;
    if (type === 'push_vlan') known.tags++;
    else {
      known.ethType = ethertype;
      known.proto = known.icmpv6Type = -1;
      if (type === 'push_pbb') known.tags = 0;
    }
  };

const popVlan: ParseAction = (list, pairs) => {
  bare(pairs);
  need(list, pairs, 'vlan');
  list.actions.push({ type: 'pop_vlan' });
  if (list.known !== null) list.known.tags--;
};

const popMpls: ParseAction = (list, pairs) => {
  if (pairs.valueStart >= pairs.valueEnd) {
    fail(pairs.keyStart, pairs.keyEnd, 'pop_mpls needs the EtherType of what is left', 'write pop_mpls:0x0800, say');
  }
  const ethertype = argument(pairs, 'the EtherType', 0, 0xffff);
  need(list, pairs, 'mpls');
  list.actions.push({ type: 'pop_mpls', ethertype });
  if (list.known !== null) list.known.ethType = ethertype;
};

const popPbb: ParseAction = (list, pairs) => {
  bare(pairs);
  need(list, pairs, 'pbb');
  list.actions.push({ type: 'pop_pbb' });
  if (list.known !== null) list.known.ethType = -1;
};

const ACTIONS: ReadonlyMap<string, ParseAction> = new Map<string, ParseAction>([
  ['output', (list, pairs) => output(list, pairs.valueStart, pairs.valueEnd, pairs)],
  ['controller', controller],
  ...(['normal', 'flood', 'all', 'local', 'in_port', 'table'] as const).map((word): [string, ParseAction] => [
    word,
    reserved(reservedPort(word) ?? Ports.Any),
  ]),
  [
    'drop',
    (list, pairs) => {
      bare(pairs);
      if (list.actions.length > 0)
        fail(pairs.keyStart, pairs.keyEnd, 'drop stands alone', 'leave out drop, or the other actions');
      list.dropped = true;
    },
  ],
  ['set_field', setField],
  ['mod_dl_src', mod('eth_src')],
  ['mod_dl_dst', mod('eth_dst')],
  ['mod_vlan_vid', modVlanVid],
  ['mod_vlan_pcp', modVlanPcp],
  ['mod_nw_src', mod('ipv4_src')],
  ['mod_nw_dst', mod('ipv4_dst')],
  ['mod_nw_tos', modTos],
  ['mod_nw_ecn', mod('ip_ecn')],
  ['mod_tp_src', mod('tp_src')],
  ['mod_tp_dst', mod('tp_dst')],
  ['set_mpls_label', mod('mpls_label')],
  ['set_mpls_tc', mod('mpls_tc')],
  ['set_tunnel', mod('tunnel_id')],
  ['push_vlan', push('push_vlan', [0x8100, 0x88a8])],
  ['pop_vlan', popVlan],
  ['strip_vlan', popVlan],
  ['push_mpls', push('push_mpls', [0x8847, 0x8848])],
  ['pop_mpls', popMpls],
  ['push_pbb', push('push_pbb', [0x88e7])],
  ['pop_pbb', popPbb],
  ['set_mpls_ttl', setTtl('set_mpls_ttl', 'mpls')],
  ['dec_mpls_ttl', plain('dec_mpls_ttl', 'mpls')],
  ['dec_ttl', plain('dec_nw_ttl', 'ip')],
  ['dec_nw_ttl', plain('dec_nw_ttl', 'ip')],
  ['set_nw_ttl', setTtl('set_nw_ttl', 'ip')],
  ['mod_nw_ttl', setTtl('set_nw_ttl', 'ip')],
  ['copy_ttl_in', plain('copy_ttl_in', 'mpls')],
  ['copy_ttl_out', plain('copy_ttl_out', 'mpls')],
  [
    'group',
    ({ actions }, { text, valueStart, valueEnd }) => {
      actions.push({ type: 'group', group: parseGroupNumber(text, valueStart, valueEnd, 'group', false) });
    },
  ],
  [
    'set_queue',
    ({ actions }, pairs) => {
      actions.push({ type: 'set_queue', queue: argument(pairs, 'the queue', 0, 0xffffffff) });
    },
  ],
]);

/** Actions of Open vSwitch and of OpenFlow 1.0, and what to write instead. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['resubmit', 'write goto_table:N'],
  ['load', 'write set_field:VALUE->FIELD'],
  ['move', 'leave it out; OpenFlow 1.3 sets fields to constants only'],
  ['enqueue', 'write set_queue:QUEUE,output:PORT'],
  ['pop_queue', 'write set_queue:0'],
  ['bundle', 'use a group of type select: group:N'],
  ['bundle_load', 'use a group of type select: group:N'],
  ['multipath', 'use a group of type select: group:N'],
  ['fin_timeout', 'write idle_timeout=N in the match'],
  ...(
    ['learn', 'conjunction', 'ct', 'ct_clear', 'nat', 'note', 'exit', 'clone', 'sample', 'check_pkt_larger'] as const
  ).map((word): [string, string] => [word, 'leave it out']),
  ...(['push', 'pop', 'encap', 'decap', 'output_reg', 'stack_push', 'delete_field'] as const).map(
    (word): [string, string] => [word, 'leave it out'],
  ),
]);
