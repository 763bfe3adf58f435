import { RouterInterface } from './interface.ts';
import type { SlowInterface } from './tenant.ts';

/** The interfaces of one tenant's router, by the numbers that records name them by; numbers of those that are gone are empty. */
export class Links {
  readonly #byNumber: (RouterInterface | undefined)[] = [];
  #all: readonly RouterInterface[] = [];

  /** In the order of their numbers. */
  get all(): readonly RouterInterface[] {
    return this.#all;
  }

  at(number: number): RouterInterface | undefined {
    return this.#byNumber[number];
  }

  add(number: number, from: SlowInterface): RouterInterface {
    const link = new RouterInterface(number, from);
    this.#byNumber[number] = link;
    this.#list();
    return link;
  }

  remove(number: number): void {
    this.#byNumber[number] = undefined;
    this.#list();
  }

  get size(): number {
    return this.#byNumber.length;
  }

  #list(): void {
    this.#all = this.#byNumber.filter((link) => link !== undefined);
  }
}
