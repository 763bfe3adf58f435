import { barLines } from '../bench/statistics.ts';
import { UserError } from '../errors.ts';
import { sayer } from './bench-tap.ts';

export interface NoisyCommandOptions {
  readonly tap?: true;
  readonly peers: string;
  readonly attacks: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly json?: true;
}

export async function benchNoisyCommand(options: NoisyCommandOptions): Promise<void> {
  const { ATTACK_NAMES } = await import('../bench/attacks.ts');
  const attacks = options.attacks === 'all' ? ATTACK_NAMES : namesOf('attack', options.attacks, ATTACK_NAMES);
  const { rounds, seconds } = options;
  const say = sayer(options.json);
  const result = options.tap ? await tapped(options, attacks, say) : await inMemory({ attacks, rounds, seconds }, say);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${barLines(result.bars).join('\n')}\n`);
}

type Attacks = readonly typeof import('../bench/attacks.ts').ATTACK_NAMES[number][];
type Say = (line: string) => void;

async function inMemory(
  options: { readonly attacks: Attacks; readonly rounds: number; readonly seconds: number },
  say: Say,
) {
  return await (await import('../bench/noisy.ts')).benchNoisy(options, say);
}

async function tapped({ peers, rounds, seconds }: NoisyCommandOptions, attacks: Attacks, say: Say) {
  const { benchNoisyTap, NOISY_PEERS } = await import('../bench/noisy-tap.ts');
  return await benchNoisyTap({ peers: namesOf('peer', peers, NOISY_PEERS), attacks, rounds, seconds }, say);
}

/** @throws UserError when one is not known */
function namesOf<Name extends string>(what: string, text: string, known: readonly Name[]): readonly Name[] {
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found === undefined)
      throw new UserError('usage', `there is no ${what} ${word}`, `choose of ${known.join(', ')}`);
    return found;
  });
}
