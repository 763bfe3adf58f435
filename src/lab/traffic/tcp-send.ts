import { createServer, type Socket } from 'node:net';
import { end, listenForStop, readArguments, say, stop } from './arguments.ts';
import { BLOCK, numberBlocks } from './pattern.ts';

/**
 * Sends one TCP stream of numbered blocks for some seconds to the `tcp-receive` that connects; says `{"listening": port}` first. The
 * receiver is the one that connects since node:net reads into one buffer (`onread`) only there.
 */
const options = readArguments({ port: 7001, seconds: 2, wait: 60 });

const PIECE = 64 * BLOCK;
/** Pieces on their way to the kernel; each is numbered again once it has been taken. */
const PIECES = 4;

function stream(socket: Socket): void {
  const started = performance.now();
  let block = 0;
  let flying = 0;
  let bytes = 0;
  const send = (piece: Buffer): void => {
    if (stop.asked || performance.now() - started > options.seconds * 1000) {
      if (flying === 0) socket.end();
      return;
    }
    numberBlocks(piece, block);
    block += PIECE / BLOCK;
    flying++;
    socket.write(piece, (error) => {
      flying--;
      if (error) return;
      bytes += PIECE;
      send(piece);
    });
  };
  // A receiver that has had enough resets the connection: it decides, and its report counts.
  let ended = 'sender';
  socket.on('error', (error) => {
    ended = error.message;
  });
  socket.on('close', () => {
    const seconds = (performance.now() - started) / 1000;
    say({ bytes, seconds, gbits: (bytes * 8) / seconds / 1e9, ended });
    end(0);
  });
  setTimeout(() => socket.destroy(new Error('the stream hangs')), (options.seconds + 5) * 1000).unref();
  for (let i = 0; i < PIECES; i++) send(Buffer.alloc(PIECE, 0x5a));
}

listenForStop();
const server = createServer({ noDelay: true }, (socket) => {
  server.close();
  stream(socket);
});
server.listen(options.port, () => say({ listening: options.port }));
setTimeout(() => server.listening && end(1), options.wait * 1000).unref();
setInterval(() => stop.asked && server.listening && end(1), 50).unref();
