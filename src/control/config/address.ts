import * as wire from '../../wire/address.ts';
import type { Address, InterfaceAddress, Prefix } from './model.ts';

/**
 * Addresses of a configuration: those of src/wire/address.ts, frozen as the rest of the model, and null, not an exception, where
 * text is none, since all errors of a file are reported at once.
 */
export function parseAddress(text: string): Address | null {
  try {
    return frozen(wire.parseAddress(text));
  } catch {
    return null;
  }
}

/** `address/length`, host bits as they come; null when either part is wrong. */
export function parseInterfaceAddress(text: string): InterfaceAddress | null {
  if (!text.includes('/')) return null;
  try {
    const { address, length } = wire.parseInterface(text);
    return Object.freeze({
      address: frozen(address),
      subnet: prefixOf(address, length),
      text: `${address.text}/${length}`,
    });
  } catch {
    return null;
  }
}

export function addressOf(words: readonly number[]): Address {
  return frozen(wire.addressOf(words));
}

/** The prefix of that length that the address lies in. */
export function prefixOf(address: Address, length: number): Prefix {
  return frozen(wire.prefixOf(address.words, length));
}

export function bitsOf(address: Address): number {
  return address.words.length * 32;
}

/** Whether the address, or the whole of the prefix, lies in `outer`. */
export function contains(outer: Prefix, inner: Address | Prefix): boolean {
  if ('length' in inner && inner.length < outer.length) return false;
  return wire.contains(outer, inner.words);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

export function isMulticast(address: Address): boolean {
  return wire.isMulticast(address.words);
}

export function isUnspecified(address: Address): boolean {
  return wire.isUnspecified(address.words);
}

export function isLoopback({ family, words }: Address): boolean {
  const [a, b, c, d] = words;
  return family === 4 ? a >>> 24 === 127 : a === 0 && b === 0 && c === 0 && d === 1;
}

/** IPv4 link-local addresses are not told apart: they may be routed to a link by hand. */
export function isLinkLocal(address: Address): boolean {
  return address.family === 6 && wire.isLinkLocal(address.words);
}

function frozen<Kind extends Address>(address: Kind): Kind {
  Object.freeze(address.words);
  return Object.freeze(address);
}
