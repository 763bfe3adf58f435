import { workerData } from 'node:worker_threads';
import { runWhenIdle } from '../../../native-free/priority.ts';
import { Ring } from '../../frame/ring.ts';
import { CaptureCount, Point } from '../../path/tap/record.ts';
import { Entry } from './entry.ts';
import { PcapngSheet } from './pcapng-sheet.ts';
import type { CaptureThreadSettings, FromCapture, ToCapture } from './settings.ts';
import { LineSheet, type SheetContext } from './sheet.ts';

/**
 * The thread of one capture: takes records out of the workers' rings and makes pieces of a file of them. It runs where nobody else wants the
 * processor, so that where processors are scarce it is the capture that loses frames, and counts them, not the switch.
 */
const settings = workerData as CaptureThreadSettings;
const { channel, most } = settings;

/** Looks at the rings so often when they are empty. */
const IDLE_MS = 5;
/** Pieces that may be under way to a reader that is slower. */
const MOST_UNWRITTEN = 16;

const rings = settings.rings.map((memory) => new Ring(memory));
const counts = settings.counts.map((memory) => new Float64Array(memory));
const written = new Map<number, number>();
const entry = new Entry();
let { names } = settings;
let unwritten = 0;
let total = 0;
let finishing = false;
let timer: NodeJS.Timeout | undefined;
let lastUs = settings.beganUs;

const sum = (row: number, which: number): number =>
  counts.reduce((all, cells) => all + cells[row * CaptureCount.WIDTH + which], 0);

const context: SheetContext = {
  tenant: settings.tenant,
  workers: rings.length,
  snap: settings.snap,
  originNs: settings.originNs,
  beganUs: settings.beganUs,
  application: settings.application,
  rows: settings.rows,
  nameOf: (row) => names.get(row) ?? `port ${row}`,
  count: (row) => ({
    seen: sum(row, CaptureCount.Seen),
    lost: sum(row, CaptureCount.Lost),
    written: written.get(row) ?? 0,
  }),
};
const sheet = settings.format === 'pcapng' ? new PcapngSheet(context) : new LineSheet(context, settings.format);

const post = (message: FromCapture): void => channel.postMessage(message);

function send(): void {
  if (sheet.isEmpty) return;
  const bytes = sheet.take();
  unwritten++;
  channel.postMessage({ type: 'piece', bytes } satisfies FromCapture, [bytes.buffer]);
}

const hasAll = (): boolean => most !== null && total >= most;

/** Takes the oldest record of all rings. @returns false when there is none */
function next(): boolean {
  let oldest = -1;
  let place = -1;
  let time = Number.POSITIVE_INFINITY;
  for (const [worker, ring] of rings.entries()) {
    const at = ring.peek();
    if (at < 0) continue;
    const when = Entry.timeAt(ring, at);
    if (when >= time) continue;
    [oldest, place, time] = [worker, at, when];
  }
  if (oldest < 0) return false;
  entry.read(rings[oldest], place, oldest);
  if (entry.point !== Point.Void) {
    sheet.add(entry);
    total++;
    lastUs = entry.timeUs;
    written.set(entry.place, (written.get(entry.place) ?? 0) + 1);
  }
  rings[oldest].pop();
  return true;
}

function turn(): void {
  clearTimeout(timer);
  let more = true;
  while (more && !hasAll() && !sheet.isFull && unwritten < MOST_UNWRITTEN) more = next();
  if (unwritten < MOST_UNWRITTEN) send();
  if (hasAll() && !finishing) post({ type: 'enough' });
  if (finishing && (!more || hasAll())) finish();
  else if (hasAll()) return;
  else if (unwritten >= MOST_UNWRITTEN) return;
  else if (more) setImmediate(turn);
  else timer = setTimeout(turn, IDLE_MS);
}

function finish(): void {
  send();
  sheet.end(Math.max(lastUs, settings.beganUs));
  send();
  const rows = counts[0].length / CaptureCount.WIDTH;
  let [seen, lost] = [0, 0];
  for (let row = 0; row < rows; row++) {
    seen += sum(row, CaptureCount.Seen);
    lost += sum(row, CaptureCount.Lost);
  }
  post({ type: 'end', tally: { seen, written: total, lost, left: seen - lost - total } });
  channel.close();
}

channel.on('message', (message: ToCapture) => {
  switch (message.type) {
    case 'written':
      // It waits for this only when too many were under way.
      if (unwritten-- === MOST_UNWRITTEN) turn();
      break;
    case 'names':
      names = message.names;
      break;
    default:
      finishing = true;
      if (unwritten < MOST_UNWRITTEN) turn();
  }
});

runWhenIdle();
turn();
