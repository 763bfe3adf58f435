import { type Codec, Writer } from './bytes.ts';
import { encode, finish } from './codec.ts';
import { refuse } from './errors.ts';
import { HEADER_LENGTH, MORE, MULTIPART_REPLY, type MultipartReply, type MultipartRequest } from './messages.ts';
import { MULTIPARTS, type MultipartKind, type MultipartReplyBody } from './stats.ts';

/** A message takes at most 65,535 bytes; a table's features may take a few thousand. */
const MOST_BYTES = 60_000;
/** Parts of one request that are kept together. */
const MOST_PARTS = 64;

type RowOf<K extends RowKind> = MultipartReplyBody<K> extends readonly (infer Row)[] ? Row : never;
/** Kinds of replies whose body is a list. */
export type RowKind = {
  [K in MultipartKind]: MultipartReplyBody<K> extends readonly unknown[] ? K : never;
}[MultipartKind];

/** A reply that is one description. */
export function encodeReply<K extends Exclude<MultipartKind, RowKind>>(
  kind: K,
  body: MultipartReplyBody<K>,
  xid: number,
): Uint8Array {
  return encode({ type: 'multipart_reply', kind, more: false, body } as MultipartReply, xid);
}

/**
 * A reply that is a list, as so many messages as it needs, all but the last with the flag MORE. Rows are taken as they are
 * needed, so that a long list never lies in memory whole.
 */
export function* encodeRows<K extends RowKind>(kind: K, rows: Iterable<RowOf<K>>, xid: number): Generator<Uint8Array> {
  const row = MULTIPARTS[kind].reply as unknown as Codec<readonly RowOf<K>[]>;
  let into = startReply(kind);
  const empty = into.at;
  for (const one of rows) {
    const before = into.at;
    row.write(into, [one]);
    if (into.at <= MOST_BYTES || before === empty) continue;
    into.at = before;
    yield finishReply(into, xid, true);
    into = startReply(kind);
    row.write(into, [one]);
  }
  yield finishReply(into, xid, false);
}

function startReply(kind: MultipartKind): Writer {
  const into = new Writer();
  into.zeros(HEADER_LENGTH);
  into.u16(MULTIPARTS[kind].number);
  into.zeros(6);
  return into;
}

function finishReply(into: Writer, xid: number, more: boolean): Uint8Array {
  into.patch(HEADER_LENGTH + 2, more ? MORE : 0);
  return finish(into, MULTIPART_REPLY, xid);
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
