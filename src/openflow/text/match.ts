import { FIELDS, type Field, fieldNamed } from '../fields.ts';
import type { FieldMatch, Match } from '../model.ts';
import { fail, quote } from './error.ts';
import { firstMet, type Known, meets, needed } from './known.ts';
import { type Meaning, NAMED, PROTOCOLS, type Protocol } from './names.ts';
import { numberIn } from './number.ts';
import type { Pairs } from './pairs.ts';
import type { PortNumbers } from './ports.ts';
import { isEmpty, isFull, parseMask, parseValue, slashIn, smallValue } from './value.ts';

const ETH_TYPE = fieldNamed('eth_type');
const VLAN_VID = fieldNamed('vlan_vid');
const VLAN_PCP = fieldNamed('vlan_pcp');
const IP_PROTO = fieldNamed('ip_proto');
const ICMPV6_TYPE = fieldNamed('icmpv6_type');
const IP_DSCP = fieldNamed('ip_dscp');
const PRESENT = 0x1000;

/** A word that waits until the protocol is known: `nw_src` is another field in ARP than in IP. */
interface Waiting {
  readonly meaning: Meaning;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

/** One match, word by word; `finish` puts its fields in the order of their numbers, in which prerequisites come first. */
export class MatchParser {
  readonly #text: string;
  readonly #ports: PortNumbers | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #slots: (FieldMatch | undefined)[] = new Array(FIELDS.length).fill(undefined);
  #ethType = -1;
  #proto = -1;

  constructor(text: string, ports?: PortNumbers) {
    this.#text = text;
    this.#ports = ports;
  }

  protocol({ ethType, proto, word }: Protocol, pairs: Pairs): void {
    if (pairs.delimiter !== '') fail(pairs.keyStart, pairs.valueEnd, `${word} takes no value`, `write ${word} alone`);
    if (ethType >= 0) this.#setEthType(ethType, pairs.keyStart, pairs.keyEnd);
    if (proto < 0) return;
    if (this.#proto >= 0 && this.#proto !== proto) contradicts(pairs.keyStart, pairs.keyEnd, word);
    this.#proto = proto;
  }

  field(meaning: Meaning, { text, keyStart, keyEnd, valueStart, valueEnd, delimiter }: Pairs): void {
    if (delimiter === '' || valueStart >= valueEnd) {
      fail(
        keyStart,
        valueEnd,
        `${text.slice(keyStart, keyEnd)} has no value`,
        `write ${text.slice(keyStart, keyEnd)}=VALUE`,
      );
    }
    // «nw_src=*» is ovs-ofctl's word for any value.
    if (valueEnd - valueStart === 1 && text.charCodeAt(valueStart) === 42) return;
    const waiting = { meaning, keyStart, keyEnd, start: valueStart, end: valueEnd };
    if (meaning.fields[0] === ETH_TYPE) {
      const found = this.#read(ETH_TYPE, waiting);
      if (found !== null) this.#setEthType((found.value[0] << 8) | found.value[1], keyStart, valueEnd);
    } else if (meaning.fields[0] === IP_PROTO) this.#waiting.unshift(waiting);
    else this.#waiting.push(waiting);
  }

  /** What is known of frames that match. Only after `finish`. */
  get known(): Known {
    const vlan = this.#slots[VLAN_VID.number];
    return {
      ethType: this.#ethType,
      proto: this.#proto,
      icmpv6Type: this.#slots[ICMPV6_TYPE.number]?.value[0] ?? -1,
      tags: vlan !== undefined && (vlan.value[0] & 0x10 & (vlan.mask?.[0] ?? 0xff)) !== 0 ? 1 : 0,
      inPort: this.#slots[0] !== undefined,
    };
  }

  finish(): Match {
    const slots = this.#slots;
    if (this.#ethType >= 0) slots[ETH_TYPE.number] = ETH_TYPES.get(this.#ethType) ?? of(ETH_TYPE, this.#ethType);
    if (this.#proto >= 0) slots[IP_PROTO.number] = IP_PROTOS[this.#proto];
    for (const each of this.#waiting) this.#place(each);
    // A priority is a tag's: as in Open vSwitch it says that there is one.
    if (slots[VLAN_PCP.number] !== undefined && slots[VLAN_VID.number] === undefined) {
      slots[VLAN_VID.number] = of(VLAN_VID, PRESENT, PRESENT);
    }
    const known = this.known;
    const match: FieldMatch[] = [];
    for (const slot of slots) {
      if (slot === undefined) continue;
      if (!meets(known, slot.field.prerequisite)) this.#unmet(slot.field);
      match.push(slot);
    }
    return match;
  }

  #setEthType(ethType: number, start: number, end: number): void {
    if (this.#ethType >= 0 && this.#ethType !== ethType) contradicts(start, end, this.#text.slice(start, end));
    this.#ethType = ethType;
  }

  #place(waiting: Waiting): void {
    const { meaning } = waiting;
    if (meaning.special === 'dl_vlan') this.#dlVlan(waiting);
    else if (meaning.special === 'vlan_tci') this.#vlanTci(waiting);
    else if (meaning.special === 'nw_tos') this.#set(of(IP_DSCP, this.#tos(waiting)), waiting);
    else this.#plain(waiting);
  }

  #plain(waiting: Waiting): void {
    const { meaning, keyStart, keyEnd } = waiting;
    const { fields } = meaning;
    const field = fields.length === 1 ? fields[0] : firstMet(this.known, fields);
    if (field === null) {
      const word = this.#text.slice(keyStart, keyEnd);
      fail(keyStart, keyEnd, `The prerequisites of ${word} are not met`, `add ${needed(fields)} to the match`);
    }
    const found = this.#read(field, waiting);
    if (found === null) return;
    if (field === IP_PROTO) {
      if (this.#proto >= 0 && this.#proto !== found.value[0]) contradicts(keyStart, waiting.end, 'nw_proto');
      this.#proto = found.value[0];
      this.#slots[field.number] = found;
    } else this.#set(found, waiting);
  }

  #set(found: FieldMatch, waiting: Waiting): void {
    const { number, name } = found.field;
    if (this.#slots[number] !== undefined && !same(this.#slots[number], found))
      contradicts(waiting.keyStart, waiting.end, name);
    this.#slots[number] = found;
  }

  /** @returns null where the mask says that any value will do */
  #read(field: Field, { start, end }: Waiting): FieldMatch | null {
    const slash = slashIn(this.#text, start, end);
    const value = parseValue(field, this.#text, start, slash < 0 ? end : slash, this.#ports);
    if (slash < 0) return { field, value, mask: null };
    const mask = parseMask(field, NAMED[field.number].syntax, this.#text, slash + 1, end);
    if (isEmpty(mask)) return null;
    if (isFull(mask, field.bits)) return { field, value, mask: null };
    if (!field.maskable)
      fail(slash, end, `${field.name} takes no mask in OpenFlow 1.3`, 'match the whole value, or leave it out');
    return { field, value: value.map((byte, i) => byte & mask[i]), mask };
  }

  /** VLAN id of a tag; 0xffff says that there is none. */
  #dlVlan(waiting: Waiting): void {
    const { start, end } = waiting;
    const slash = slashIn(this.#text, start, end);
    if (slash >= 0) fail(slash, end, 'dl_vlan takes no mask', 'write vlan_vid=0x1000/0x1000 for any tag');
    const whole = this.#text.slice(start, end).toLowerCase();
    const none = whole === '0xffff' || whole === '65535';
    const vid = none ? 0 : PRESENT | numberIn(this.#text, start, end, 'dl_vlan', 0, 0xfff);
    this.#set(of(VLAN_VID, vid), waiting);
  }

  /** The whole tag: priority, a bit that says whether there is one, VLAN id. */
  #vlanTci(waiting: Waiting): void {
    const { start, end } = waiting;
    const slash = slashIn(this.#text, start, end);
    const mask = slash < 0 ? 0xffff : numberIn(this.#text, slash + 1, end, 'vlan_tci', 0, 0xffff);
    const value = numberIn(this.#text, start, slash < 0 ? end : slash, 'vlan_tci', 0, 0xffff) & mask;
    const vid = mask & 0x1fff;
    if (vid !== 0) this.#set(of(VLAN_VID, value & vid, vid), waiting);
    const pcp = mask >> 13;
    const tagged = (value & PRESENT) !== 0;
    if (pcp === 0 || (!tagged && (mask & PRESENT) !== 0 && value === 0)) return;
    if (pcp !== 7)
      fail(start, end, 'OpenFlow 1.3 matches all bits of the priority, or none', 'use the mask 0xf000 or 0x1fff');
    if (!tagged) fail(start, end, 'A priority needs a tag', 'set the bit 0x1000 in value and mask');
    this.#set(of(VLAN_PCP, value >> 13), waiting);
  }

  #tos({ start, end }: Waiting): number {
    const slash = slashIn(this.#text, start, end);
    if (slash >= 0) fail(slash, end, 'nw_tos takes no mask in OpenFlow 1.3', 'match the whole value, or leave it out');
    return parseTos(this.#text, start, end, 'nw_tos');
  }

  #unmet(field: Field): never {
    const place = this.#waiting.find(({ meaning }) => meaning.fields.includes(field));
    const word = place === undefined ? field.name : this.#text.slice(place.keyStart, place.keyEnd);
    const { keyStart = 0, keyEnd = 1 } = place ?? {};
    const protocol = field === IP_PROTO ? ' and take the protocol from it' : '';
    fail(
      keyStart,
      keyEnd,
      `The prerequisites of ${word} are not met`,
      `add ${needed([field])} to the match${protocol}`,
    );
  }
}

/** DSCP of a TOS byte whose two ECN bits are 0. */
export function parseTos(text: string, start: number, end: number, what: string): number {
  const tos = numberIn(text, start, end, what, 0, 255);
  if ((tos & 3) !== 0)
    fail(
      start,
      end,
      `${what} ${tos} has bits of ECN`,
      `write a multiple of 4, and ${what === 'nw_tos' ? 'nw_ecn' : 'mod_nw_ecn'} for the rest`,
    );
  return tos >> 2;
}

/** Of a field of at most 16 bits. */
function of(field: Field, value: number, mask?: number): FieldMatch {
  const whole = mask === undefined || mask === 2 ** field.bits - 1;
  return { field, value: smallValue(field, value), mask: whole ? null : smallValue(field, mask) };
}

/** What protocols say, shared by all flows: most have nothing else in common, and memory is what a long file costs. */
const ETH_TYPES: ReadonlyMap<number, FieldMatch> = new Map(
  PROTOCOLS.filter(({ ethType }) => ethType >= 0).map(({ ethType }) => [ethType, of(ETH_TYPE, ethType)]),
);
const IP_PROTOS: readonly FieldMatch[] = Array.from({ length: 256 }, (_, proto) => of(IP_PROTO, proto));

function same(a: FieldMatch, b: FieldMatch): boolean {
  const equal = (x: Uint8Array | null, y: Uint8Array | null) =>
    x === y || (x !== null && y !== null && x.every((byte, i) => byte === y[i]));
  return equal(a.value, b.value) && equal(a.mask, b.mask);
}

function contradicts(start: number, end: number, word: string): never {
  fail(start, end, `${quote(word)} contradicts what the match says before`, 'leave out one of them');
}
