import { parseAddress } from './address.ts';
import type { Address } from './model.ts';
import type { RouteLine } from './route-line.ts';

/**
 * Routes of one family, column by column, in the order of the file. Route i goes to the prefix of `lengths[i]` bits whose words
 * begin at `words[i * (family === 4 ? 1 : 4)]`, by way of `nextHops[nextHopIndex[i]]`. Of two routes to one prefix the later
 * one counts.
 */
export interface FileRoutes {
  readonly family: 4 | 6;
  readonly count: number;
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
  readonly nextHopIndex: Uint32Array;
  /** Each once. */
  readonly nextHops: readonly Address[];
  /** The line where each next hop is first named. */
  readonly nextHopLines: readonly number[];
}

/** Growing columns of one family. */
export class RouteColumns {
  readonly #family: 4 | 6;
  readonly #stride: number;
  #words: Uint32Array;
  #lengths = new Uint8Array(1024);
  #hops = new Uint32Array(1024);
  #count = 0;
  /** Index by text; several texts of one address share it. */
  readonly #byText = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();
  readonly #nextHops: Address[] = [];
  readonly #nextHopLines: number[] = [];

  constructor(family: 4 | 6) {
    this.#family = family;
    this.#stride = family === 4 ? 1 : 4;
    this.#words = new Uint32Array(1024 * this.#stride);
  }

  /** False where the next hop is no address of the family. */
  add(line: RouteLine, number: number): boolean {
    const hop = this.#byText.get(line.nextHop) ?? this.#intern(line.nextHop, number);
    if (hop < 0) return false;
    const i = this.#count;
    if (i === this.#lengths.length) this.#grow();
    for (let word = 0; word < this.#stride; word++) this.#words[i * this.#stride + word] = line.words[word]!;
    this.#lengths[i] = line.length;
    this.#hops[i] = hop;
    this.#count++;
    return true;
  }

  finish(): FileRoutes {
    return {
      family: this.#family,
      count: this.#count,
      words: this.#words.slice(0, this.#count * this.#stride),
      lengths: this.#lengths.slice(0, this.#count),
      nextHopIndex: this.#hops.slice(0, this.#count),
      nextHops: this.#nextHops,
      nextHopLines: this.#nextHopLines,
    };
  }

  #intern(text: string, number: number): number {
    const address = parseAddress(text);
    if (address?.family !== this.#family) return -1;
    let index = this.#byAddress.get(address.text);
    if (index === undefined) {
      index = this.#nextHops.push(address) - 1;
      this.#nextHopLines.push(number);
      this.#byAddress.set(address.text, index);
    }
    this.#byText.set(text, index);
    return index;
  }

  #grow(): void {
    const [words, lengths, hops] = [this.#words, this.#lengths, this.#hops];
    this.#words = new Uint32Array(words.length * 2);
    this.#words.set(words);
    this.#lengths = new Uint8Array(lengths.length * 2);
    this.#lengths.set(lengths);
    this.#hops = new Uint32Array(hops.length * 2);
    this.#hops.set(hops);
  }
}
