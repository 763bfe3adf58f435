import type { ForwarderName } from '../bench/rig/forwarders.ts';
import { barLines } from '../bench/statistics.ts';
import type { TapOptions } from '../bench/tap.ts';
import { UserError } from '../errors.ts';

export async function benchTapCommand(options: TapOptions & { readonly json?: true }): Promise<void> {
  const { benchTap } = await import('../bench/tap.ts');
  const say = sayer(options.json);
  const result = await benchTap(options, say);
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    for (const [name, loads] of Object.entries(result.medians)) {
      say(`${name}:`);
      for (const [load, { median, p10, p90 }] of Object.entries(loads))
        say(`  ${load.padEnd(20)} ${readable(load, median)} (${readable(load, p10)} to ${readable(load, p90)})`);
    }
    for (const load of result.generatorLimited) say(`the generator was the limit: ${load}`);
    say(barLines(result.bars).join('\n'));
  }
  if (!result.verified)
    throw new UserError('check-failed', 'frames came out doubled, damaged or out of order', 'report it as a bug');
}

function readable(load: string, value: number): string {
  if (load.startsWith('TCP')) return `${value.toFixed(2)} Gbit/s`;
  return load.startsWith('round') ? `${value.toFixed(3)} ms` : `${(value / 1000).toFixed(1)} kpps`;
}

/** Lines as they come: on standard error where standard output is JSON. */
export function sayer(json: true | undefined): (line: string) => void {
  const stream = json ? process.stderr : process.stdout;
  // Whether somebody reads them or not, the rig must be taken down.
  process.stdout.on('error', () => {});
  return (line) => stream.write(`${line}\n`);
}

/** @throws UserError when one is not known */
export function peersOf(text: string, known: readonly string[]): ForwarderName[] {
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UserError('usage', `there is no peer ${unknown}`, `choose of ${known.join(', ')}`);
  return names as ForwarderName[];
}

export async function benchRfc2544Command(options: {
  readonly forwarder: string;
  readonly sizes: string;
  readonly seconds: number;
  readonly flows: number;
  readonly json?: true;
}): Promise<void> {
  const { benchRfc2544, rfc2544Tables, SIZES } = await import('../bench/rfc2544.ts');
  const { FORWARDERS, missing } = await import('../bench/rig/forwarders.ts');
  const [forwarder] = peersOf(options.forwarder, FORWARDERS);
  const why = missing(forwarder);
  if (why !== null)
    throw new UserError('usage', `${forwarder} cannot be measured: ${why}`, 'choose another, or install it');
  const sizes = options.sizes === 'all' ? SIZES : options.sizes.split(',').map((word) => sizeOf(word, SIZES));
  const { seconds, flows, json } = options;
  const result = await benchRfc2544({ forwarder, sizes, seconds, flows }, sayer(json));
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else process.stdout.write(`${rfc2544Tables(result).join('\n')}\n`);
}

function sizeOf(word: string, known: readonly number[]): number {
  const size = word === 'imix' ? 0 : Number(word);
  if (known.includes(size)) return size;
  throw new UserError(
    'usage',
    `${word} is no frame size of RFC 2544`,
    `choose of ${known.filter((n) => n > 0).join(', ')}, imix`,
  );
}
