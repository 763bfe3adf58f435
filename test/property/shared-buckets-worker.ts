import { parentPort, workerData } from 'node:worker_threads';
import { SharedBuckets, type SharedBucketsHandles } from '../../src/table/shared-buckets.ts';

/** Takes whatever it can get in each step of a clock of its own, which no other worker waits for. */
const { handles, begin, untilUs } = workerData as { handles: SharedBucketsHandles; begin: Int32Array; untilUs: number };
const buckets = SharedBuckets.attach(handles);
Atomics.wait(begin, 0, 0);
let passed = 0;
for (let nowUs = 0; nowUs < untilUs; nowUs += 5) {
  for (let i = 0; i < 20; i++) if (buckets.take(0, 1, nowUs)) passed++;
}
parentPort?.postMessage(passed);
