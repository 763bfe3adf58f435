import type { Action } from '../model.ts';
import { fail } from './error.ts';
import { type Known, meets, NEEDS } from './known.ts';
import { numberIn } from './number.ts';
import type { Pairs } from './pairs.ts';
import type { PortNumbers } from './ports.ts';

/** A list of actions that grows, and what is known of the frame at its end; null in a bucket, which any rule may send frames to. */
export interface ActionList {
  readonly actions: Action[];
  readonly known: Known | null;
  readonly ports: PortNumbers | undefined;
  dropped: boolean;
}

/** Parses one action, whose words are at hand, and appends what it stands for. @throws FlowTextError */
export type ParseAction = (list: ActionList, pairs: Pairs) => void;

/** An action that frames must be fit for. */
export function need(
  { known }: ActionList,
  { text, keyStart, keyEnd }: Pairs,
  needs: 'ip' | 'mpls' | 'vlan' | 'pbb',
): void {
  if (known === null || meets(known, needs)) return;
  const word = text.slice(keyStart, keyEnd);
  fail(keyStart, keyEnd, `The prerequisites of ${word} are not met`, `add ${NEEDS[needs]} to the match`);
}

export function argument(
  { text, keyStart, keyEnd, valueStart, valueEnd }: Pairs,
  what: string,
  least: number,
  most: number,
): number {
  if (valueStart >= valueEnd) {
    const word = text.slice(keyStart, keyEnd);
    fail(keyStart, keyEnd, `${word} needs ${what}`, `write ${word}:N, with a number from ${least} to ${most}`);
  }
  return numberIn(text, valueStart, valueEnd, what, least, most);
}
