import { type Field, fieldNamed } from '../fields.ts';
import type { Action } from '../model.ts';
import { type ActionList, argument, need, type ParseAction } from './action-list.ts';
import { fail, failUnknown } from './error.ts';
import { firstMet, needed } from './known.ts';
import { parseTos } from './match.ts';
import { type Meaning, WORDS } from './names.ts';
import { parseValue, putNumber, slashIn } from './value.ts';

const VLAN_VID = fieldNamed('vlan_vid');
const VLAN_PCP = fieldNamed('vlan_pcp');
const IP_DSCP = fieldNamed('ip_dscp');
const PRESENT = 0x1000;

/** `set_field:VALUE->FIELD`. */
export const setField: ParseAction = (list, pairs) => {
  const { text, valueStart, valueEnd } = pairs;
  const arrow = text.lastIndexOf('->', valueEnd);
  if (arrow < valueStart) {
    fail(valueStart, valueEnd, 'set_field does not say which field', 'write set_field:VALUE->FIELD');
  }
  const nameStart = arrow + 2;
  const word = text.slice(nameStart, valueEnd);
  const meaning = WORDS.get(word);
  if (meaning === undefined)
    failUnknown(nameStart, valueEnd, 'field', word, WORDS.keys(), 'see ovs-fields(7) for their names');
  const slash = slashIn(text, valueStart, arrow);
  if (slash >= 0) fail(slash, arrow, 'set_field takes no mask in OpenFlow 1.3', 'set the whole field');
  if (meaning.special === 'dl_vlan' || meaning.special === 'vlan_tci') {
    fail(nameStart, valueEnd, `${word} cannot be set`, 'set vlan_vid, with the bit 0x1000, or vlan_pcp');
  }
  const field = target(list, meaning, nameStart, valueEnd, word);
  if (meaning.special === 'nw_tos') {
    put(list, field, parseTos(text, valueStart, arrow, 'nw_tos'));
    return;
  }
  const value = parseValue(field, text, valueStart, arrow, list.ports);
  if (field === VLAN_VID && (value[0] & 0x10) === 0) {
    const vid = (value[0] << 8) | value[1];
    fail(
      valueStart,
      arrow,
      'A tag is there only with the bit 0x1000',
      `write ${vid | PRESENT}, or mod_vlan_vid:${vid}`,
    );
  }
  append(list, field, value);
};

/** The field that a word stands for here. */
function target({ known }: ActionList, { fields }: Meaning, start: number, end: number, word: string): Field {
  // In a bucket words that several fields share are those of IPv4, as in Open vSwitch; ports have no such rule.
  const shared = fields[0].name === 'tcp_src' || fields[0].name === 'tcp_dst' ? null : fields[0];
  const field = known !== null ? firstMet(known, fields) : fields.length === 1 ? fields[0] : shared;
  if (field === null) {
    const cure =
      known === null
        ? 'write tcp_src, udp_dst, …: a bucket does not know the protocol'
        : `add ${needed(fields)} to the match`;
    return fail(start, end, `The prerequisites of ${word} are not met`, cure);
  }
  // Whoever sets the id of a tag needs one; to match it is another question.
  if (field === VLAN_VID && known !== null && known.tags === 0) {
    fail(
      start,
      end,
      `The prerequisites of ${word} are not met`,
      'write push_vlan:0x8100 before it, or add dl_vlan=N to the match',
    );
  }
  if (field.set === null) fail(start, end, `${word} cannot be set`, 'match it, or leave it out');
  return field;
}

function append({ actions, known }: ActionList, field: Field, value: Uint8Array): void {
  actions.push({ type: 'set_field', field, value });
  if (known === null) return;
  if (field.name === 'eth_type') known.ethType = (value[0] << 8) | value[1];
  else if (field.name === 'ip_proto') known.proto = value[0];
  else if (field.name === 'icmpv6_type') known.icmpv6Type = value[0];
}

function put(list: ActionList, field: Field, number: number): void {
  const value = new Uint8Array(field.bytes);
  putNumber(value, number);
  append(list, field, value);
}

/** An action of OpenFlow 1.0 that sets a field. */
export const mod =
  (word: string): ParseAction =>
  (list, { text, keyStart, keyEnd, valueStart, valueEnd }) => {
    const meaning = WORDS.get(word);
    if (meaning === undefined) throw new Error(`no field ${word}`);
    const field = target(list, meaning, keyStart, keyEnd, text.slice(keyStart, keyEnd));
    if (field.name.startsWith('icmp') || field.name.startsWith('arp')) {
      fail(
        keyStart,
        keyEnd,
        `${text.slice(keyStart, keyEnd)} is not for ${field.prerequisite}`,
        `write set_field:…->${field.name}`,
      );
    }
    append(list, field, parseValue(field, text, valueStart, valueEnd, list.ports));
  };

export const modTos: ParseAction = (list, pairs) => {
  const { text, valueStart, valueEnd } = pairs;
  need(list, pairs, 'ip');
  put(list, IP_DSCP, parseTos(text, valueStart, valueEnd, 'mod_nw_tos'));
};

/** Sets VLAN id or priority, of a tag that is pushed where none is known to be: as Open vSwitch translates it. */
const modVlan =
  (field: Field, present: number, most: number): ParseAction =>
  (list, pairs) => {
    const number = argument(pairs, field.name, 0, most);
    // In a bucket the actions before are all that is known.
    const tagged = list.known === null ? pushed(list.actions) : list.known.tags > 0;
    if (!tagged) {
      list.actions.push({ type: 'push_vlan', ethertype: 0x8100 });
      if (list.known !== null) list.known.tags++;
    }
    put(list, field, number | present);
  };

function pushed(actions: readonly Action[]): boolean {
  return actions.findLast(({ type }) => type === 'push_vlan' || type === 'pop_vlan')?.type === 'push_vlan';
}

export const modVlanVid = modVlan(VLAN_VID, PRESENT, 0xfff);
export const modVlanPcp = modVlan(VLAN_PCP, 0, 7);
