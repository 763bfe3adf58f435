import { AclKey } from './acl-rule.ts';
import * as Layout from './acl-tables.ts';
import { bitCount, lowestBit, row4, row6 } from './classifier-rows.ts';

/** @param words the compiled list @param key words laid out as `AclKey` says, from `at` on @returns index of the first rule that matches, or -1 */
export type Match = (words: Int32Array, key: Int32Array, at: number) => number;

/** Look-ups by their text: lists that name the same fields share one, and its warm code. */
const known = new Map<string, Match>();
const MOST_KNOWN = 256;

/**
 * The look-up for a compiled list. Its text depends on which fields the list names and on whether its sets have summaries, not on its rules: for
 * these fields it is all that is left of a loop over operands that asks of each what it is, which took half of the time.
 */
export function matcherOf(words: Int32Array): Match {
  const text = textOf(words);
  let match = known.get(text);
  if (match === undefined) {
    if (known.size === MOST_KNOWN) known.clear();
    const make = new Function('row4', 'row6', 'bitCount', 'lowestBit', text);
    known.set(text, (match = make(row4, row6, bitCount, lowestBit) as Match));
  }
  return match;
}

function textOf(words: Int32Array): string {
  const operands = Layout.operandsOf(words);
  const rows = operands.map((o, i) => `const r${i} = ${rowOf(words, o)};`);
  const find = words[Layout.SUMMARY_WORDS] === 0 ? plain(operands.length) : chunked(operands.length);
  return `return function match(words, key, at) {
  const family = key[at + ${AclKey.FAMILY}];
  ${rows.join('\n  ')}
${find}
  return -1;
};
//# sourceURL=tapyard:acl/${operands.length}`;
}

/** Where the row of an operand lies. */
function rowOf(words: Int32Array, o: number): string {
  const key = `key[at + ${words[o + Layout.KEY]}]`;
  const absent = `words[${o + Layout.ABSENT}]`;
  const kind = words[o + Layout.KIND];
  if (kind === Layout.ADDRESS) {
    const other = `family === 6 ? row6(words, ${o}, key, at + ${words[o + Layout.KEY]}) : ${absent}`;
    return `family === 4 ? row4(words, ${o}, ${key} ^ 0x80000000) : ${other}`;
  }
  const table = `words[${o + Layout.TABLE}]`;
  const domain = words[o + Layout.DOMAIN];
  if (kind === Layout.RANGE) {
    const part = `${table} + (${key} >>> 5) * 2`;
    const begun = `bitCount(words[${part}] & ((2 << (${key} & 31)) - 1))`;
    return `${key} >>> 0 >= ${domain} ? ${absent} : words[words[${part} + 1] + ${begun}]`;
  }
  const presence = words[o + Layout.PRESENCE];
  const value = `((${key} >>> ${words[o + Layout.SHIFT]}) & ${words[o + Layout.MASK]})`;
  return `key[at + ${presence}] === -1 || ${value} >>> 0 >= ${domain} ? ${absent} : words[${table} + ${value}]`;
}

/** Words of all rows, intersected: without a branch, since one a word costs less than one that is guessed wrong. */
const all = (operands: number, word: (row: string) => string): string =>
  Array.from({ length: operands }, (_, i) => word(`r${i}`)).join(' & ');

const plain = (operands: number): string => `  const length = words[${Layout.SET_WORDS}];
  for (let word = 0; word < length; word++) {
    const set = ${all(operands, (row) => `words[${row} + word]`)};
    if (set !== 0) return (word << 5) + lowestBit(set);
  }`;

const chunked = (operands: number): string => `  const length = words[${Layout.SUMMARY_WORDS}];
  for (let part = 0; part < length; part++) {
    let summary = ${all(operands, (row) => `words[${row} + part]`)};
    for (; summary !== 0; summary &= summary - 1) {
      const word = (part << 5) + lowestBit(summary);
      const chunk = length + (word >> 3), inside = word & ${Layout.CHUNK_WORDS - 1};
      const set = ${all(operands, (row) => `words[words[${row} + chunk] + inside]`)};
      if (set !== 0) return (word << 5) + lowestBit(set);
    }
  }`;
