import type { AttackName } from '../bench/attacks.ts';
import { barLines } from '../bench/statistics.ts';
import { UserError } from '../errors.ts';
import { sayer } from './bench-tap.ts';

export async function benchNoisyCommand(options: {
  readonly attacks: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly json?: true;
}): Promise<void> {
  const { ATTACK_NAMES } = await import('../bench/attacks.ts');
  const { benchNoisy } = await import('../bench/noisy.ts');
  const attacks = namesOf(options.attacks, ATTACK_NAMES);
  const result = await benchNoisy({ attacks, rounds: options.rounds, seconds: options.seconds }, sayer(options.json));
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${barLines(result.bars).join('\n')}\n`);
}

/** @throws UserError when one is not known */
function namesOf(text: string, known: readonly AttackName[]): readonly AttackName[] {
  if (text === 'all') return known;
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined)
      throw new UserError('usage', `there is no attack ${word}`, `choose of ${known.join(', ')}, or all`);
    return found;
  });
}
