import { PollSet } from '../../../native-free/poll.ts';
import { breathe, end, listenForStop, readArguments, say, stop } from './arguments.ts';
import { Messages } from './messages.ts';
import { flowOf, isIntact, sequenceOf } from './pattern.ts';
import { SequenceCheck } from './sequence.ts';
import { Socket, SocketOption } from './sockets.ts';

/**
 * Receives what `udp-flood` sends and checks each datagram: sequence number in its flow, every byte of the payload. Says
 * `{"listening": port}` once it is bound, and at the end one JSON line: delivered, lost, doubled, out of order, corrupt, and what
 * its own socket had to drop, which no switch is to blame for.
 */
const options = readArguments({
  bind: '0.0.0.0',
  port: 7000,
  flows: 1024,
  /** Ends when so many have come. */
  frames: 2 ** 31 - 1,
  seconds: 3600,
  /** Ends when after the first datagram none has come for so long. */
  idle: 1,
  run: 1,
});

const BATCH = 256;
const LONGEST = 2048;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const WAIT_MS = 50;
const BREATH_MS = 100;
const RECEIVE_BUFFER = 256 << 20;

listenForStop();
const socket = new Socket('udp', options.bind.includes(':') ? 6 : 4);
socket.set(SocketOption.ReceiveBufferForce, RECEIVE_BUFFER);
socket.bind(options.bind, options.port);
const messages = new Messages(BATCH, LONGEST);
const check = new SequenceCheck(options.flows);
const ready = new PollSet(1);
ready.set(0, socket.fd, POLLIN);
let corrupt = 0;
let bytes = 0;

function take(count: number): void {
  const { bytes: data } = messages;
  for (let i = 0; i < count; i++) {
    const at = i * LONGEST;
    const length = messages.length(i);
    bytes += length;
    const flow = isIntact(data, at, length, options.run) ? flowOf(data, at) : -1;
    if (flow < 0 || flow >= options.flows) corrupt++;
    else check.add(flow, sequenceOf(data, at));
  }
}

say({ listening: options.port });
const opened = performance.now();
let first = 0;
let last = 0;
let breath = opened;
while (!stop.asked && check.received < options.frames) {
  const now = performance.now();
  if (now - opened > options.seconds * 1000 || (last > 0 && now - last > options.idle * 1000)) break;
  if (now - breath > BREATH_MS) {
    breath = now;
    await breathe();
  }
  const count = messages.receive(socket.fd, MSG_DONTWAIT);
  if (count <= 0) {
    ready.wait(1, WAIT_MS);
    continue;
  }
  if (first === 0) first = now;
  last = now;
  take(count);
}
const seconds = Math.max(0.001, (last - first) / 1000);
const { received, lost, duplicated, outOfOrder } = check;
say({
  received,
  lost,
  duplicated,
  outOfOrder,
  corrupt,
  socketDrops: socket.drops(),
  bytes,
  seconds,
  pps: Math.round(received / seconds),
  flows: check.next.filter((count) => count > 0).length,
});
end(0);
