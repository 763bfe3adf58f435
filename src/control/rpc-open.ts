import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { UserError } from '../errors.ts';
import type { Json } from '../json.ts';
import { cannotReach, type Params, requestLine, resultOf } from './rpc.ts';

/** What an answer that goes on brings its reader; see rpc-stream.ts. */
export interface OpenStream {
  readonly head: Json;
  /** Pieces of bytes, as they come; returns how it ended. @throws UserError when the switch has gone before */
  pieces(): AsyncGenerator<Buffer, Json>;
  /** Has enough: what is under way still comes. */
  stop(): void;
  /** Wants nothing more. */
  close(): void;
}

/** Calls a method whose answer goes on. @throws UserError when no switch answers, or with what it says went wrong */
export async function openStream(path: string, method: string, params: Params = {}): Promise<OpenStream> {
  const socket = createConnection(path);
  socket.on('error', () => {});
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw cannotReach(path, cause);
  }
  socket.write(requestLine(method, params));
  const input = new Input(socket, path);
  let head: Json;
  try {
    head = resultOf(await input.line());
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return {
    head,
    pieces: async function* () {
      for (;;) {
        const length = (await input.bytes(4)).readUInt32BE();
        if (length === 0) return JSON.parse(await input.line()) as Json;
        yield await input.bytes(length);
      }
    },
    stop: () => socket.end(),
    close: () => socket.destroy(),
  };
}

/** Bytes of a connection, as many at a time as are asked for. */
class Input {
  readonly #source: AsyncIterator<Buffer>;
  readonly #path: string;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, path: string) {
    this.#source = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#path = path;
  }

  async bytes(count: number): Promise<Buffer> {
    const parts = [this.#buffer];
    for (let length = this.#buffer.length; length < count; length += parts[parts.length - 1].length)
      parts.push(await this.#more());
    const all = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    this.#buffer = all.subarray(count);
    return all.subarray(0, count);
  }

  async line(): Promise<string> {
    let end = this.#buffer.indexOf(10);
    for (; end < 0; end = this.#buffer.indexOf(10)) this.#buffer = Buffer.concat([this.#buffer, await this.#more()]);
    const text = this.#buffer.subarray(0, end).toString();
    this.#buffer = this.#buffer.subarray(end + 1);
    return text;
  }

  async #more(): Promise<Buffer> {
    const { value, done } = await this.#source.next().catch(() => ({ value: undefined, done: true }));
    if (done === true || value === undefined)
      throw new UserError('not-running', `The switch on ${this.#path} ended before it had answered`, 'try again');
    return value;
  }
}
