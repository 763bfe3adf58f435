/**
 * Run inside a namespace, by the pinned Node. `echo PORT`: sends every datagram back. `send ADDRESS PORT WINDOW`: numbered datagrams, at
 * most WINDOW of them unanswered, so that no queue on the way is filled by us; on SIGTERM it waits for what is under way, and prints
 * `{sent, acked, lost}`. One that is not answered within PATIENCE_MS is lost.
 */
import { createSocket } from 'node:dgram';

const PATIENCE_MS = 20_000;
const LENGTH = 64;
const [mode, ...words] = process.argv.slice(2);
const socket = createSocket('udp4');

function echo(port: number): void {
  socket.on('message', (message, from) => socket.send(message, from.port, from.address));
  socket.bind(port, () => process.stdout.write('ready\n'));
}

function send(address: string, port: number, window: number): void {
  const waiting = new Map<number, number>();
  let next = 0;
  let acked = 0;
  let lost = 0;
  let ending = false;
  const fill = () => {
    while (!ending && waiting.size < window) {
      const message = Buffer.alloc(LENGTH);
      message.writeUInt32BE(next);
      waiting.set(next++, performance.now());
      socket.send(message, port, address);
    }
  };
  socket.on('message', (message) => {
    if (waiting.delete(message.readUInt32BE())) acked++;
    fill();
  });
  const timer = setInterval(() => {
    for (const [number, since] of waiting) {
      if (performance.now() - since < PATIENCE_MS) continue;
      waiting.delete(number);
      lost++;
    }
    fill();
    if (!ending || waiting.size > 0) return;
    clearInterval(timer);
    socket.close();
    process.stdout.write(`${JSON.stringify({ sent: next, acked, lost })}\n`);
  }, 50);
  process.on('SIGTERM', () => {
    ending = true;
  });
  socket.bind(() => {
    process.stdout.write('ready\n');
    fill();
  });
}

if (mode === 'echo') {
  echo(Number(words[0]));
  process.on('SIGTERM', () => socket.close());
} else send(words[0], Number(words[1]), Number(words[2]));
