import { connect } from 'node:net';
import { end, listenForStop, readArguments, say, stop } from './arguments.ts';
import { checkBlocks } from './pattern.ts';

/** Receives the TCP stream of a `tcp-send`, compares the numbers of its blocks, and says how fast it came. */
const options = readArguments({ from: '10.0.0.1', port: 7001, seconds: 60 });

listenForStop();
const buffer = Buffer.allocUnsafe(1 << 20);
const check = { at: 0, compared: 0, wrong: 0 };
let started = performance.now();

function finish(): void {
  const seconds = Math.max(0.001, (performance.now() - started) / 1000);
  const { at: bytes, compared, wrong } = check;
  say({ bytes, seconds, gbits: (bytes * 8) / seconds / 1e9, compared, wrong });
  end(wrong === 0 && bytes > 0 ? 0 : 1);
}

const onread = {
  buffer,
  callback: (length: number) => {
    checkBlocks(check, buffer, length);
    return true;
  },
};
const socket = connect({ host: options.from, port: options.port, onread });
socket.on('connect', () => {
  started = performance.now();
});
socket.on('error', (error) => process.stderr.write(`tcp-receive: ${error.message}\n`));
socket.on('close', finish);
setTimeout(() => socket.destroy(), options.seconds * 1000).unref();
setInterval(() => stop.asked && socket.destroy(), 50).unref();
