/**
 * Makes a function of a text of its own, so that V8 takes all that it was given for constants: what is read off an object costs
 * four instructions more each time, an array that is not constant ten, in every turn of a loop. For loops that run for each frame
 * and of which there are few in a thread (one a device, one a pool), since each is compiled, and becomes warm, apart. To be called by
 * `apart`.
 *
 * @param factory gets what the loop works on and returns it; it must name nothing but its parameter and what is global, since it is made
 *   anew from its text
 * @param name for stack traces and profiles
 */
export function ownText<Context, Loop>(factory: (context: Context) => Loop, context: Context, name: string): Loop {
  texts++;
  // Equal texts would be one function: V8 keeps what it has compiled by its text.
  const make = new Function(`return ${factory}\n//# sourceURL=tapyard:${name}/${texts}`) as () => typeof factory;
  return make()(context);
}

let texts = 0;

/** A loop of numbers; those it does not take are left out. */
export type Loop = (a: number, b: number, c: number, d: number) => number;

/**
 * Calls a loop, and sees to it that V8 does not make it a part of its caller: there its arrays would be no constants. It does not where it has
 * seen many functions called, as below.
 */
export function apart(loop: Loop, a: number, b: number, c: number, d: number): number {
  return loop(a, b, c, d);
}

for (let k = 0; k < 4096; k++) apart(k % 2 === 0 ? (a) => a : (_, b) => b, k, 0, 0, 0);
