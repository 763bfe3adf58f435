import { encode } from './codec.ts';
import { refuse } from './errors.ts';
import type { Message, MultipartReply, MultipartRequest } from './messages.ts';

/** A message takes at most 65,535 bytes; a table's features may take a few thousand. */
const MOST_BYTES = 60_000;
/** Parts of one request that are kept together. */
const MOST_PARTS = 64;

/** Encodes a reply whose body is a list as so many messages as it needs, all but the last with the flag MORE. */
export function* encodeReply(reply: MultipartReply, xid: number): Generator<Uint8Array> {
  const { body } = reply;
  if (!Array.isArray(body) || body.length === 0) {
    yield encode(reply, xid);
    return;
  }
  const make = (part: readonly unknown[], more: boolean) => ({ ...reply, body: part, more }) as unknown as Message;
  // Rows of a kind are of much the same size: the first tells how many go together, and what is too long is halved.
  const queue: (readonly unknown[])[] = [];
  const size = encode(make([body[0]], false), xid).length - 16;
  const together = Math.max(1, Math.floor(MOST_BYTES / Math.max(1, size) / 2));
  for (let at = 0; at < body.length; at += together) queue.push(body.slice(at, at + together));
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
    const bytes = encode(make(part, queue.length > 0), xid);
    if (bytes.length > MOST_BYTES && part.length > 1) {
      const half = part.length >> 1;
      queue.unshift(part.slice(0, half), part.slice(half));
    } else yield bytes;
  }
}

/** Puts requests that come in parts together: one at a time, bounded. */
export class RequestAssembler {
  #parts: MultipartRequest[] = [];
  #xid = 0;

  /**
   * @returns the whole request, or null while more is to come
   * @throws OpenFlowError when the parts are too many, or of different requests
   */
  take(request: MultipartRequest, xid: number): MultipartRequest | null {
    const parts = this.#parts;
    if (parts.length > 0 && (xid !== this.#xid || parts[0].kind !== request.kind)) {
      this.#parts = [];
      throw refuse('BAD_REQUEST', 'BAD_MULTIPART', 'another request began before all parts of one had come');
    }
    if (request.more) {
      if (parts.length >= MOST_PARTS) {
        this.#parts = [];
        throw refuse('BAD_REQUEST', 'MULTIPART_BUFFER_OVERFLOW', `a request has more than ${MOST_PARTS} parts`);
      }
      this.#xid = xid;
      parts.push(request);
      return null;
    }
    this.#parts = [];
    if (parts.length === 0) return request;
    const bodies = [...parts, request].flatMap(({ body }) => (Array.isArray(body) ? body : []));
    return { ...request, body: Array.isArray(request.body) ? bodies : request.body } as MultipartRequest;
  }
}
