import { expect, test } from 'vitest';
import { number } from '../../src/openflow/datapath/match-words.ts';
import { type FlowMod, type Match, OpenFlowError } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { Random, seedOfRun } from '../fuzz/random.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';

const MATCHES = [
  ...['', 'ip', 'tcp', 'tcp,tp_dst=80', 'ip,nw_dst=10.0.0.0/8', 'ip,nw_dst=10.1.0.0/16', 'tcp,nw_dst=10.1.0.0/16'],
  ...[
    'in_port=1',
    'in_port=1,ip',
    'arp',
    'dl_vlan=7',
    'vlan_tci=0x1000/0x1000',
    'dl_src=02:00:00:00:00:00/ff:00:00:00:00:00',
  ],
];
const ACTIONS = ['drop', 'output:1', 'output:2', 'NORMAL'];

interface TwinRule {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  cookie: bigint;
  out: number;
}

/** Bit by bit: value and mask of each field that a match names. */
const bits = (match: Match) =>
  new Map(match.map(({ field, value, mask }) => [field.name, { value, mask: mask ?? value.map(() => 0xff) }]));

/** Whether `narrow` says all that `wide` does. */
function within(narrow: Match, wide: Match): boolean {
  const fine = bits(narrow);
  return [...bits(wide)].every(([name, { value, mask }]) => {
    const own = fine.get(name);
    return (
      own !== undefined &&
      mask.every((byte, k) => (byte & ~own.mask[k]) === 0 && ((value[k] ^ own.value[k]) & byte) === 0)
    );
  });
}

/** Whether no field keeps a frame from matching both. */
function meet(one: Match, other: Match): boolean {
  const second = bits(other);
  return [...bits(one)].every(([name, { value, mask }]) => {
    const own = second.get(name);
    return own === undefined || mask.every((byte, k) => ((value[k] ^ own.value[k]) & byte & own.mask[k]) === 0);
  });
}

/** The rules of section 6.4, on a plain list. @returns false when the change is refused */
function change(rules: TwinRule[], mod: FlowMod, out: number): boolean {
  const strict = mod.command.endsWith('strict');
  const same = (rule: TwinRule) =>
    rule.table === mod.table &&
    rule.priority === mod.priority &&
    within(rule.match, mod.match) &&
    within(mod.match, rule.match);
  if (mod.command === 'add') {
    const old = rules.findIndex(same);
    if (
      (mod.flags & 2) !== 0 &&
      rules.some((rule) => rule.table === mod.table && rule.priority === mod.priority && meet(rule.match, mod.match))
    )
      return false;
    if (old >= 0) rules.splice(old, 1);
    rules.push({ table: mod.table, priority: mod.priority, match: mod.match, cookie: mod.cookie, out });
    return true;
  }
  const chosen = rules.filter(
    (rule) =>
      (mod.table === 0xff || rule.table === mod.table) &&
      ((rule.cookie ^ mod.cookie) & mod.cookieMask) === 0n &&
      (strict ? same({ ...rule, table: mod.table }) : within(rule.match, mod.match)),
  );
  for (const rule of chosen)
    if (mod.command.startsWith('delete')) rules.splice(rules.indexOf(rule), 1);
    else rule.out = out;
  return true;
}

test('rules are added, changed, refused and deleted as by a plain list of them', () => {
  const seed = seedOfRun();
  const random = new Random(seed);
  const { datapath } = new OpenFlowRig();
  const rules: TwinRule[] = [];
  const sorted = (list: readonly (readonly unknown[])[]) => list.map((row) => row.join(' ')).sort();
  for (let step = 0; step < 4000; step++) {
    const command = (['add', 'add', 'add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const)[
      random.below(7)
    ];
    const out = random.below(ACTIONS.length);
    const head = `priority=${random.below(4)}`;
    const text = [head, MATCHES[random.below(MATCHES.length)], `actions=${ACTIONS[out]}`]
      .filter((part) => part !== '')
      .join(',');
    const mod: FlowMod = {
      ...parseFlow(text, 'add'),
      ...{ command, table: random.below(3), cookie: BigInt(random.below(4)), flags: random.below(4) === 0 ? 2 : 0 },
      cookieMask: command === 'add' ? 0n : BigInt(random.below(3)),
    };
    let done = true;
    try {
      datapath.flowMod(mod, 'controller');
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error;
      done = false;
      expect([error.type, error.code]).toEqual([5, 3]);
    }
    // A refusal for overlap is for an addition to say: to the others the flag means nothing.
    expect(done, `seed ${seed}, step ${step}: ${command} ${text}`).toBe(change(rules, mod, out));
    const name = (match: Match) =>
      match
        .map(
          ({ field, value, mask }) => `${field.name}=${number(value, 0, 4)}/${mask === null ? '' : number(mask, 0, 4)}`,
        )
        .sort()
        .join();
    const every = { table: 0xff, match: [], cookie: 0n, cookieMask: 0n, outPort: 0xffffffff, outGroup: 0xffffffff };
    const ours = [...datapath.statistics.flowStats(every)].map(
      ({ table, priority, match, cookie, instructions }) =>
        [table, priority, name(match), cookie, JSON.stringify(instructions, plain)] as const,
    );
    const theirs = rules.map(
      (rule) =>
        [
          rule.table,
          rule.priority,
          name(rule.match),
          rule.cookie,
          JSON.stringify(parseFlow(`actions=${ACTIONS[rule.out]}`, 'add').instructions, plain),
        ] as const,
    );
    expect(sorted(ours), `seed ${seed}, step ${step}: ${command} ${text}`).toEqual(sorted(theirs));
  }
});

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
