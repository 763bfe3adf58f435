import { parseArgs } from 'node:util';

/** What a traffic program is told on its command line: `--name value`, each with a default; an unknown name ends it with code 2. */
export function readArguments<Defaults extends Readonly<Record<string, string | number>>>(
  defaults: Defaults,
): { [Name in keyof Defaults]: Defaults[Name] extends number ? number : string } {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' as const }]));
  try {
    const { values } = parseArgs({ options, strict: true });
    const read = Object.entries(defaults).map(([name, fallback]) => {
      const value = values[name];
      if (value === undefined) return [name, fallback];
      if (typeof fallback === 'string') return [name, value];
      const number = Number(value);
      if (!Number.isFinite(number) || number < 0) throw new Error(`--${name}: ${String(value)} is no number from 0 on`);
      return [name, number];
    });
    return Object.fromEntries(read);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nOptions: ${usage(defaults)}\n`);
    process.exit(2);
  }
}

function usage(defaults: Readonly<Record<string, string | number>>): string {
  return Object.entries(defaults)
    .map(([name, value]) => `[--${name} ${value}]`)
    .join(' ');
}

/** One JSON document on a line of its own: how the programs speak to whoever started them. */
export function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/**
 * Set when the program is to end: at SIGTERM or SIGINT and, where TAPYARD_LEASH is set, when stdin ends since whoever started
 * it is gone. Programs look at it now and then; between looks they must let events run.
 */
export const stop = { asked: false };

const ask = () => {
  stop.asked = true;
};

export function listenForStop(): void {
  process.on('SIGTERM', ask);
  process.on('SIGINT', ask);
  if (process.env['TAPYARD_LEASH'] === undefined) return;
  process.stdin.on('end', ask).on('error', ask).resume();
}

/** Lets events of the program run for a moment. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Ends the program once all that it said is written. */
export function end(code: number): void {
  process.stdout.write('', () => process.exit(code));
}
