import { Fuzz, type Input } from './fuzz.ts';

/** What a fresh switch does wrong when it gets these frames, a number being milliseconds that pass; null: nothing. */
export async function complaint(inputs: readonly (Input | number)[]): Promise<string | null> {
  const fuzz = await Fuzz.create(1, 0);
  try {
    for (const input of inputs) {
      if (typeof input === 'number') fuzz.wait(input);
      else fuzz.replay(input);
    }
    fuzz.rest();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Leaves frames out, as many as can be, while a fresh switch still complains. @returns lines for the corpus, or null */
export async function shortest(batch: readonly Input[]): Promise<string | null> {
  let inputs = [...batch];
  if ((await complaint(inputs)) === null) return null;
  for (let size = inputs.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < inputs.length; ) {
      const fewer = inputs.toSpliced(at, size);
      if (fewer.length > 0 && (await complaint(fewer)) !== null) inputs = fewer;
      else at += size;
    }
  }
  return [`# ${await complaint(inputs)}`, ...inputs.map(({ line, vnet, frame }) => `${line} ${vnet} ${frame}`)].join(
    '\n',
  );
}
