import { Entry, SPILLED, STRIDE4, STRIDE6 } from './entry.ts';
import type { Shape } from './shape.ts';

/** Text of how a frame's own words are found, hashed and looked up; `generate` says what it becomes part of. */

/** Words of a cache line. */
const LINE = 16;

type Words = readonly string[];
type Family = 4 | 6;

const MACS: Words = ['w0', 'words[at + 1]', 'words[at + 2]', 'w3', 'tag'];
/** Those that are nothing else. */
const OF_MACS: Words = ['words[at + 1]', 'words[at + 2]', 'w3'];
const NO_MACS: Words = ['(w3 & -65536) | from', 'tag'];

const stride = (family: Family): number => (family === 4 ? STRIDE4 : STRIDE6);

/** Where the place of a hash lies: a shift, since a product might not be a small number. */
const placeOf = (family: Family): string => `(h & mask${family}) << ${Math.log2(stride(family) * 2)}`;
/** And where a flow lies whose place was full (Azar et al., STOC 1994: of two places the one with room). */
const secondOf = (family: Family): string =>
  `((h ^ (h >>> 17 << 1 | 1)) & mask${family}) << ${Math.log2(stride(family) * 2)}`;

/** Words of the key, as expressions of what the loop has at hand. */
function keyOf({ macs, l3, source, destination, ports, tos, label }: Shape, family: Family): Words {
  const link = macs ? MACS : NO_MACS;
  if (!l3) return link;
  const addresses = (from: number, count: number) => Array.from({ length: count }, (_, k) => `words[o + ${from + k}]`);
  const [first, size] = family === 4 ? [3, 1] : [2, 4];
  // Of IPv4 the second byte; of IPv6 the lower half of the first and the upper of the second, then the label.
  const service = family === 4 ? 0xff00 : (tos ? 0xf00f : 0) | (label ? 0xffff0f00 : 0);
  const hasService = family === 4 ? tos : tos || label;
  return [
    ...link,
    ...(hasService ? [`words[o] & ${service | 0}`] : []),
    ...(ports ? ['proto', 'transport'] : []),
    ...(source ? addresses(first, size) : []),
    ...(destination ? addresses(first + size, size) : []),
  ];
}

/** Odd constants: a sum of products is a universal hash in its upper bits (Dietzfelbinger et al., J. Algorithms 25, 1997). */
const multiplier = (k: number): number => (Math.imul(k + 1, 0x9e3779b2) | 1) >> 0;

/** Words of the key that the hash takes: where both addresses and ports tell flows apart, MACs do not besides. */
const hashedOf = (shape: Shape, family: Family): Words => {
  const key = keyOf(shape, family);
  return shape.source && shape.destination && shape.ports ? key.filter((word) => !OF_MACS.includes(word)) : key;
};

/** The hash `h` of a frame's key. */
export const find = (shape: Shape, family: Family): string => `
      let h = ${['seed', ...hashedOf(shape, family).map((word, k) => `Math.imul(${word}, ${multiplier(k)})`)].join(' + ')} | 0;
      h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
      h ^= h >>> 13;`;

/** The hash that an earlier pass has found. */
export const found = (): string => `
      const h = hashes[i];`;

/** Keeps the hash for a later pass. */
export const hashed = (family: Family): string => `
      hashes[i] = h;
      families[i] = ${family};`;

/** Keeps for a later pass what was found. */
export const remembered = ({ ports }: Shape, family: Family): string => `
      hashes[i] = h;
      families[i] = ${family};${ports ? '\n      protos[i] = proto;\n      transports[i] = transport;' : ''}`;

/** Which of the two entries at a frame's place, `e`, may be its own: without a branch on what comes from memory. */
export const chosen = (family: Family): string => `
      const place = ${placeOf(family)};
      const other = table${family}[place] ^ h;
      const e = place + ((other | -other) >>> 31) * ${stride(family)};`;

/** Fetches both cache lines of a place. */
export const touch = (family: Family): string => `
      const h = hashes[i], place = ${placeOf(family)};
      ahead[i] = table${family}[place] ^ table${family}[place + ${LINE}];`;

/**
 * The same in a pass of its own, since the processor then has dozens of these loads under way at once, and without a branch on what
 * they bring, which would hold up those behind it.
 */
export const choose = (family: Family): string => `
      const h = hashes[i], place = ${placeOf(family)};
      const other = table${family}[place] ^ h;
      // The second entry's cache line is fetched as well; the second line of the first, where entries take two.
      ahead[i] = table${family}[place + ${LINE}];
      entries[i] = place + ((other | -other) >>> 31) * ${stride(family)};`;

const flags = (shape: Shape, word: number): string =>
  shape.flags ? `\n      if (proto === 6) proto |= words[o + ${word}] & 0xff00;` : '';

/** Leaves frames alone whose checksum is not open where TCP or UDP has it; @param sum null where none is open */
const partial = (sum: string | null, header: number, not: string): string =>
  sum === null
    ? ''
    : `
      if (${sum} >= 0 && (${sum} !== (o + ${header}) << 2 || csumOffset[i] !== (proto === 6 ? 16 : proto === 17 ? 6 : 2))) ${not}`;

const parse4 = (shape: Shape, not: string, sum: string | null): string => `
      const a = words[o], c = words[o + 2];
      const total = (a >>> 24) | ((a >>> 8) & 0xff00);
      // Version 4 without options, no fragment, all of it there.
      if ((a & 0xff) !== 0x45 || (words[o + 1] & 0xff3f0000) !== 0 || total > room) ${not}${
        shape.ports
          ? `
      let proto = (c >>> 8) & 0xff, transport = words[o + 5];
      if (proto === 6) { if (total < 40) ${not} }
      else if (total < 28) ${not}
      else if (proto === 1) transport &= 0xffff;
      else if (proto !== 17) ${not}`
          : sum === null
            ? ''
            : `
      const proto = (c >>> 8) & 0xff;`
      }${partial(sum, 5, not)}${flags(shape, 8)}`;

const parse6 = (shape: Shape, not: string, sum: string | null): string => `
      const b = words[o + 1], next = words[o + 10];
      const total = ((b << 8) & 0xff00) | ((b >>> 8) & 0xff);
      // No extension header, all of it there, no neighbour discovery.
      if ((words[o] & 0xf0) !== 0x60 || total + 40 > room) ${not}
      let proto = (b >>> 16) & 0xff, transport = next;
      if (proto === 6) { if (total < 20) ${not} }
      else if (total < 8) ${not}
      else if (proto === 58) { if ((next & 0xff) >= 133 && (next & 0xff) <= 136) ${not} transport = next & 0xffff; }
      else if (proto !== 17) ${not}${partial(sum, 10, not)}${flags(shape, 13)}`;

/**
 * Finds the headers, as far as the shape looks at them.
 * @param not what to do with a frame that is not plain @param sum where its partial checksum begins; null: it has none
 * @param then what to do with one that is
 */
export const parsed = (shape: Shape, not: string, sum: string | null, then: (family: Family) => string): string =>
  shape.l3
    ? `
    if (type === 0x0008) {${parse4(shape, not, sum)}${then(4)}
    } else if (type === 0xdd86) {${parse6(shape, not, sum)}${then(6)}
    } else ${not}`
    : `${sum === null ? '' : `\n    if (${sum} >= 0 && !isPlainPartial(words, batch, i, type, o, room)) ${not}`}
    {${then(4)}
    }`;

const equal = (table: string, at: string, key: Words): string =>
  [`${table}[${at}] === h`, ...key.map((word, k) => `${table}[${at} + ${Entry.Key + k}] === (${word})`)].join(' && ');

/** Whether the entry at `at` is this flow's, and good. */
const good = (table: string, at: string, key: Words): string => `${equal(table, at, key)}
        && (${table}[${at} + ${Entry.Stamp}] === stamp || cache.renew(${table}, ${at}, batch, i))`;

/** Where a loop keeps the flow of the frame before: its key, and its decision, of which 0 is none. */
const keptKey = (family: Family, k: number): string => `key${family}_${k}`;
const keptDecision = (family: Family): string => `decided${family}`;

/** Declares them. What is decided may only be taken back when another flow is decided. */
export const kept = (shape: Shape, family: Family): string =>
  `\n  let ${[keptDecision(family), ...keyOf(shape, family).map((_, k) => keptKey(family, k))].map((name) => `${name} = 0`).join(', ')};`;

/**
 * The decision `d` of a frame that is of the flow of the frame before: found without a hash, and without the table, each of whose words would
 * be looked for within its bounds. Of many flows the first words to be compared differ, those that are most often their own.
 * @param otherwise what finds it else
 */
export const again = (shape: Shape, family: Family, otherwise: string): string => {
  const words = [...keyOf(shape, family).entries()].reverse();
  const ports = words.filter(([, word]) => word === 'transport');
  const others = words.filter(([, word]) => word !== 'transport');
  const same = [...ports, ...others].map(([k, word]) => `${keptKey(family, k)} === (${word})`);
  const keep = words.map(([k, word]) => `${keptKey(family, k)} = ${word};`).join(' ');
  return `
      if (${[...same, `${keptDecision(family)} !== 0`].join(' && ')}) d = ${keptDecision(family)};
      else {${otherwise}
        ${keptDecision(family)} = d;
        ${keep}
      }`;
};

/** Forgets the flow that is kept of the other family, when one may have been decided. */
export const forgetOther = (shape: Shape, family: Family): string =>
  shape.l3 ? `\n          ${keptDecision(family === 4 ? 6 : 4)} = 0;` : '';

/** What a frame's own words are found by, for `decides`. */
const atHand = ({ ports }: Shape): string => `at, o, w0, w3, tag${ports ? ', proto, transport' : ''}`;

/**
 * The decision `d` of the flow with hash `h`, whose entry may be `e`: the one that is known, or what `decides` finds.
 * @param after what to do besides when it was asked
 */
export const decideInto = (shape: Shape, family: Family, after = ''): string => {
  const table = `table${family}`;
  return `
      if (${equal(table, 'e', keyOf(shape, family))} && ${table}[e + ${Entry.Stamp}] === stamp) d = ${table}[e + ${Entry.Decision}];
      else {
        d = decide${family}(batch, i, from, h, e, stamp, mask${family}, ${atHand(shape)});${after}
      }`;
};

/**
 * The function that looks further: proves an old entry, looks into the second place, or has the flow decided. Apart from the loops, which have called
 * it since their first frame: what is rare in it is met for the first time long after, and V8 then throws the code of the function away that it is
 * in, and interprets that for milliseconds.
 */
export const decides = (shape: Shape, family: Family): string => {
  const key = keyOf(shape, family);
  const table = `table${family}`;
  return `
/** The decision of a frame whose flow was not found at once. */
function decide${family}(batch, i, from, h, e, stamp, mask${family}, ${atHand(shape)}) {
  if (${good(table, 'e', key)}) return ${table}[e + ${Entry.Decision}];
  const second = ${secondOf(family)};
  if ((${table}[(${placeOf(family)}) + ${Entry.Decision}] & ${SPILLED}) !== 0) {
    const unlike = ${table}[second] ^ h, e2 = second + ((unlike | -unlike) >>> 31) * ${stride(family)};
    if (${good(table, 'e2', key)}) return ${table}[e2 + ${Entry.Decision}];
  }
  const d = cache.decide(batch, i, from);
  const into = d > 0 ? cache.place(${table}, ${placeOf(family)}, second, ${stride(family)}, e, h) : -1;
  if (into >= 0) {
    ${table}[into] = h;
    ${table}[into + ${Entry.Stamp}] = stamp;
    ${table}[into + ${Entry.Decision}] = d | (${table}[into + ${Entry.Decision}] & ${SPILLED});
    ${table}[into + ${Entry.MacSlot}] = source[0];
    ${table}[into + ${Entry.MacVersion}] = source[1];
    ${key.map((word, k) => `${table}[into + ${Entry.Key + k}] = ${word};`).join(' ')}
  }
  return d;
}`;
};
