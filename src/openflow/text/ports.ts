import { Groups, Ports } from '../model.ts';
import { fail, failUnknown, quote } from './error.ts';
import { parseIdentifier, parseUnsigned } from './number.ts';

/** Port names of one datapath, by name and by number. */
export type PortNumbers = ReadonlyMap<string, number>;
export type PortNames = ReadonlyMap<number, string>;

const RESERVED: ReadonlyMap<string, number> = new Map([
  ['in_port', Ports.InPort],
  ['table', Ports.Table],
  ['normal', Ports.Normal],
  ['flood', Ports.Flood],
  ['all', Ports.All],
  ['controller', Ports.Controller],
  ['local', Ports.Local],
  ['any', Ports.Any],
]);
const NAMES: PortNames = new Map([...RESERVED].map(([name, port]) => [port, name.toUpperCase()]));

/** The reserved port of a name in any case, or undefined. */
export function reservedPort(name: string): number | undefined {
  if (name.length > 10) return undefined;
  return RESERVED.get(name) ?? RESERVED.get(name.toLowerCase());
}

/**
 * A port: its number, its name on this datapath (in quotes or not), or a reserved name.
 * @throws FlowTextError too for the 16-bit numbers that the reserved ports had in OpenFlow 1.0: no port of ours has them, and who
 * writes 65534 means LOCAL
 */
export function parsePort(text: string, start: number, end: number, what: string, ports?: PortNumbers): number {
  const number = parseIdentifier(text, start, end);
  if (number >= 0) {
    if (number >= 0xfff8 && number <= 0xffff) {
      const name = NAMES.get(number + 0xffff0000)?.toUpperCase();
      fail(start, end, `${number} was a reserved port in OpenFlow 1.0 only`, `write ${name}`);
    }
    if (number <= Ports.Max || (number >= Ports.InPort && number <= Ports.Any)) return number;
    fail(
      start,
      end,
      `There can be no port ${quote(text.slice(start, end))}`,
      'write a number up to 0xffffff00, or a name',
    );
  }
  let word = text.slice(start, end);
  if (word.length > 1 && word.startsWith('"') && word.endsWith('"')) word = word.slice(1, -1);
  const port = ports?.get(word) ?? reservedPort(word);
  if (port !== undefined) return port;
  if (start >= end) fail(start, end, `${what} has no value`, 'write the number or the name of a port');
  failUnknown(
    start,
    end,
    'port',
    word,
    [...(ports?.keys() ?? []), ...NAMES.values()],
    'write its number, or a reserved name as LOCAL',
  );
}

export function formatPort(port: number, names?: PortNames): string {
  const name = names?.get(port);
  if (name !== undefined) return /^[A-Za-z_]\w*$/.test(name) && reservedPort(name) === undefined ? name : `"${name}"`;
  return NAMES.get(port) ?? String(port);
}

/** @param what for the message: `group`, `watch_group` */
export function parseGroupNumber(text: string, start: number, end: number, what: string, words: boolean): number {
  const number = parseUnsigned(text, start, end);
  if (number >= 0 && number <= Groups.Max) return number;
  if (words) {
    const word = text.slice(start, end).toLowerCase();
    if (word === 'all') return Groups.All;
    if (word === 'any') return Groups.Any;
  }
  const cure = `write a number from 0 to ${Groups.Max}${words ? ', or all' : ''}`;
  fail(
    start,
    end,
    start >= end ? `${what} has no value` : `${quote(text.slice(start, end))} is no number of a group`,
    cure,
  );
}
