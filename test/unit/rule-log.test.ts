import { expect, it } from 'vitest';
import { createRulesImage } from '../../src/openflow/datapath/counters.ts';
import { RuleLog } from '../../src/openflow/datapath/rule-log.ts';
import { CATCH_UP, LogRecord } from '../../src/path/rules/log.ts';
import { RuleStore } from '../../src/path/rules/store.ts';

const sink = { packetOut: () => {} };
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A log with two workers, of which some have frames in hand. */
function rig(looking: readonly number[]) {
  const image = createRulesImage(2);
  const stores = image.workers.map((worker) => new RuleStore(worker));
  const woken: number[] = [];
  const log = new RuleLog(image, (worker) => woken.push(worker));
  for (const worker of looking) stores[worker].look();
  return { log, stores, woken };
}

it('asks nobody who has no frame in hand and wakes nobody for little, since it is carried out before the next frame', async () => {
  const { log, stores, woken } = rig([]);
  log.write([LogRecord.Mode, 1, 0, 64]);
  expect(log.barrier()).toBeNull();
  await turn();
  expect(woken).toEqual([]);
  // Whoever looks at a frame next sees to all of it.
  for (const store of stores) {
    if (store.look()) store.apply(1, sink);
    expect(store.waiting).toBe(false);
    expect(store.standalone).toBe(true);
  }
});

it('waits for who has frames in hand, until it has carried it out or put them away', async () => {
  const { log, stores, woken } = rig([0]);
  log.write([LogRecord.Mode, 1, 0, 64]);
  const passed = log.barrier();
  expect(passed).not.toBeNull();
  expect(woken).toEqual([0]);
  stores[0].apply(1, sink);
  await passed;
  log.write([LogRecord.Mode, 0, 0, 64]);
  const next = log.barrier();
  expect(next).not.toBeNull();
  stores[0].lookAway();
  await next;
  expect(stores[0].standalone).toBe(true);
});

it('wakes once, in time, when there is more to do, and waits when there is much', async () => {
  const { log, stores, woken } = rig([]);
  const mode = () => log.write([LogRecord.Mode, 1, 0, 64]);
  for (let bytes = 0; bytes < (CATCH_UP >> 1) - 100; bytes += 24) mode();
  expect(woken).toEqual([]);
  for (let bytes = 0; bytes < 200; bytes += 24) mode();
  expect(woken).toEqual([0, 1]);
  expect(log.barrier()).toBeNull();
  for (let bytes = 0; bytes < CATCH_UP; bytes += 24) mode();
  const passed = log.barrier();
  expect(passed).not.toBeNull();
  for (const store of stores) while (store.waiting) store.apply(1, sink);
  await passed;
});

it('wakes the first worker for a frame that it is to send', async () => {
  const { log, woken } = rig([]);
  log.packetOut(1, [], new Uint8Array(60));
  await turn();
  expect(woken).toEqual([0]);
});

it('waits for what is behind a large bundle until that is done with', async () => {
  const { log, stores } = rig([]);
  const remove = (count: number) => {
    log.hold();
    for (let rule = 0; rule < count; rule++) log.write([LogRecord.RuleSet, rule, 0, 1, 0, 0, 0]);
    log.release(true);
    log.hold();
    for (let rule = 0; rule < count; rule++) log.write([LogRecord.RuleRemove, rule]);
    log.release(true);
  };
  const many = 3000;
  remove(many);
  log.write([LogRecord.Mode, 1, 0, 64]);
  let passed = log.barrier();
  while (passed !== null) {
    for (const store of stores) store.apply(1, sink);
    passed = log.barrier();
  }
  for (const store of stores) {
    if (store.look()) store.apply(1, sink);
    expect(store.standalone).toBe(true);
    expect(store.size).toBe(0);
    store.lookAway();
  }
});
