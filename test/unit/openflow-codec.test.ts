import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/openflow/codec/codec.ts';
import { FrameSplitter } from '../../src/openflow/codec/splitter.ts';
import { everyMessage } from '../support/openflow-messages.ts';

const messages = everyMessage();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
/** Long lists apart: they are as many bytes, and nothing new. */
const short = messages.filter(({ bytes }) => bytes.length < 2000);

/** What comes out of a stream that comes in pieces of its own. */
function split(pieces: readonly Uint8Array[]): string[] {
  const splitter = new FrameSplitter();
  const found: string[] = [];
  for (const piece of pieces) splitter.push(Uint8Array.from(piece), (bytes) => found.push(hex(bytes)));
  return found;
}

describe('every message', () => {
  test('is written again as it was read', () => {
    for (const { name, bytes } of messages) {
      const { message, xid } = decode(bytes);
      expect(hex(encode(message, xid)), name).toBe(hex(bytes));
    }
  });

  test('is the same wherever the stream is split in two', () => {
    const stream = Buffer.concat(short.map(({ bytes }) => bytes));
    const whole = short.map(({ bytes }) => hex(bytes));
    for (let at = 0; at <= stream.length; at += at < 600 || at > stream.length - 600 ? 1 : 7)
      expect(split([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
    for (const { name, bytes } of short)
      for (let at = 1; at < bytes.length; at++)
        expect(split([bytes.subarray(0, at), bytes.subarray(at)]), `${name} at ${at}`).toEqual([hex(bytes)]);
  });

  test('is the same byte by byte', () => {
    const stream = Buffer.concat(short.map(({ bytes }) => bytes));
    expect(split(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(short.map(({ bytes }) => hex(bytes)));
  });

  test('cut short is refused, or means what its shorter form does, and nothing else is thrown', () => {
    for (const { name, bytes } of short) {
      for (let length = 8; length < bytes.length; length++) {
        const part = bytes.slice(0, length);
        new DataView(part.buffer).setUint16(2, length);
        try {
          decode(part);
        } catch (error) {
          expect((error as Error).name, `${name} at ${length}`).toBe('OpenFlowError');
        }
      }
    }
  });
});
