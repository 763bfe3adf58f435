import { parseArgs } from 'node:util';
import { PollSet } from '../../../native-free/poll.ts';
import { allowEcho, echoRequest, isEchoReply } from './echo.ts';
import { addressOf, Socket } from './sockets.ts';

/**
 * Round trips where the machine has no ping(8): takes its -c, -i and -q, prints `time=` lines as it does. It waits in poll(2), so that
 * the event loop does not count as a round trip.
 */
const { values, positionals } = parseArgs({
  options: {
    count: { type: 'string', short: 'c', default: '4' },
    interval: { type: 'string', short: 'i', default: '1' },
    quiet: { type: 'boolean', short: 'q', default: false },
  },
  allowPositionals: true,
});
const POLLIN = 1;
const PATIENCE_MS = 1000;

const to = positionals[0] ?? '';
const { family } = addressOf(to);
allowEcho();
const socket = new Socket('echo', family);
socket.connect(to, 0);
const ready = new PollSet(1);
ready.set(0, socket.fd, POLLIN);
const nap = new Int32Array(new SharedArrayBuffer(4));
let received = 0;

function answered(sequence: number, start: number): boolean {
  while (performance.now() - start < PATIENCE_MS) {
    ready.wait(1, PATIENCE_MS);
    const got = socket.receive();
    if (typeof got !== 'number' && isEchoReply(got, family, sequence)) return true;
  }
  return false;
}

for (let sequence = 1; sequence <= Number(values.count); sequence++) {
  const start = performance.now();
  socket.send(echoRequest(family, sequence));
  if (answered(sequence, start)) {
    received++;
    const ms = performance.now() - start;
    if (!values.quiet) process.stdout.write(`64 bytes from ${to}: icmp_seq=${sequence} time=${ms.toFixed(3)} ms\n`);
  }
  Atomics.wait(nap, 0, 0, Number(values.interval) * 1000);
}
process.stdout.write(`${values.count} packets transmitted, ${received} received\n`);
process.exitCode = received > 0 ? 0 : 1;
