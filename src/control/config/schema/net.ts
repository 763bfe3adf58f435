import { isIP } from 'node:net';
import * as z from 'zod';
import { bitsOf, parseAddress, parseInterfaceAddress, prefixOf } from '../address.ts';
import type { Address, EndpointModel, InterfaceAddress, MacMatch, Prefix } from '../model.ts';
import { Fault, leaf, oneOrMore, readWhole, shapeOf, text } from './leaf.ts';

/** Leaves that the network's own notions need: names, VLANs, MAC addresses, addresses, prefixes. */

export const vlanRange = {
  min: 1,
  max: 4094,
  reason: '0 is a priority tag, 4095 is reserved (IEEE 802.1Q, table 9-2)',
};

export function readVlan(value: unknown): number {
  return readWhole(value, vlanRange);
}

export function vlan(description: string) {
  const { min, max, reason } = vlanRange;
  return leaf(readVlan, { description, type: 'integer', minimum: min, maximum: max, reason });
}

const namePattern = /^[A-Za-z][A-Za-z0-9_.-]*$/;

/** Keys of maps that are names. */
export function name(what: string, longest: number) {
  return z
    .string()
    .superRefine((value, context) => {
      const fault = faultOfName(value, what, longest);
      if (fault) context.addIssue({ code: 'custom', message: fault.message, params: { cure: fault.cure } });
    })
    .meta({ description: `Name of the ${what}`, pattern: namePattern.source, maxLength: longest });
}

export function readName(value: unknown, what: string, longest: number): string {
  const read = text(value, `the name of a ${what}`, `${what}1`);
  const fault = faultOfName(read, what, longest);
  if (fault) throw fault;
  return read;
}

function faultOfName(value: string, what: string, longest: number): Fault | null {
  const cure = `begin with a letter, go on with letters, digits, _ . or -, at most ${longest} in all`;
  if (value.length > longest) return new Fault(`the name of the ${what} has ${value.length} characters`, cure);
  return namePattern.test(value) ? null : new Fault(`'${value}' cannot be the name of a ${what}`, cure);
}

/** A network device, as the kernel's dev_valid_name() has it (net/core/dev.c); % would be a pattern for the kernel to fill in. */
export function readDevice(value: unknown): string {
  const read = text(value, 'the name of a network device', 'red-web1');
  const bytes = Buffer.byteLength(read);
  if (bytes > 15) throw new Fault(`'${read}' has ${bytes} bytes`, 'the kernel takes at most 15 (IFNAMSIZ): shorten it');
  if (read === '.' || read === '..' || /[/:%\s]/.test(read) || hasControl(read)) {
    throw new Fault(`'${read}' cannot be the name of a network device`, 'leave out / : % and white space');
  }
  return read;
}

/** A network namespace, as `ip netns` keeps it: a file name. */
export function readNetns(value: unknown): string {
  const read = text(value, 'the name of a network namespace', 'red-web1');
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(read)) return read;
  throw new Fault(`'${read}' cannot be the name of a namespace`, 'use letters, digits, _ . and -, at most 64');
}

export function readFile(value: unknown): string {
  const read = text(value, 'the name of a file', 'capture.pcap');
  if (read.includes('\0')) throw new Fault('the name holds a NUL byte', 'remove it');
  return read;
}

function hasControl(read: string): boolean {
  return [...read].some((character) => character.codePointAt(0)! < 33 || character.codePointAt(0) === 127);
}

const macPattern = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Any MAC address, normalised. */
function readAnyMac(value: unknown): string {
  if (typeof value === 'number') {
    throw new Fault(`expected a MAC address, got ${value}`, "write it with colons and in quotes: '02:00:00:00:0a:01'");
  }
  const read = text(value, 'a MAC address', "'02:00:00:00:0a:01'").toLowerCase().replaceAll('-', ':');
  if (!macPattern.test(read)) {
    throw new Fault(`${shapeOf(value)} is no MAC address`, "write six hexadecimal bytes: '02:00:00:00:0a:01'");
  }
  return read;
}

/** The address of one station. */
export function readMac(value: unknown): string {
  const read = readAnyMac(value);
  if (read === '00:00:00:00:00:00') throw new Fault('the MAC address is all zero', 'give the address of a station');
  if (Number.parseInt(read.slice(0, 2), 16) & 1) {
    const cure = 'the lowest bit of the first byte must be 0 (02:… is a good start)';
    throw new Fault(`${read} is a group address, not one of a station`, cure);
  }
  return read;
}

export function mac(description: string) {
  return leaf(readMac, { description, type: 'string', examples: ['02:00:00:00:0a:01'] });
}

/** `mac` or `mac/mask`. */
export function readMacMatch(value: unknown): MacMatch {
  const [address, mask, ...more] = typeof value === 'string' ? value.split('/') : [value];
  if (more.length > 0)
    throw new Fault(`${shapeOf(value)} has two masks`, "write '02:00:00:00:00:00/ff:ff:ff:00:00:00'");
  const match = { value: readAnyMac(address), mask: mask === undefined ? 'ff:ff:ff:ff:ff:ff' : readAnyMac(mask) };
  const bits = (of: string): number => Number.parseInt(of.replaceAll(':', ''), 16);
  if (BigInt(bits(match.value)) & ~BigInt(bits(match.mask)) & 0xffffffffffffn) {
    throw new Fault(`${match.value} has bits outside its mask`, 'set to 0 what the mask leaves out');
  }
  return match;
}

export function readAddress(value: unknown): Address {
  const read = text(value, 'an IP address', '10.0.10.1 or fd00:10::1');
  const address = parseAddress(read);
  if (address) return address;
  throw new Fault(`'${read}' is no IP address`, cureOfAddress(read, '10.0.10.1 or fd00:10::1'));
}

export function address(description: string) {
  return leaf(readAddress, { description, type: 'string', examples: ['10.0.10.1', 'fd00:10::1'] });
}

/** `address/length` of a station or router in its subnet. */
export function readInterfaceAddress(value: unknown): InterfaceAddress {
  const read = text(value, 'an address with its prefix length', '10.0.10.1/24');
  const parsed = parseInterfaceAddress(read);
  if (parsed) return parsed;
  const bare = parseAddress(read);
  if (bare) {
    const example = `${bare.text}/${bare.family === 4 ? 24 : 64}`;
    throw new Fault(`'${read}' lacks its prefix length`, `write ${example}, say`);
  }
  throw new Fault(`'${read}' is no address with prefix length`, cureOfAddress(read, '10.0.10.1/24 or fd00:10::1/64'));
}

export function interfaceAddresses(description: string) {
  return oneOrMore(readInterfaceAddress, { description, type: 'string', examples: ['10.0.10.1/24', 'fd00:10::1/64'] });
}

/** A prefix, host bits zero. A bare address is the prefix of its full length. */
export function readPrefix(value: unknown): Prefix {
  const read = text(value, 'a prefix', '10.0.20.0/24');
  const bare = parseAddress(read);
  if (bare) return prefixOf(bare, bitsOf(bare));
  const parsed = parseInterfaceAddress(read);
  if (!parsed) throw new Fault(`'${read}' is no prefix`, cureOfAddress(read, '10.0.20.0/24 or fd00:20::/64'));
  if (!isSame(parsed.address, parsed.subnet)) {
    throw new Fault(`'${read}' has bits set beyond its length`, `write ${parsed.subnet.text}`);
  }
  return parsed.subnet;
}

export function prefix(description: string) {
  return leaf(readPrefix, { description, type: 'string', examples: ['10.0.20.0/24', 'fd00:20::/64'] });
}

export function prefixes(description: string) {
  return oneOrMore(readPrefix, { description, type: 'string', examples: ['10.0.20.0/24', 'fd00:20::/64'] });
}

export function isSame(a: Address, b: Address): boolean {
  return a.family === b.family && a.words.every((word, index) => word === b.words[index]);
}

function cureOfAddress(read: string, examples: string): string {
  if (/(^|\.)0\d/.test(read) && !read.includes(':')) return 'drop the leading zeros';
  const [, length] = read.split('/');
  if (read.includes('%')) return 'leave out the zone after %; name the link by dev:';
  if (length !== undefined && Number(length) > (read.includes(':') ? 128 : 32)) {
    return `a prefix length is at most ${read.includes(':') ? 128 : 32}`;
  }
  if (length?.includes('.')) return 'write the mask as a prefix length: /24 for 255.255.255.0';
  return `write it as ${examples}`;
}

/** An address and a TCP port to listen on: 127.0.0.1:9476, [::1]:9476. */
export function endpoint(description: string) {
  return leaf(readEndpoint, { description, type: 'string', examples: ['127.0.0.1:9476', '[::1]:9476'] });
}

function readEndpoint(value: unknown): EndpointModel {
  const read = text(value, 'an address and a port', '127.0.0.1:9476');
  const parts = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(read);
  const port = Number(parts?.[3]);
  const host = parts?.[1] ?? parts?.[2] ?? '';
  if (parts === null || port > 65535 || isIP(host) !== (parts[1] === undefined ? 4 : 6)) {
    throw new Fault(`'${read}' is no address with a port`, 'write it as 127.0.0.1:9476, IPv6 as [::1]:9476');
  }
  return { host, port };
}
