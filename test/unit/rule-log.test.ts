import { expect, it } from 'vitest';
import { createRulesImage } from '../../src/openflow/datapath/counters.ts';
import { RuleLog } from '../../src/openflow/datapath/rule-log.ts';
import { CATCH_UP, LogRecord } from '../../src/path/rules/log.ts';
import { RuleStore } from '../../src/path/rules/store.ts';

const sink = { packetOut: () => {} };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A log with two workers, of which some sleep. */
function rig(asleep: readonly number[]) {
  const image = createRulesImage(2);
  const stores = image.workers.map((worker) => new RuleStore(worker));
  const woken: number[] = [];
  const log = new RuleLog(
    image,
    (worker) => woken.push(worker),
    (worker) => asleep.includes(worker),
  );
  return { log, stores, woken };
}

it('asks nobody who sleeps and wakes nobody for little, since it is carried out before the next frame', async () => {
  const { log, stores, woken } = rig([0, 1]);
  log.write([LogRecord.Mode, 1, 0, 64]);
  expect(log.barrier()).toBeNull();
  await turn();
  expect(woken).toEqual([]);
  // One turn of a worker, however few records it may take, sees to all of it.
  for (const store of stores) {
    store.apply(1, sink);
    expect(store.waiting).toBe(false);
    expect(store.standalone).toBe(true);
  }
});

it('waits for who is awake, and wakes who sleeps on much', async () => {
  const { log, stores, woken } = rig([1]);
  log.write([LogRecord.Mode, 1, 0, 64]);
  const passed = log.barrier();
  expect(passed).not.toBeNull();
  expect(woken).toEqual([0]);
  stores[0].apply(1, sink);
  await passed;
  woken.length = 0;
  for (let words = 0; words * 4 < CATCH_UP; words += 4) log.write([LogRecord.Mode, 1, 0, 64]);
  await turn();
  expect(woken).toEqual([0, 1]);
});

it('wakes the first worker for a frame that it is to send', async () => {
  const { log, woken } = rig([0, 1]);
  log.packetOut(1, [], new Uint8Array(60));
  await turn();
  expect(woken).toEqual([0]);
});
