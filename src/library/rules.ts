import type { Methods } from '../control/rpc.ts';
import type { Row } from '../control/show.ts';

export interface RuleOptions {
  /** Of flows: only the one of exactly this match and priority. */
  readonly strict?: boolean;
}

/**
 * The flows, groups or meters of a tenant, in the syntax of ovs-ofctl. A text may hold several, a line each: all are carried out, or,
 * when something is wrong with one, none (UserError `rules-invalid` or `rules-refused`).
 */
export class Rules {
  readonly #kind: 'flows' | 'groups' | 'meters';
  readonly #tenant: string;
  readonly #methods: Methods;

  /** @internal */
  constructor(kind: 'flows' | 'groups' | 'meters', tenant: string, methods: Methods) {
    this.#kind = kind;
    this.#tenant = tenant;
    this.#methods = methods;
  }

  /** A row each, with counters and, as `text`, what ovs-ofctl would print. @param filter of flows: `table=0,ip` */
  async list(filter = ''): Promise<readonly Row[]> {
    return (await this.#methods[this.#kind]({ tenant: this.#tenant, filter })) as readonly Row[];
  }

  /** @returns how many were added; every later frame sees them */
  add(text: string): Promise<number> {
    return this.#change('add', text, {});
  }

  /** @returns how many texts were carried out */
  modify(text: string, options: RuleOptions = {}): Promise<number> {
    return this.#change('mod', text, options);
  }

  /** Without a text, all. @returns how many texts were carried out */
  delete(text = '', options: RuleOptions = {}): Promise<number> {
    return this.#change('del', text, options);
  }

  async #change(command: string, text: string, { strict = false }: RuleOptions): Promise<number> {
    const params = { tenant: this.#tenant, kind: this.#kind, command, text, strict };
    const done = (await this.#methods['change'](params)) as { readonly carried_out: number };
    return done.carried_out;
  }
}
