import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Json } from '../json.ts';

/**
 * Answers of the control socket that go on: after the reply, which is `head`, the connection carries pieces of bytes, each after its
 * length (4 bytes, big-endian), then a length of 0 and one line of JSON: how it ended. Who has enough shuts down his half of the
 * connection, and gets the rest.
 */
export interface Stream {
  readonly head: Json;
  /** From here on nothing is missed; `run` follows. @throws UserError: there is no stream, and the reply says why */
  begin(): Promise<void>;
  /** @returns how it ended */
  run(sink: StreamSink): Promise<Json>;
}

export interface StreamSink {
  /** Resolves when there is room for more; never where the reader has gone. */
  write(bytes: Uint8Array): Promise<void>;
  /** The reader has enough; the reader has gone. */
  readonly stopped: AbortSignal;
  readonly gone: AbortSignal;
}

export function isStream(value: Json | Stream): value is Stream {
  return typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function';
}

/** Server: carries a stream out on a connection from which nothing else is read. */
export async function sendStream(socket: Socket, stream: Stream): Promise<void> {
  const [stopped, gone] = [new AbortController(), new AbortController()];
  socket.on('end', () => stopped.abort());
  socket.on('close', () => gone.abort());
  socket.on('error', () => gone.abort());
  socket.resume();
  if (socket.readableEnded) stopped.abort();
  if (socket.destroyed) gone.abort();
  const ended = await stream.run({
    write: async (bytes) => {
      socket.cork();
      socket.write(lengthOf(bytes.length));
      const room = socket.write(bytes);
      socket.uncork();
      if (!room && !socket.destroyed) await once(socket, 'drain', { signal: gone.signal });
    },
    stopped: stopped.signal,
    gone: gone.signal,
  });
  if (gone.signal.aborted) return;
  socket.write(lengthOf(0));
  socket.end(`${JSON.stringify(ended)}\n`);
}

function lengthOf(length: number): Uint8Array {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(length);
  return word;
}
