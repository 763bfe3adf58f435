import { type FiveTuple, prefixMask } from '../../src/bench/classbench.ts';
import { random } from '../../src/bench/statistics.ts';

const PORT_PROTOCOLS: readonly number[] = [6, 17, 132];
const HIGHEST_PRIORITY = 65_000;

/**
 * Rules of five fields as flows of ovs-ofctl, a line each: ranges of ports as the masks that they are made of, all pairs of them; the
 * best rule with the highest priority. When the sets are at their end they begin again with other addresses, so that any number can be had.
 * @param sets filter sets; each is a table of its own
 */
export function manyFlows(sets: readonly (readonly FiveTuple[])[], count: number): string[] {
  const flows: string[] = [];
  for (let copy = 0; ; copy++) {
    const shift = Math.imul(copy, 0x9e3779b1);
    for (let at = 0; sets.some(({ length }) => at < length); at++) {
      for (const [table, set] of sets.entries()) {
        const rule = set[at];
        if (rule === undefined) continue;
        for (const match of matches(rule, shift)) {
          flows.push(
            `table=${table},priority=${HIGHEST_PRIORITY - (at % 64_000)},${match},actions=output:${1 + (at & 1)}`,
          );
          if (flows.length === count) return flows;
        }
      }
    }
  }
}

/** Rules like those of a filter set, where none is at hand. */
export function likeFilters(count: number): FiveTuple[] {
  const next = random(20_261_126);
  const prefix = () => {
    const length = next() % 4 === 0 ? 32 : 16 + (next() % 17);
    return { length, value: (next() & prefixMask(length)) >>> 0 };
  };
  const ports = (): [number, number] => {
    const low = next() & 0xffff;
    return next() % 3 === 0 ? [0, 65_535] : next() % 4 === 0 ? [low, Math.min(65_535, low + 7)] : [low, low];
  };
  return Array.from({ length: count }, () => {
    const source = prefix();
    const destination = prefix();
    return {
      ...{ source: source.value, sourceLength: source.length },
      ...{ destination: destination.value, destinationLength: destination.length },
      ...{ sourcePorts: ports(), destinationPorts: ports(), protocol: next() % 2 === 0 ? 6 : 17 },
    };
  });
}

function* matches(rule: FiveTuple, shift: number): Generator<string> {
  const addresses = [
    ...address('nw_src', rule.source ^ shift, rule.sourceLength),
    ...address('nw_dst', rule.destination ^ shift, rule.destinationLength),
  ];
  const { protocol } = rule;
  if (protocol === null || !PORT_PROTOCOLS.includes(protocol)) {
    yield ['ip', ...(protocol === null ? [] : [`nw_proto=${protocol}`]), ...addresses].join();
    return;
  }
  for (const source of masks(rule.sourcePorts))
    for (const destination of masks(rule.destinationPorts))
      yield [
        'ip',
        `nw_proto=${protocol}`,
        ...addresses,
        ...ports('tp_src', source),
        ...ports('tp_dst', destination),
      ].join();
}

function address(name: string, value: number, length: number): string[] {
  if (length === 0) return [];
  const cut = value & prefixMask(length);
  const octets = [cut >>> 24, (cut >>> 16) & 255, (cut >>> 8) & 255, cut & 255];
  return [`${name}=${octets.join('.')}/${length}`];
}

function ports(name: string, [value, mask]: readonly [number, number]): string[] {
  return mask === 0 ? [] : [`${name}=${value}/0x${mask.toString(16)}`];
}

/** A range as values and masks. */
function masks([low, high]: readonly [number, number]): [number, number][] {
  const found: [number, number][] = [];
  for (let at = low; at <= high; ) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= high) size *= 2;
    found.push([at, 0xffff & ~(size - 1)]);
    at += size;
  }
  return found;
}
