import type { OpenStream } from '../control/rpc-open.ts';
import type { Json } from '../json.ts';
import type { Output } from './output.ts';

/**
 * Writes what a stream brings until it ends, `signal` says that it is enough (what is under way still comes), or nobody reads the output
 * any more. Both are ended then.
 * @returns how the stream ended; null: nobody wanted to know
 */
export async function pour(
  stream: OpenStream,
  output: Output,
  signal: AbortSignal,
  bytesOf: (piece: Buffer) => Uint8Array = (piece) => piece,
): Promise<Json> {
  signal.addEventListener('abort', () => stream.stop());
  if (signal.aborted) stream.stop();
  output.gone.addEventListener('abort', () => stream.close());
  try {
    const pieces = stream.pieces();
    let next = await pieces.next();
    for (; !next.done && !output.gone.aborted; next = await pieces.next()) await output.write(bytesOf(next.value));
    return next.done === true ? next.value : null;
  } catch (error) {
    if (!output.gone.aborted) throw error;
    return null;
  } finally {
    stream.close();
    await output.end();
  }
}
