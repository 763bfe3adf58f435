import type { Instruction, Match } from '../model.ts';

/** Who made it: what the configuration owns is what `apply` may change. */
export type Owner = 'config' | 'controller' | 'cli';

export interface Rule {
  /** In the workers and their counters. */
  readonly index: number;
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  readonly triples: Int32Array;
  readonly key: string;
  readonly owner: Owner;
  cookie: bigint;
  flags: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  instructions: readonly Instruction[];
  /** Milliseconds of the workers' clock. */
  readonly createdMs: number;
  /** What the counters had counted when they were reset last. */
  basePackets: number;
  baseBytes: number;
}

/** Groups and ports that a rule's actions name. */
export function* actionsOf(instructions: readonly Instruction[]) {
  for (const one of instructions) if ('actions' in one) yield* one.actions;
}

export const ruleKey = (table: number, priority: number, match: string): string => `${table}/${priority}/${match}`;
