import { refuse } from '../codec/errors.ts';
import type { Field, Prerequisite } from '../fields.ts';
import { type Action, type FlowMod, type Instruction, type Match, Ports } from '../model.ts';
import { number } from './match-words.ts';

/** Whether rules, groups and packets-out may be as they are said. Source: 1.3.5, sections 7.2.3.6, 7.3.4 and 7.4.4. */

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, arp: 0x0806, pbb: 0x88e7 } as const;
const PROTOCOL = { tcp: 6, udp: 17, sctp: 132, icmpv4: 1, icmpv6: 58 } as const;
/** Types of ICMPv6. */
const SOLICIT = 135;
const ADVERT = 136;
const MPLS: readonly number[] = [0x8847, 0x8848];
const TPIDS: readonly number[] = [0x8100, 0x88a8];
const PRESENT = 0x1000;
const VID_BITS = 0x1fff;

/** What a match says of the headers; null: nothing. `free`: there is no match that could say anything. */
interface Known {
  free: boolean;
  ethertype: number | null;
  protocol: number | null;
  icmpv6: number | null;
  /** A tag is there; none is; nothing is said. */
  vlan: boolean | null;
  inPort: boolean;
}

function known(match: Match): Known {
  const state: Known = { free: false, ethertype: null, protocol: null, icmpv6: null, vlan: null, inPort: false };
  for (const { field, value, mask } of match) {
    if (field.name === 'vlan_vid') {
      const asked = mask === null || (number(mask, 0, 2) & PRESENT) !== 0;
      state.vlan = asked ? (number(value, 0, 2) & PRESENT) !== 0 : null;
    } else if (mask === null) {
      if (field.name === 'eth_type') state.ethertype = number(value, 0, 2);
      else if (field.name === 'ip_proto') state.protocol = value[0];
      else if (field.name === 'icmpv6_type') state.icmpv6 = value[0];
      else if (field.name === 'in_port') state.inPort = true;
    }
  }
  return state;
}

/** @returns whether it holds; null: nothing is said that decides */
function holds(prerequisite: Prerequisite, state: Known): boolean | null {
  const { ethertype, protocol } = state;
  switch (prerequisite) {
    case 'in_port':
      return state.inPort ? true : null;
    case 'vlan':
      return state.vlan;
    case 'ip':
      return isIp(ethertype);
    case 'mpls':
      return ethertype === null ? null : MPLS.includes(ethertype);
    case 'ipv4':
    case 'ipv6':
    case 'arp':
    case 'pbb':
      return is(ethertype, ETHERTYPE[prerequisite]);
    case 'icmpv4':
      return both(is(ethertype, ETHERTYPE.ipv4), is(protocol, PROTOCOL.icmpv4));
    case 'icmpv6':
      return isIcmpv6(state);
    case 'nd':
      return both(isIcmpv6(state), either(is(state.icmpv6, SOLICIT), is(state.icmpv6, ADVERT)));
    case 'nd-solicit':
      return both(isIcmpv6(state), is(state.icmpv6, SOLICIT));
    case 'nd-advert':
      return both(isIcmpv6(state), is(state.icmpv6, ADVERT));
    default:
      return both(isIp(ethertype), is(protocol, PROTOCOL[prerequisite]));
  }
}

const is = (said: number | null, wanted: number): boolean | null => (said === null ? null : said === wanted);
const both = (one: boolean | null, other: boolean | null): boolean | null =>
  one === false || other === false ? false : one === null || other === null ? null : true;
const either = (one: boolean | null, other: boolean | null): boolean | null => one === true || other;

function isIp(ethertype: number | null): boolean | null {
  return either(is(ethertype, ETHERTYPE.ipv4), is(ethertype, ETHERTYPE.ipv6));
}

function isIcmpv6({ ethertype, protocol }: Known): boolean | null {
  return both(is(ethertype, ETHERTYPE.ipv6), is(protocol, PROTOCOL.icmpv6));
}

export function checkMatch(match: Match): void {
  checkFields(match, known(match));
}

function checkFields(match: Match, state: Known): void {
  for (const { field, value, mask } of match) {
    if (field.prerequisite !== null && holds(field.prerequisite, state) !== true)
      throw refuse('BAD_MATCH', 'BAD_PREREQ', `${field.name} needs a match on ${field.prerequisite}`);
    if (field.name !== 'vlan_vid') continue;
    const vid = number(value, 0, 2);
    if (mask === null && vid !== 0 && (vid & PRESENT) === 0)
      throw refuse('BAD_MATCH', 'BAD_VALUE', 'a VLAN ID is written with the bit that says that a tag is there');
    if (mask !== null && (number(mask, 0, 2) & ~VID_BITS) !== 0)
      throw refuse('BAD_MATCH', 'BAD_WILDCARDS', 'the mask of vlan_vid is too wide');
  }
}

/** Tables of a datapath: 0 to 254. */
export const TABLES = 255;

/** What actions may name. */
export interface Surroundings {
  readonly tables: number;
  hasGroup(id: number): boolean;
  hasMeter(id: number): boolean;
}

/** In the order in which they are carried out: what actions to apply do to the headers holds for those that are written. */
const ORDER: readonly Instruction['type'][] = [
  ...(['meter', 'apply_actions', 'clear_actions', 'write_actions'] as const),
  ...(['write_metadata', 'goto_table', 'experimenter'] as const),
];

/** Whether a rule may match this and do that. */
export function checkRule({ match, instructions, table }: FlowMod, around: Surroundings): void {
  const state = known(match);
  checkFields(match, state);
  for (const type of ORDER) {
    let seen = false;
    for (const one of instructions) {
      if (one.type !== type) continue;
      if (seen) throw refuse('BAD_INSTRUCTION', 'UNSUP_INST', `${type} is there twice`);
      seen = true;
      checkInstruction(one, table, state, around);
    }
  }
}

function checkInstruction(one: Instruction, table: number, state: Known, around: Surroundings): void {
  switch (one.type) {
    case 'goto_table':
      if (one.table <= table || one.table >= around.tables)
        throw refuse('BAD_INSTRUCTION', 'BAD_TABLE_ID', `table ${table} cannot go to table ${one.table}`);
      break;
    case 'meter':
      if (!around.hasMeter(one.meter))
        throw refuse('METER_MOD_FAILED', 'UNKNOWN_METER', `there is no meter ${one.meter}`);
      break;
    case 'apply_actions':
    case 'write_actions':
      checkActions(one.actions, state, around, false);
      break;
    case 'experimenter':
      throw refuse('BAD_INSTRUCTION', 'BAD_EXPERIMENTER', `nobody knows the instructions of ${one.experimenter}`);
    default:
  }
}

/** Checks actions of a packet-out or a bucket, about whose frames nothing is known. */
export function checkFreeActions(actions: readonly Action[], around: Surroundings, packetOut: boolean): void {
  checkActions(actions, { ...known([]), free: true }, around, packetOut);
}

function checkActions(actions: readonly Action[], state: Known, around: Surroundings, packetOut: boolean): void {
  for (const action of actions) {
    switch (action.type) {
      case 'output':
        if (!mayOutput(action.port, packetOut))
          throw refuse('BAD_ACTION', 'BAD_OUT_PORT', `nothing can leave by port ${action.port}`);
        break;
      case 'group':
        if (!around.hasGroup(action.group))
          throw refuse('BAD_ACTION', 'BAD_OUT_GROUP', `there is no group ${action.group}`);
        break;
      case 'push_vlan':
        if (!TPIDS.includes(action.ethertype)) throw badType(action.ethertype);
        state.vlan = true;
        break;
      case 'pop_vlan':
        if (state.vlan === false)
          throw refuse('BAD_ACTION', 'MATCH_INCONSISTENT', 'the match says that there is no tag to pop');
        state.vlan = null;
        break;
      case 'push_mpls':
        if (!MPLS.includes(action.ethertype)) throw badType(action.ethertype);
        state.ethertype = action.ethertype;
        break;
      case 'pop_mpls':
        state.ethertype = action.ethertype;
        state.protocol = null;
        state.icmpv6 = null;
        break;
      case 'push_pbb':
        if (action.ethertype !== ETHERTYPE.pbb) throw badType(action.ethertype);
        state.ethertype = action.ethertype;
        state.vlan = null;
        break;
      case 'pop_pbb':
        state.ethertype = null;
        state.vlan = null;
        break;
      case 'set_field':
        checkSetField(action.field, action.value, state);
        break;
      case 'experimenter':
        throw refuse('BAD_ACTION', 'BAD_EXPERIMENTER', `nobody knows the actions of ${action.experimenter}`);
      default:
    }
  }
}

function badType(type: number) {
  return refuse('BAD_ACTION', 'BAD_ARGUMENT', `0x${type.toString(16)} is no EtherType to push`);
}

function mayOutput(port: number, packetOut: boolean): boolean {
  if (port === Ports.Table) return packetOut;
  return port !== 0 && port !== Ports.Any && (port < Ports.Max || port >= Ports.InPort);
}

function checkSetField(field: Field, value: Uint8Array, state: Known): void {
  if (field.set === null) throw refuse('BAD_ACTION', 'BAD_SET_TYPE', `${field.name} cannot be set`);
  const held = field.prerequisite === null || holds(field.prerequisite, state);
  // A rule's match must say it (7.2.5); what a bucket or a packet-out meets shows when it does.
  if (held === false || (held === null && !state.free))
    throw refuse('BAD_ACTION', 'MATCH_INCONSISTENT', `setting ${field.name} needs a match on ${field.prerequisite}`);
  if (field.name === 'eth_type') state.ethertype = number(value, 0, 2);
  if (field.name === 'ip_proto') state.protocol = value[0];
}
