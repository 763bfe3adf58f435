import { Reader, Writer } from './bytes.ts';
import { HEADER_LENGTH, type Message, readMessage, VERSION, writeMessage } from './messages.ts';

export interface Envelope {
  readonly xid: number;
  readonly message: Message;
}

/** Number of the transaction that a whole message belongs to. */
export function xidOf(bytes: Uint8Array): number {
  return ((bytes[4] << 24) | (bytes[5] << 16) | (bytes[6] << 8) | bytes[7]) >>> 0;
}

/**
 * @param bytes one whole message, header included, as `FrameSplitter` gives it; what is decoded refers to it
 * @throws OpenFlowError with the type and code to answer with
 */
export function decode(bytes: Uint8Array): Envelope {
  return { xid: xidOf(bytes), message: readMessage(bytes[1], new Reader(bytes, HEADER_LENGTH)) };
}

const scratch = new Writer();

/** @returns bytes of its own */
export function encode(message: Message, xid: number): Uint8Array {
  scratch.clear();
  scratch.zeros(HEADER_LENGTH);
  return finish(scratch, writeMessage(scratch, message), xid);
}

/** Fills in the header. @param into the whole message, room for the header in front */
export function finish(into: Writer, type: number, xid: number): Uint8Array {
  const bytes = into.take();
  bytes[0] = VERSION;
  bytes[1] = type;
  bytes[2] = bytes.length >>> 8;
  bytes[3] = bytes.length;
  bytes[4] = xid >>> 24;
  bytes[5] = xid >>> 16;
  bytes[6] = xid >>> 8;
  bytes[7] = xid;
  return bytes;
}
