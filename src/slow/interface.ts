import { fourWords, linkLocalOf, maskWord } from '../wire/address.ts';
import type { Mac } from '../wire/ethernet.ts';
import type { Advertise, SlowInterface } from './tenant.ts';
import { inPrefix, isIpv4, isLinkLocal6, isUnicast, same, type Words } from './words.ts';

/** An interface with its addresses as four words and lengths of 128, and the questions that protocols ask of it. */
export class RouterInterface {
  readonly index: number;
  readonly name: string;
  #from: SlowInterface;
  #addresses: readonly OwnAddress[] = [];
  #linkLocal: Words | null = null;

  constructor(index: number, from: SlowInterface) {
    this.index = index;
    this.name = from.name;
    this.#from = from;
    this.configure(from);
  }

  /** Makes it another, of the same name: who holds it sees the change. */
  configure(from: SlowInterface): void {
    this.#from = from;
    this.#addresses = from.addresses.map(({ family, words, prefixLength }) => ({
      family,
      words: fourWords(words),
      length: family === 4 ? prefixLength + 96 : prefixLength,
    }));
    this.#linkLocal = linkLocalAddress(from);
  }

  get from(): SlowInterface {
    return this.#from;
  }

  get vlan(): number {
    return this.#from.vlan;
  }

  get mac(): Mac {
    return this.#from.mac;
  }

  get mtu(): number {
    return this.#from.mtu;
  }

  get ra(): Advertise | null {
    return this.#from.ra;
  }

  /** Configured addresses; the link-local address is not among them. */
  get addresses(): readonly OwnAddress[] {
    return this.#addresses;
  }

  /** null: the interface does not speak IPv6. */
  get linkLocal(): Words | null {
    return this.#linkLocal;
  }

  owns(words: Words): boolean {
    if (this.linkLocal !== null && same(words, this.linkLocal)) return true;
    return this.addresses.some((own) => same(own.words, words));
  }

  /** All IPv6 addresses of the interface, its link-local one first. */
  get addresses6(): readonly Words[] {
    if (this.linkLocal === null) return [];
    const linkLocal = this.linkLocal;
    const others = this.addresses.filter((own) => own.family === 6 && !same(own.words, linkLocal));
    return [linkLocal, ...others.map((own) => own.words)];
  }

  /** Whether a station of the interface's link may have the address: unicast, in one of the prefixes, not the router's own. */
  onLink(words: Words): boolean {
    if (!this.mayAsk(words)) return false;
    if (isLinkLocal6(words)) return this.linkLocal !== null;
    return this.addresses.some((own) => inPrefix(words, own.words, own.length));
  }

  /** Whether it makes sense to ask who has the address: a next hop may lie outside all prefixes of the link. */
  mayAsk(words: Words): boolean {
    return isUnicast(words) && !this.owns(words) && !this.isBroadcast(words);
  }

  /** Whether that is the broadcast or network address of a prefix of the interface. */
  isBroadcast(words: Words): boolean {
    return this.addresses.some((own) => isEdge(words, own));
  }

  /** The interface's own address from which to talk to a station: in the same prefix if there is one. */
  sourceFor(words: Words): Words | null {
    const family = isIpv4(words) ? 4 : 6;
    if (family === 6 && isLinkLocal6(words)) return this.linkLocal;
    const own = this.addresses.filter((address) => address.family === family && !isLinkLocal6(address.words));
    return (own.find((address) => inPrefix(words, address.words, address.length)) ?? own[0])?.words ?? null;
  }
}

export interface OwnAddress {
  readonly family: 4 | 6;
  readonly words: Words;
  readonly length: number;
}

/** @returns the interface's link-local address, or null when it has nothing to do with IPv6 */
export function linkLocalAddress(from: SlowInterface): Words | null {
  if (from.linkLocal !== null) return fourWords(from.linkLocal);
  const configured = from.addresses.find((own) => own.family === 6 && isLinkLocal6(fourWords(own.words)));
  if (configured !== undefined) return fourWords(configured.words);
  if (from.ra === null && !from.addresses.some((own) => own.family === 6)) return null;
  return fourWords(linkLocalOf(from.mac).words);
}

/** Network and broadcast address of an IPv4 prefix, which no station has; prefixes of 31 and 32 bits have none (RFC 3021). */
function isEdge(words: Words, own: OwnAddress): boolean {
  if (own.family === 6 || own.length >= 127 || !inPrefix(words, own.words, own.length)) return false;
  const host = ~maskWord(own.length, 3);
  return (words[3] & host) === 0 || (words[3] & host) === host;
}
