import { pick } from '../table/hash.ts';
import { Lpm4, type Lpm4Reader } from '../table/lpm4.ts';
import { Lpm6, type Lpm6Reader } from '../table/lpm6.ts';
import { HopKind, type RouterImage } from './image.ts';

/** A tenant's forwarding table: prefixes → sets of next hops → the next hop of a flow (ECMP). */
export class Fib {
  readonly #routes4: Lpm4Reader;
  readonly #routes6: Lpm6Reader;
  readonly #router: RouterImage;

  constructor(router: RouterImage) {
    this.#routes4 = Lpm4.attach(router.routes4);
    this.#routes6 = Lpm6.attach(router.routes6);
    this.#router = router;
  }

  /** Changes whenever a route does. */
  generation(): number {
    return (this.#routes4.generation() + this.#routes6.generation()) | 0;
  }

  /** @returns set of next hops, -1: no route */
  lookup4(address: number): number {
    return this.#routes4.lookup(address);
  }

  lookup6(w0: number, w1: number, w2: number, w3: number): number {
    return this.#routes6.lookup(w0, w1, w2, w3);
  }

  /** @param hash of the flow, any 32-bit integer: a flow keeps its next hop. */
  hop(set: number, hash: number): number {
    const { setStart, setCount, setMembers } = this.#router;
    const count = setCount[set];
    return setMembers[setStart[set] + (count === 1 ? 0 : pick(hash, count))];
  }

  /** Whether the set has more than one member, so that a hash is wanted. */
  isMultipath(set: number): boolean {
    return this.#router.setCount[set] > 1;
  }

  isLocal4(address: number): boolean {
    const set = this.#routes4.lookup(address);
    return set >= 0 && this.#router.hopKind[this.hop(set, 0)] === HopKind.Local;
  }

  isLocal6(w0: number, w1: number, w2: number, w3: number): boolean {
    const set = this.#routes6.lookup(w0, w1, w2, w3);
    return set >= 0 && this.#router.hopKind[this.hop(set, 0)] === HopKind.Local;
  }
}
