import { breathe, end, listenForStop, readArguments, say, stop } from './arguments.ts';
import { SHORTEST } from './pattern.ts';
import { openSockets, SegmentSender } from './senders.ts';
import { addressOf } from './sockets.ts';

/**
 * Sends sequence-numbered datagrams in many flows (a source port each) through UDP sockets, as fast as the kernel takes them or paced:
 * several at a time, which the kernel cuts apart before the device (UDP_SEGMENT), since else the sender's IP stack would cost more than
 * the switch that is measured. The device must not take super-datagrams itself (`tx-udp-segmentation off`). At the end one JSON
 * line says what was sent.
 */
const options = readArguments({
  to: '10.0.0.2',
  port: 7000,
  from: 20_000,
  flows: 1,
  /** Bytes of an Ethernet frame without FCS: 60 and more; 0: the Internet mix, 7 × 60, 4 × 590, 1 × 1514. */
  length: 60,
  frames: 2 ** 31 - 1,
  seconds: 10,
  /** Frames a second; 0: as fast as the kernel takes them. */
  pps: 0,
  run: 1,
});

/** Turns between two looks at the events of the program. */
const BREATH = 2048;
const HEADERS = { 4: 42, 6: 62 } as const;
const IMIX = [60, 590, 60, 60, 590, 60, 1514, 60, 590, 60, 590, 60];
/** Datagrams at a time: of one flow many; of many flows few, or they would be one flow for so long; paced, what is due in 100 µs. */
const AT_ONCE = { one: 64, many: 8 };
const PACE_SECONDS = 1e-4;

listenForStop();
const { flows, run, pps } = options;
const unpaced = flows === 1 ? AT_ONCE.one : AT_ONCE.many;
const atOnce = pps === 0 ? unpaced : Math.max(1, Math.min(unpaced, Math.floor(pps * PACE_SECONDS)));
const payloadOf = (length: number) => Math.max(SHORTEST, length - HEADERS[addressOf(options.to).family]);
const lengths = options.length === 0 ? IMIX : [options.length];
const sockets = openSockets(options);
const senders = new Map(
  [...new Set(lengths)].map((length) => [length, new SegmentSender(sockets, run, payloadOf(length), atOnce)]),
);
const order = lengths.map((length) => senders.get(length) as SegmentSender);
const next = new Int32Array(flows);
const report = { sent: 0, refused: 0, seconds: 0 };

const start = performance.now();
for (let turn = 0; report.sent < options.frames && !stop.asked; turn++) {
  if (turn % BREATH === BREATH - 1) await breathe();
  const elapsed = performance.now() - start;
  if (elapsed >= options.seconds * 1000) break;
  if (pps > 0 && report.sent * 1000 > elapsed * pps) continue;
  const flow = turn % flows;
  const sender = order[turn % order.length];
  const sent = sender.send(flow, next[flow], Math.min(sender.most, options.frames - report.sent));
  if (sent <= 0) {
    report.refused++;
    continue;
  }
  next[flow] += sent;
  report.sent += sent;
}
report.seconds = (performance.now() - start) / 1000;
say({ ...report, pps: Math.round(report.sent / report.seconds) });
end(0);
