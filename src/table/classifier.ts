import { type AclTables, OPERANDS } from './acl-tables.ts';
import { type Match, matcherOf } from './classifier-text.ts';

export { compileAcl } from './acl-compile.ts';
export { AclKey, type AclPrefix, type AclRange, type AclRule, ANY, type MaskedMac } from './acl-rule.ts';
export type { AclTables } from './acl-tables.ts';

/**
 * Access control lists: which of many rules with wildcards matches first. Each field that any rule names leads, by its value alone, to
 * the set of rules that it leaves possible, a row of bits; the sets of all fields are intersected and the lowest bit is the
 * rule. Bytes find their row in a table, numbers of 16 bits by counting the bounds of ranges below them (16 KiB, whatever the ranges), addresses by
 * binary search over the bounds of prefixes (of IPv4 in a bucket that holds few of them), each byte of a MAC by itself, since a mask decomposes so.
 * None of it branches on what it compares: a sender chooses that, so a processor would guess it wrong every other time. Lists of more than
 * 256 rules have summaries, a bit a word of the set, which are intersected first, and share the chunks of sets that are alike.
 * Sources: Lakshman and Stiliadis, SIGCOMM 1998 (bit vectors); Baboescu and Varghese, SIGCOMM 2001 (aggregation).
 *
 * Cost, whatever a sender sends: for n rules and f fields named, f look-ups (of an address: log2 of twice its prefixes) and at most
 * f × n / 32 words, each of them loaded only when all summaries have its bit; up to 32 rules one word a field. Nothing is
 * remembered between packets. The code is generated for the fields that a list names (classifier-text.ts). ClassBench lists of
 * 10,000 rules took 0.2 to 1 µs a packet, 1.1 to 2.2 MiB and 0.1 s to compile; 10 rules on three fields 50 ns and 5 KiB. The most memory that n rules can be made to need is n² / 2 bytes a field.
 *
 * Tables are immutable. A list that changes 60,000 times a second (OpenFlow) would keep its recent rules in a small list of its own
 * beside the compiled one, the lower priority of the two deciding, and compile them in together now and then; removed
 * rules are a bit cleared in a set of live rules that is intersected last. Nothing here stands in the way of that.
 */
export class Classifier {
  readonly rules: number;
  readonly #words: Int32Array;
  readonly #match: Match;

  constructor({ rules, words }: AclTables) {
    this.rules = rules;
    this.#words = words;
    this.#match = words[OPERANDS] === 0 ? (rules === 0 ? matchNothing : matchFirst) : matcherOf(words);
  }

  /**
   * @param key words laid out as `AclKey` says
   * @param at where they begin
   * @returns index of the first rule that matches, or -1. Never throws.
   */
  match(key: Int32Array, at: number): number {
    return this.#match(this.#words, key, at);
  }
}

const matchNothing: Match = () => -1;
const matchFirst: Match = () => 0;
