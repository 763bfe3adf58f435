import { refuse } from './errors.ts';

/** Reads big-endian numbers one after the other; whoever reads past the end is told that a length is wrong. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** A reader of the next `length` bytes, which this one passes over. */
  part(length: number): Reader {
    const from = this.#take(length);
    return new Reader(this.bytes, from, from + length);
  }

  u8(): number {
    return this.bytes[this.#take(1)];
  }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  u32(): number {
    const { bytes } = this;
    const at = this.#take(4);
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  u64(): bigint {
    const high = this.u32();
    const low = this.u32();
    return high === 0 ? (low === 0 ? 0n : BigInt(low)) : (BigInt(high) << 32n) | BigInt(low);
  }

  /** A view, not a copy. */
  slice(length: number): Uint8Array {
    const from = this.#take(length);
    return this.bytes.subarray(from, from + length);
  }

  rest(): Uint8Array {
    return this.slice(this.left);
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): number {
    const from = this.at;
    if (length < 0 || from + length > this.end) throw refuse('BAD_REQUEST', 'BAD_LEN', 'the message is cut short');
    this.at = from + length;
    return from;
  }
}

/** Writes big-endian numbers one after the other into memory that grows. */
export class Writer {
  at = 0;
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, value);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Text of a fixed width, cut and padded with zeros; the last byte is one. */
  text(value: string, width: number): void {
    const at = this.#room(width);
    this.#bytes.fill(0, at, at + width);
    this.#bytes.set(new TextEncoder().encode(value).subarray(0, width - 1), at);
  }

  zeros(length: number): void {
    const at = this.#room(length);
    this.#bytes.fill(0, at, at + length);
  }

  /** Begins anew. */
  clear(): void {
    this.at = 0;
  }

  /** Zeros up to a multiple of eight from `start`. */
  align(start: number): void {
    this.zeros(-(this.at - start) & 7);
  }

  /** Writes a 16-bit length at `at`. */
  patch(at: number, length: number): void {
    this.#view.setUint16(at, length);
  }

  /** What is written, good until more is. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  /** A copy of what is written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.at);
  }

  #room(length: number): number {
    const from = this.at;
    this.at += length;
    if (this.at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.at, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return from;
  }
}

/** One way to write a kind of value, and to read it. */
export interface Codec<Value> {
  read(from: Reader): Value;
  write(into: Writer, value: Value): void;
}

export const u8: Codec<number> = { read: (from) => from.u8(), write: (into, value) => into.u8(value) };
export const u16: Codec<number> = { read: (from) => from.u16(), write: (into, value) => into.u16(value) };
export const u32: Codec<number> = { read: (from) => from.u32(), write: (into, value) => into.u32(value) };
export const u64: Codec<bigint> = { read: (from) => from.u64(), write: (into, value) => into.u64(value) };
/** All that is left. */
export const rest: Codec<Uint8Array> = { read: (from) => from.rest(), write: (into, value) => into.raw(value) };

export function raw(length: number): Codec<Uint8Array> {
  return { read: (from) => from.slice(length), write: (into, value) => into.raw(value.subarray(0, length)) };
}

export function text(width: number): Codec<string> {
  return {
    read: (from) => new TextDecoder().decode(from.slice(width)).replace(/\0.*$/s, ''),
    write: (into, value) => into.text(value, width),
  };
}

export function pad(length: number): Codec<undefined> {
  return {
    read: (from) => {
      from.skip(length);
      return undefined;
    },
    write: (into) => into.zeros(length),
  };
}

type ValueOf<C> = C extends Codec<infer Value> ? Value : never;
type Fields = Readonly<Record<string, Codec<never> | Codec<unknown> | { read(from: Reader): unknown }>>;
/** The object that a description makes: keys that begin with _ are padding. */
export type StructOf<F> = { readonly [K in keyof F as K extends `_${string}` ? never : K]: ValueOf<F[K]> };

/** Fields one after the other, in the order of the description. */
export function struct<const F extends Fields>(fields: F): Codec<StructOf<F>> {
  const list = Object.entries(fields) as unknown as [string, Codec<unknown>][];
  return {
    read: (from) => {
      const value: Record<string, unknown> = {};
      for (const [name, codec] of list) {
        const read = codec.read(from);
        if (!name.startsWith('_')) value[name] = read;
      }
      return value as StructOf<F>;
    },
    write: (into, value) => {
      for (const [name, codec] of list) codec.write(into, (value as Record<string, unknown>)[name]);
    },
  };
}

/** Values one after the other up to the end. */
export function list<Value>(codec: Codec<Value>): Codec<readonly Value[]> {
  return {
    read: (from) => {
      const values: Value[] = [];
      while (from.left > 0) values.push(codec.read(from));
      return values;
    },
    write: (into, values) => {
      for (const value of values) codec.write(into, value);
    },
  };
}

/** Words for numbers; a number that has no word stays one. */
export function word<const Words extends Readonly<Record<string, number>>>(
  size: Codec<number>,
  words: Words,
): Codec<keyof Words | number> {
  const names = new Map(Object.entries(words).map(([name, number]) => [number, name as keyof Words]));
  return {
    read: (from) => {
      const number = size.read(from);
      return names.get(number) ?? number;
    },
    write: (into, value) => size.write(into, typeof value === 'number' ? value : words[value as string]),
  };
}

/** A 16-bit length of the whole, then the value, whose codec sees no more than that; the length counts itself and what is `before` it. */
export function sized<Value>(codec: Codec<Value>, before = 0, align = false): Codec<Value> {
  return {
    read: (from) => {
      const start = from.at - before;
      const length = from.u16();
      const part = from.part(start + length - from.at);
      const value = codec.read(part);
      if (align) from.skip(Math.min(from.left, -length & 7));
      return value;
    },
    write: (into, value) => {
      const start = into.at - before;
      const at = into.at;
      into.u16(0);
      codec.write(into, value);
      into.patch(at, into.at - start);
      if (align) into.align(start);
    },
  };
}
