import { parentPort, workerData } from 'node:worker_threads';
import { MacEvent, MacTable, type MacTableHandles } from '../../src/table/mac-table.ts';

/** Learns and looks up address n, which is only ever seen on ports n % 8 and n % 8 + 8: any other port is a torn entry. */
const { handles, index, progress } = workerData as { handles: MacTableHandles; index: number; progress: Int32Array };
const table = MacTable.attach(handles);
let wrong = 0;
let x = index + 1;
while (Atomics.load(progress, 0) === 0) {
  const nowMs = (performance.timeOrigin + performance.now()) | 0;
  for (let i = 0; i < 256; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    const n = (x >>> 8) % 4000;
    if (x >>> 28 < 8) {
      const event = table.learn(0x0200, n, 1 + (n & 3), (n % 8) + ((x >>> 21) & 8), nowMs);
      if (event === MacEvent.Added || event === MacEvent.Moved) progress[4 + index]++;
    } else {
      const entry = table.lookup(0x0200, n, 1 + (n & 3));
      if (entry === -1) continue;
      progress[1 + index]++;
      if (table.port(entry) % 8 !== n % 8) wrong++;
    }
  }
}
parentPort?.postMessage(wrong);
