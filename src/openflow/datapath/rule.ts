import type { FlowMod, Instruction, Match } from '../model.ts';
import type { RuleMemory } from './rule-memory.ts';

/** Who made it: what the configuration owns is what `apply` may change. */
export type Owner = 'config' | 'controller' | 'cli';

/** What a rule has beside what its flow-mod says. */
export interface RuleMade {
  /** In the workers and their counters. */
  readonly index: number;
  readonly owner: Owner;
  /** Milliseconds of the workers' clock. */
  readonly createdMs: number;
  /** Of what it is known by: table, priority and match. */
  readonly hash: number;
  /** Where match and instructions lie. */
  readonly place: number;
}

export class Rule {
  readonly index: number;
  readonly table: number;
  readonly priority: number;
  readonly owner: Owner;
  readonly cookie: bigint;
  readonly flags: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly createdMs: number;
  /** What the counters had counted when they were reset last. */
  basePackets = 0;
  baseBytes = 0;
  readonly hash: number;
  /** The next rule of the same hash. */
  next: Rule | null = null;
  place: number;
  readonly #memory: RuleMemory;

  constructor(memory: RuleMemory, said: FlowMod, made: RuleMade) {
    this.index = made.index;
    this.table = said.table;
    this.priority = said.priority;
    this.owner = made.owner;
    this.cookie = said.cookie;
    this.flags = said.flags;
    this.idleTimeout = said.idleTimeout;
    this.hardTimeout = said.hardTimeout;
    this.createdMs = made.createdMs;
    this.hash = made.hash;
    this.place = made.place;
    this.#memory = memory;
  }

  /** Made anew each time. */
  get match(): Match {
    return this.#memory.match(this.place);
  }

  /** Made anew each time. */
  get instructions(): readonly Instruction[] {
    return this.#memory.instructions(this.place);
  }

  /** `matchWords` of the match: a view, good until the next rule comes. */
  get triples(): Int32Array {
    return this.#memory.triples(this.place);
  }

  /** Whether it is the rule that is known by these. */
  is(table: number, priority: number, triples: Int32Array): boolean {
    return this.table === table && this.priority === priority && this.#memory.hasTriples(this.place, triples);
  }
}
