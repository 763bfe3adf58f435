import { breathe, end, listenForStop, readArguments, say, stop } from './arguments.ts';
import { SHORTEST } from './pattern.ts';
import { DeviceSender, openSockets, SocketSender, SuperSender } from './senders.ts';
import { addressOf } from './sockets.ts';

/**
 * Sends sequence-numbered datagrams in many flows (a source port each), at full speed or paced, to a `udp-sink`: through sockets,
 * or with `--device` straight into a device. Every `super`-th turn of a flow is a super-frame. At the end one JSON line says what
 * was sent.
 */
const options = readArguments({
  to: '10.0.0.2',
  port: 7000,
  from: 20_000,
  flows: 1,
  /** Bytes of an Ethernet frame without FCS: 60 and more. */
  length: 60,
  frames: 2 ** 31 - 1,
  seconds: 10,
  /** Frames a second; 0: as fast as the kernel takes them. */
  pps: 0,
  /** Datagrams of a flow in a row. */
  batch: 32,
  /** 0: no super-frames. */
  super: 0,
  run: 1,
  device: '',
  source: '10.0.0.1',
  'source-mac': '02:00:00:00:00:01',
  'destination-mac': '02:00:00:00:00:02',
});

/** Turns between two looks at the events of the program. */
const BREATH = 512;
const PACE_MS = 0.2;
const HEADERS = { 4: 42, 6: 62 } as const;

listenForStop();
const { flows, batch, run, device } = options;
const payload = Math.max(SHORTEST, options.length - HEADERS[addressOf(options.to).family]);
const sockets = device === '' || options.super > 0 ? openSockets(options) : [];
const wire = {
  device,
  source: options.source,
  sourceMac: options['source-mac'],
  destinationMac: options['destination-mac'],
};
const single =
  device === '' ? new SocketSender(sockets, run, payload, batch) : new DeviceSender(options, wire, payload, batch);
const large = options.super > 0 ? new SuperSender(sockets, run) : null;
const next = new Int32Array(flows);
const nap = new Int32Array(new SharedArrayBuffer(4));
const report = { sent: 0, superFrames: 0, refused: 0, seconds: 0 };

const start = performance.now();
for (let turn = 0; report.sent < options.frames && !stop.asked; turn++) {
  if (turn % BREATH === BREATH - 1) await breathe();
  const elapsed = performance.now() - start;
  if (elapsed >= options.seconds * 1000) break;
  if (options.pps > 0 && report.sent * 1000 > elapsed * options.pps) {
    Atomics.wait(nap, 0, 0, PACE_MS);
    continue;
  }
  const flow = turn % flows;
  // Rounds decide, not turns, so that every flow has its super-frames.
  const asSuper = large !== null && Math.floor(turn / flows) % options.super === options.super - 1;
  const most = Math.min(batch, options.frames - report.sent);
  const sent = asSuper ? large.send(flow, next[flow]) : single.send(flow, next[flow], most);
  if (sent <= 0) {
    report.refused++;
    continue;
  }
  if (asSuper) report.superFrames++;
  next[flow] += sent;
  report.sent += sent;
}
report.seconds = (performance.now() - start) / 1000;
say({ ...report, pps: Math.round(report.sent / report.seconds), flows: Array.from(next) });
end(0);
