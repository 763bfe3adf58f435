import { ownText } from '../own-text.ts';

/**
 * What the batched look-ups of `Lpm4` and `Lpm6` share: arrays of a pass, which stay in the first-level cache, and the pass that does
 * nothing but load. Loops are made by `ownText` for each table: with a table that is no constant a look-up takes half as long again.
 */

/** Addresses a pass. */
export const CHUNK = 256;

export interface PassContext {
  /** The table. */
  readonly words: Int32Array;
  /** Of each address: where in the table its next entry is, and what was found there. */
  readonly position: Int32Array;
  readonly found: Int32Array;
  /** Of addresses that have no answer yet: their places in the batch. */
  readonly open: Int32Array;
}

const position = new Int32Array(CHUNK);
const found = new Int32Array(CHUNK);
const open = new Int32Array(CHUNK);

export type Loops = Readonly<Record<string, (context: PassContext) => unknown>>;

export type Passes<Made extends Loops> = { readonly [Name in keyof Made]: ReturnType<Made[Name]> } & PassContext;

/** The loops of one table, and what they work on. @param family for stack traces and profiles */
export function passesOf<Made extends Loops>(words: Int32Array, loops: Made, family: string): Passes<Made> {
  const context: PassContext = { words, position, found, open };
  const made = Object.entries(loops).map(([name, loop]) => [name, ownText(loop, context, `${family}/${name}`)]);
  return { ...context, ...(Object.fromEntries(made) as { [Name in keyof Made]: ReturnType<Made[Name]> }) };
}

/** Loads the first n: several a turn, since the fewer instructions lie between them, the more cache misses are under way at once. */
export function gatherLoop({ words, position, found }: PassContext): (n: number) => void {
  return (n) => {
    const whole = n & -8;
    for (let i = 0; i < whole; i += 8) {
      found[i] = words[position[i]];
      found[i + 1] = words[position[i + 1]];
      found[i + 2] = words[position[i + 2]];
      found[i + 3] = words[position[i + 3]];
      found[i + 4] = words[position[i + 4]];
      found[i + 5] = words[position[i + 5]];
      found[i + 6] = words[position[i + 6]];
      found[i + 7] = words[position[i + 7]];
    }
    for (let i = whole; i < n; i++) found[i] = words[position[i]];
  };
}
