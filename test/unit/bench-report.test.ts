import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readClassBench } from '../../src/bench/classbench.ts';
import { maskedOf } from '../../src/bench/five-tuple.ts';
import type { Machine } from '../../src/bench/machine.ts';
import { reportOf } from '../../src/bench/report.ts';
import { atLeast, atMost, quantile, summarise } from '../../src/bench/statistics.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapyard-report-'));
afterAll(() => rmSync(folder, { recursive: true }));
const machine: Machine = { processor: 'P <1>', processors: 2, memoryGiB: 4, kernel: '6.18', node: 'v26', load: 0.1 };

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('a report holds bars, a plot a load with every round, and the raw result; nothing is fetched', () => {
  const result = {
    verified: true,
    bars: [atLeast('rate', 2, 1.5, 'why'), atMost('time', 3, 1, 'why')],
    medians: { tapyard: { '60 B': summarise([1, 3, 2]) }, ovs: { '60 B': summarise([1, 1, 1]) } },
  };
  const html = reportOf([file('tap.json', JSON.stringify(result))], machine, new Date(0));
  expect(html).toContain('P &#60;1&#62;');
  expect(html.match(/<svg /g)).toHaveLength(1);
  expect(html.match(/<circle /g)).toHaveLength(6);
  expect(html).toContain('<td class="held">held</td><td>rate</td>');
  expect(html).toContain('<td class="missed">missed</td><td>time</td>');
  expect(html).not.toMatch(/https?:|<script|<link|<img/);
});

test('what is no result is an error that names the file', () => {
  expect(() => reportOf([file('bad.json', '[1]')], machine, new Date(0))).toThrow(/bad\.json is no result/);
  expect(() => reportOf([join(folder, 'none.json')], machine, new Date(0))).toThrow(/cannot read/);
});

test('quantiles are values that were measured', () => {
  expect([0, 0.1, 0.5, 0.9, 1].map((share) => quantile([5, 1, 4, 2, 3], share))).toEqual([1, 1, 3, 5, 5]);
});

test('a ClassBench line is read, and a wrong one named with its place', () => {
  const right = '@10.0.0.1/8\t10.1.0.0/16\t0 : 65535\t1024 : 65535\t0x06/0xFF\t0x0000/0x0200\t\n';
  const [rule] = readClassBench(file('right', right));
  expect(rule).toEqual({
    ...{ source: 0x0a000000, sourceLength: 8, destination: 0x0a010000, destinationLength: 16, protocol: 6 },
    ...{ sourcePorts: [0, 65535], destinationPorts: [1024, 65535] },
  });
  // 1024 to 65535 is six values with masks.
  expect(maskedOf(rule).map((triples) => triples.length / 3)).toEqual([4, 4, 4, 4, 4, 4]);
  expect(() => readClassBench(file('wrong', `${right}@10.0.0.1/33 nonsense\n`))).toThrow(
    /wrong:2: this is no ClassBench rule/,
  );
});
