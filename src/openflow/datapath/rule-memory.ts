import { Arena } from '../../path/rules/arena.ts';
import { Reader, Writer } from '../codec/bytes.ts';
import { instructions as instructionsCodec } from '../codec/instruction.ts';
import { match as matchCodec } from '../codec/match.ts';
import type { Instruction, Match } from '../model.ts';

/** In front of what a rule says: numbers of triples' words, and of bytes of its match and of its instructions. */
const HEADER = 3;

/**
 * What the rules of a datapath say, in one growing array of words: as objects it would be some forty to a rule, for the garbage collector
 * to walk through. Behind the words of the look-up lie match and instructions as on the wire, and are objects only for whoever asks.
 */
export class RuleMemory {
  readonly #arena = new Arena();
  readonly #writer = new Writer();
  #octets = new Uint8Array(this.#arena.words.buffer);

  /** @param triples `matchWords` of the match @returns where it lies */
  put(triples: Int32Array, match: Match, instructions: readonly Instruction[]): number {
    const writer = this.#writer;
    writer.clear();
    matchCodec.write(writer, match);
    const matchBytes = writer.at;
    instructionsCodec.write(writer, instructions);
    return this.#put(triples, matchBytes);
  }

  /** What lies at `place`, with other instructions: a place more. */
  changed(place: number, instructions: readonly Instruction[]): number {
    const writer = this.#writer;
    writer.clear();
    const { matchAt, matchBytes } = this.#parts(place);
    writer.raw(this.#octets.subarray(matchAt, matchAt + matchBytes));
    instructionsCodec.write(writer, instructions);
    return this.#put(this.triples(place).slice(), matchBytes);
  }

  give(place: number): void {
    const { triples, matchBytes, instructionBytes } = this.#parts(place);
    this.#arena.give(place, sizeOf(triples, matchBytes + instructionBytes));
  }

  /** A view, good until something is put in. */
  triples(place: number): Int32Array {
    const { words } = this.#arena;
    return words.subarray(place + HEADER, place + HEADER + words[place]);
  }

  hasTriples(place: number, triples: Int32Array): boolean {
    const { words } = this.#arena;
    if (words[place] !== triples.length) return false;
    for (let k = 0; k < triples.length; k++) if (words[place + HEADER + k] !== triples[k]) return false;
    return true;
  }

  match(place: number): Match {
    const { matchAt, matchBytes } = this.#parts(place);
    return matchCodec.read(this.#reader(matchAt, matchBytes));
  }

  instructions(place: number): readonly Instruction[] {
    const { matchAt, matchBytes, instructionBytes } = this.#parts(place);
    return instructionsCodec.read(this.#reader(matchAt + matchBytes, instructionBytes));
  }

  #put(triples: Int32Array, matchBytes: number): number {
    const { written } = this.#writer;
    const place = this.#arena.take(sizeOf(triples.length, written.length));
    const { words } = this.#arena;
    if (this.#octets.buffer !== words.buffer) this.#octets = new Uint8Array(words.buffer);
    words[place] = triples.length;
    words[place + 1] = matchBytes;
    words[place + 2] = written.length - matchBytes;
    words.set(triples, place + HEADER);
    this.#octets.set(written, (place + HEADER + triples.length) << 2);
    return place;
  }

  #parts(place: number) {
    const { words } = this.#arena;
    const triples = words[place];
    return {
      triples,
      matchAt: (place + HEADER + triples) << 2,
      matchBytes: words[place + 1],
      instructionBytes: words[place + 2],
    };
  }

  /** Of a copy: the place may be another's before the last reader is done. */
  #reader(at: number, length: number): Reader {
    return new Reader(this.#octets.slice(at, at + length));
  }
}

function sizeOf(triples: number, bytes: number): number {
  return HEADER + triples + ((bytes + 3) >> 2);
}
