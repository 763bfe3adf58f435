import { parentPort, workerData } from 'node:worker_threads';
import { NeighborTable, type NeighborTableHandles } from '../../src/table/neighbor-table.ts';

/** Looks neighbours up; the low part of each MAC must follow from its high part and the address. */
const { handles, index, progress } = workerData as {
  handles: NeighborTableHandles;
  index: number;
  progress: Int32Array;
};
const table = NeighborTable.attach(handles);
let wrong = 0;
while (Atomics.load(progress, 0) === 0) {
  for (let n = 0; n < 64; n++) {
    const entry = table.find(1, 0, 0, 0xffff, n);
    if (entry === -1 || !table.usable(entry)) continue;
    progress[1 + index]++;
    const high = table.macHi(entry);
    if (table.macLo(entry) !== (Math.imul(high, 65537) ^ n)) wrong++;
    table.markUsed(entry);
  }
}
parentPort?.postMessage(wrong);
