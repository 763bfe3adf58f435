import type { HopKind, RouterImage } from '../path/image.ts';
import { sharedOctets, sharedWords } from './shared-arrays.ts';

export interface Hop {
  readonly kind: HopKind;
  /** Index of the interface, -1 where the kind has none. */
  readonly iface: number;
  /** Four words, for Via. */
  readonly address: readonly number[] | null;
  /** Index of the tenant, for Leak. */
  readonly tenant: number;
  readonly weight: number;
}

/** Parts that a weighted set of next hops is cut into: weights are met to within a sixteenth at least. */
const PARTS = 64;

/** Next hops and sets of them, each once: prefixes that share a set share its number. */
export class NextHops {
  readonly #hops = new Map<string, number>();
  readonly #hopList: Hop[] = [];
  readonly #sets = new Map<string, number>();
  readonly #setList: number[][] = [];

  /** @returns number of the set, the value that its prefixes have in the route tables */
  set(hops: readonly Hop[]): number {
    const members = hops.flatMap((hop) => new Array<number>(parts(hop, hops)).fill(this.#hop(hop)));
    const key = members.join();
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const number = this.#setList.push(members) - 1;
    this.#sets.set(key, number);
    return number;
  }

  only(kind: HopKind, iface = -1, address: readonly number[] | null = null, tenant = -1): number {
    return this.set([{ kind, iface, address, tenant, weight: 1 }]);
  }

  #hop(hop: Hop): number {
    const key = [hop.kind, hop.iface, hop.tenant, ...(hop.address ?? [])].join();
    const known = this.#hops.get(key);
    if (known !== undefined) return known;
    const number = this.#hopList.push(hop) - 1;
    this.#hops.set(key, number);
    return number;
  }

  finish(): Pick<
    RouterImage,
    'setStart' | 'setCount' | 'setMembers' | 'hopKind' | 'hopInterface' | 'hopAddress' | 'hopTenant'
  > {
    const setStart = sharedWords(this.#setList.length);
    const setCount = sharedWords(this.#setList.length);
    const setMembers = sharedWords(this.#setList.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    this.#setList.forEach((members, set) => {
      setStart[set] = at;
      setCount[set] = members.length;
      setMembers.set(members, at);
      at += members.length;
    });
    const count = this.#hopList.length;
    const hopKind = sharedOctets(count);
    const hopInterface = sharedWords(count);
    const hopAddress = sharedWords(count * 4);
    const hopTenant = sharedWords(count);
    this.#hopList.forEach((hop, i) => {
      hopKind[i] = hop.kind;
      hopInterface[i] = hop.iface;
      hopTenant[i] = hop.tenant;
      if (hop.address !== null) hopAddress.set(hop.address, i * 4);
    });
    return { setStart, setCount, setMembers, hopKind, hopInterface, hopAddress, hopTenant };
  }
}

/** How many of the set's members are this hop: one each when all weigh the same. */
function parts(hop: Hop, all: readonly Hop[]): number {
  if (all.every(({ weight }) => weight === hop.weight)) return 1;
  const total = all.reduce((sum, { weight }) => sum + weight, 0);
  return Math.max(1, Math.round((hop.weight / total) * PARTS));
}
