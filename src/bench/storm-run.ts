/** Program: a controller that asks too much of the switch that listens at a unix socket, until its standard input ends; then a report as JSON. */
import { createConnection } from 'node:net';
import { type Storm, StormController } from './storm-controller.ts';

const TICK_MS = 2;

const [path, storm, perSecond] = process.argv.slice(2) as [string, Storm, string];
const socket = createConnection(path);
socket.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
socket.once('connect', () => {
  const controller = new StormController(socket, storm, Number(perSecond));
  setInterval(() => controller.tick(performance.now()), TICK_MS);
  process.stdin.on('end', () => {
    process.stdout.write(JSON.stringify(controller.report));
    process.exit(0);
  });
  process.stdin.resume();
});
