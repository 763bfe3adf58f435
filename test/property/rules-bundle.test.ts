import { describe, expect, it } from 'vitest';
import { createRulesImage } from '../../src/openflow/datapath/counters.ts';
import { Datapath } from '../../src/openflow/datapath/datapath.ts';
import type { FlowCommand } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { KEY_WORDS, KeyWord } from '../../src/path/rules/layout.ts';
import type { RulesImage } from '../../src/path/rules/log.ts';
import { RuleStore } from '../../src/path/rules/store.ts';
import { Random, seedOfRun } from '../fuzz/random.ts';

const seed = seedOfRun();
const KEYS = 48;
const BUNDLES = 40;
const sink = { packetOut: () => {} };

function datapathOf(image: RulesImage): Datapath {
  const none = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, rxDropped: 0 };
  const host = { nowMs: () => 0, wake: () => {}, portCounts: () => none };
  return new Datapath(1n, 'red', image, host, 100_000);
}

/** What every key meets: the program of its rule, and the buckets of the group. */
function seen(store: RuleStore): string {
  const key = new Int32Array(KEY_WORDS);
  const found = Array.from({ length: KEYS }, (_, port) => {
    key[KeyWord.InPort] = port;
    const rule = store.tables[0]?.match(key) ?? -1;
    return rule < 0 ? '-' : store.programs.words.slice(store.at[rule], store.at[rule] + store.length[rule]).join();
  });
  const buckets = store.groups[0]?.buckets.map(({ at, length }) => store.programs.words.slice(at, at + length).join());
  return `${found.join('; ')} ${buckets?.join() ?? 'none'}`;
}

describe(`bundles of changes (TAPYARD_SEED=${seed})`, () => {
  it('are there at once, whenever a worker is looked at', () => {
    const random = new Random(seed);
    const image = createRulesImage(1);
    const store = new RuleStore(image.workers[0]);
    const datapath = datapathOf(image);
    datapath.groupMod(parseGroup('group_id=1,type=all,bucket=output:1', 'add'), 'cli');
    let steps = 0;
    let turned = 0;
    for (let bundle = 0; bundle < BUNDLES; bundle++) {
      while (store.apply(1, sink) > 0);
      const before = seen(store);
      datapath.together(() => {
        const count = 2 + random.below(400);
        for (let k = 0; k < count; k++) datapath.flowMod(change(random), 'controller');
        const buckets = `group_id=1,type=all,bucket=output:${1 + random.below(9)}`;
        if (random.below(2) === 0) datapath.groupMod(parseGroup(buckets, 'modify'), 'controller');
      });
      const fresh = new RuleStore(createRulesImage(1).workers[0]);
      fresh.load(datapath.records());
      const after = seen(fresh);
      let now = before;
      while (store.waiting) {
        store.apply(1, sink);
        steps++;
        const next = seen(store);
        if (next === now) continue;
        expect(now).toBe(before);
        expect(next).toBe(after);
        now = next;
        turned++;
      }
      expect(now).toBe(after);
      expect(store.size).toBe(fresh.size);
      expect(store.single).toBe(fresh.single);
    }
    expect(turned).toBeGreaterThan(BUNDLES / 2);
    expect(steps).toBeGreaterThan(BUNDLES * 2);
  });
});

function change(random: Random) {
  const match = `priority=${random.below(3)},in_port=${random.below(KEYS)}`;
  const commands: FlowCommand[] = ['add', 'add', 'add', 'modify_strict', 'delete_strict'];
  const command = commands[random.below(commands.length)];
  if (command === 'delete_strict') return parseFlow(match, command);
  return parseFlow(
    `${match},actions=${random.below(3) === 0 ? 'group:1' : `output:${1 + random.below(500)}`}`,
    command,
  );
}
