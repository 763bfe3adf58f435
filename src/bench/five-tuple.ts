import { type AclRule, ANY } from '../table/classifier.ts';
import { type FiveTuple, prefixMask } from './classbench.ts';
import { random } from './statistics.ts';

/** Words of a header as C peers read it: source, destination, source port, destination port, protocol. */
export const HEADER_WORDS = 5;
/** Words of the key that rules of five fields are looked up by, and which is which. */
export const FIVE_WORDS = 4;
const Place = { Source: 0, Destination: 1, Ports: 2, Protocol: 3 } as const;

export type Mix = 'inside' | 'random';
export const MIXES: readonly Mix[] = ['inside', 'random'];

/** Headers inside random rules; or, of the mix `random`, with random addresses. */
export function headersFor(rules: readonly FiveTuple[], count: number, mix: Mix, seed: number): Uint32Array {
  const next = random(seed);
  const headers = new Uint32Array(count * HEADER_WORDS);
  const within = ([low, high]: readonly [number, number]) => low + (next() % (high - low + 1));
  for (let i = 0, at = 0; i < count; i++, at += HEADER_WORDS) {
    const rule = rules[next() % rules.length];
    const freeSource = mix === 'random' ? -1 : ~prefixMask(rule.sourceLength);
    const freeDestination = mix === 'random' ? -1 : ~prefixMask(rule.destinationLength);
    headers[at] = (rule.source & ~freeSource) | (next() & freeSource);
    headers[at + 1] = (rule.destination & ~freeDestination) | (next() & freeDestination);
    headers[at + 2] = within(rule.sourcePorts);
    headers[at + 3] = within(rule.destinationPorts);
    headers[at + 4] = rule.protocol ?? next() & 255;
  }
  return headers;
}

/** Writes a header into a key. */
export function keyOf(headers: Uint32Array, at: number, key: Int32Array): void {
  key[Place.Source] = headers[at];
  key[Place.Destination] = headers[at + 1];
  key[Place.Ports] = (headers[at + 2] << 16) | headers[at + 3];
  key[Place.Protocol] = headers[at + 4];
}

/** Rules as C peers read them: ten words each. */
export function packRules(rules: readonly FiveTuple[]): Uint32Array {
  return Uint32Array.from(
    rules.flatMap((rule) => [
      ...[rule.source, rule.sourceLength, rule.destination, rule.destinationLength],
      ...[...rule.sourcePorts, ...rule.destinationPorts],
      ...[rule.protocol ?? 0, rule.protocol === null ? 0 : 255],
    ]),
  );
}

/** A rule as values and masks, several where a range of ports is no power of two: triples of place, value and mask. */
export function maskedOf(rule: FiveTuple): Int32Array[] {
  const result: Int32Array[] = [];
  for (const [source, sourceMask] of maskedRange(rule.sourcePorts)) {
    for (const [destination, destinationMask] of maskedRange(rule.destinationPorts)) {
      const triples: number[] = [];
      const look = (place: number, value: number, mask: number) => {
        if (mask !== 0) triples.push(place, value, mask);
      };
      look(Place.Source, rule.source, prefixMask(rule.sourceLength));
      look(Place.Destination, rule.destination, prefixMask(rule.destinationLength));
      look(Place.Ports, (source << 16) | destination, (sourceMask << 16) | destinationMask);
      if (rule.protocol !== null) look(Place.Protocol, rule.protocol, -1);
      result.push(Int32Array.from(triples));
    }
  }
  return result;
}

/** The fewest values with masks of 16 bits that make up a range. */
function maskedRange([from, high]: readonly [number, number]): [value: number, mask: number][] {
  const result: [number, number][] = [];
  for (let low = from; low <= high; ) {
    let size = 1;
    while ((low & (size * 2 - 1)) === 0 && low + size * 2 - 1 <= high) size *= 2;
    result.push([low, 0xffff & ~(size - 1)]);
    low += size;
  }
  return result;
}

/** A rule as an access list of the path has it. */
export function aclRuleOf(rule: FiveTuple): AclRule {
  const prefix = (word: number, length: number) =>
    length === 0 ? [] : [{ family: 4 as const, words: [word], length }];
  const range = ([low, high]: readonly [number, number]) => (low === 0 && high === 65535 ? [] : [{ low, high }]);
  return {
    ...ANY,
    source: prefix(rule.source, rule.sourceLength),
    destination: prefix(rule.destination, rule.destinationLength),
    sourcePorts: range(rule.sourcePorts),
    destinationPorts: range(rule.destinationPorts),
    proto: rule.protocol,
  };
}

/** The slow twin: every rule in turn. @returns index of the first that matches, -1 for none */
export function linear(rules: Uint32Array, headers: Uint32Array, at: number): number {
  for (let r = 0, i = 0; r < rules.length; r += 10, i++) {
    if (((headers[at] ^ rules[r]) & prefixMask(rules[r + 1])) !== 0) continue;
    if (((headers[at + 1] ^ rules[r + 2]) & prefixMask(rules[r + 3])) !== 0) continue;
    if (headers[at + 2] < rules[r + 4] || headers[at + 2] > rules[r + 5]) continue;
    if (headers[at + 3] < rules[r + 6] || headers[at + 3] > rules[r + 7]) continue;
    if (((headers[at + 4] ^ rules[r + 8]) & rules[r + 9]) !== 0) continue;
    return i;
  }
  return -1;
}
