/**
 * Program: datagrams at a rate from one namespace to another through a switch, and how long some of them took: from the clock just before they are
 * sent to the kernel's own stamp of their arrival, so that it does not matter when this program has a processor again. A JSON line at the end.
 */
import { breathe, end, listenForStop, readArguments, say, stop } from '../lab/traffic/arguments.ts';
import { openSockets, SegmentSender } from '../lab/traffic/senders.ts';
import { OpenLoop } from './open-loop.ts';
import { Probe } from './probe.ts';
import { quantile } from './statistics.ts';

const options = readArguments({ to: '10.0.0.2', port: 7000, pps: 1000, seconds: 5, sink: '', run: 1 });
/** Sleep between two looks at the clock; events of the program run now and then. */
const TICK_MS = 0.2;
const BREATH = 500;
const PAYLOAD = 18;
const MOST_AT_ONCE = 32;

listenForStop();
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const sockets = openSockets({ to: options.to, port: options.port, from: 20_000, flows: 1, run: options.run });
const sender = new SegmentSender(sockets, options.run, PAYLOAD, MOST_AT_ONCE);
const probe = new Probe(options.to, options.port + 1, options.sink);
const began = performance.now();
const loop = new OpenLoop(options.pps, began);
let sent = 0;
for (let tick = 1; !stop.asked && performance.now() - began < options.seconds * 1000; tick++) {
  if (tick % BREATH === 0) await breathe();
  if (tick % 2 === 0) probe.send();
  for (let due = loop.due(performance.now()); due > 0; due -= MOST_AT_ONCE) {
    const taken = Math.max(0, sender.send(0, sent, Math.min(due, MOST_AT_ONCE)));
    sent += taken;
    loop.sent(Math.min(due, MOST_AT_ONCE));
  }
  probe.receive();
  Atomics.wait(sleeper, 0, 0, TICK_MS);
}
const seconds = (performance.now() - began) / 1000;
for (let k = 0; k < 20; k++) {
  Atomics.wait(sleeper, 0, 0, 10);
  probe.receive();
}
const [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1].map((share) => quantile(probe.delaysMs, share));
say({ sent, seconds, p50, p99, p999, most, probes: probe.sent, probesBack: probe.delaysMs.length });
end(0);
