import { describe, expect, test } from 'vitest';
import { type Import, importsOf, sources } from '../support/sources.ts';

/**
 * The layers, from the bottom up: a folder or file, and what it may import besides itself and libraries. Each may name only
 * what stands before it, so that imports go one way; the longest prefix decides. Imports of types count too.
 */
const LAYERS: readonly (readonly [prefix: string, may: readonly string[]])[] = [
  ['native-free/', []],
  ['src/errors.ts', []],
  // What JSON can say: a type.
  ['src/json.ts', []],
  // How V8 is made to take arrays for constants.
  ['src/own-text.ts', []],
  ['src/wire/', []],
  ['src/table/', ['src/own-text.ts']],
  ['src/observe/', []],
  ['src/frame/', ['src/own-text.ts']],
  ['src/port/', ['native-free/', 'src/own-text.ts', 'src/wire/', 'src/observe/', 'src/frame/']],
  // Of a port the path knows the bits that say what a device can carry.
  ['src/path/', ['src/wire/', 'src/table/', 'src/observe/', 'src/frame/', 'src/port/port.ts']],
  // The thread of a worker reads the clock for it, sees to its memory, and plays to itself between sockets.
  [
    'src/worker/',
    [
      'native-free/clock.ts',
      'native-free/eventfd.ts',
      'native-free/huge-pages.ts',
      'native-free/priority.ts',
      'native-free/socket-pair.ts',
      'src/wire/',
      'src/table/',
      'src/observe/',
      'src/frame/',
      'src/port/',
      'src/path/',
    ],
  ],
  // The slow path knows what the workers punt, and nothing else of the path.
  ['src/slow/', ['src/wire/', 'src/table/', 'src/observe/', 'src/frame/', 'src/path/punt.ts']],
  // Rules of the control side: compiled into what the path's rule stages read.
  [
    'src/openflow/',
    ['src/errors.ts', 'src/json.ts', 'src/wire/', 'src/table/', 'src/observe/', 'src/frame/', 'src/path/'],
  ],
  ['src/control/config/', ['src/errors.ts', 'src/wire/', 'src/openflow/']],
  // The control socket: it knows nothing of what it carries.
  ['src/control/rpc', ['src/errors.ts', 'src/json.ts']],
  // The model of a configuration is what tenants are compiled from; the rest of src/control is above them.
  [
    'src/tenant/',
    [
      ...['src/errors.ts', 'src/wire/', 'src/table/', 'src/observe/', 'src/frame/', 'src/path/', 'src/slow/'],
      ...['src/control/config/', 'src/json.ts', 'src/openflow/'],
    ],
  ],
  [
    'src/control/',
    [
      ...['native-free/', 'src/errors.ts', 'src/wire/', 'src/table/', 'src/observe/', 'src/frame/', 'src/port/'],
      ...[
        'src/path/',
        'src/worker/',
        'src/slow/',
        'src/openflow/',
        'src/control/config/',
        'src/control/rpc',
        'src/json.ts',
        'src/tenant/',
      ],
    ],
  ],
  ['src/lab/traffic/', ['native-free/', 'src/errors.ts', 'src/wire/', 'src/control/config/']],
  // Text in columns, of what the control side shows.
  ['src/cli/table.ts', ['src/json.ts', 'src/control/']],
  [
    'src/lab/',
    [
      ...['native-free/', 'src/errors.ts', 'src/wire/', 'src/observe/', 'src/tenant/', 'src/control/'],
      ...['src/json.ts', 'src/lab/traffic/', 'src/cli/table.ts', 'src/openflow/'],
    ],
  ],
  ['src/api/', ['src/errors.ts', 'src/observe/', 'src/path/image.ts', 'src/tenant/', 'src/control/']],
  [
    'src/bench/',
    [
      ...['native-free/', 'src/errors.ts', 'src/json.ts', 'src/wire/', 'src/table/', 'src/observe/', 'src/port/'],
      ...['src/control/', 'src/openflow/', 'src/lab/'],
    ],
  ],
  [
    'src/library/',
    [
      ...['native-free/', 'src/errors.ts', 'src/json.ts', 'src/wire/', 'src/control/config/'],
      // What events hold.
      ...['src/control/rpc.ts', 'src/control/', 'src/port/', 'src/slow/', 'src/openflow/'],
    ],
  ],
  [
    'src/cli/',
    [
      ...[
        'native-free/errors.ts',
        'native-free/failpoint.ts',
        'native-free/priority.ts',
        'native-free/last-will.ts',
        'src/errors.ts',
        'src/observe/',
        'src/control/',
      ],
      ...['src/lab/', 'src/cli/table.ts'],
      ...['src/wire/', 'src/openflow/', 'src/json.ts', 'src/bench/', 'src/api/'],
    ],
  ],
];

/** Folders whose code runs for every frame: what they reach must run nothing of the control side. */
const HOT = ['src/wire/', 'src/table/', 'src/frame/', 'src/path/', 'src/port/', 'src/worker/'];
const COLD = ['src/openflow/', 'src/control/', 'src/tenant/', 'src/slow/', 'src/lab/', 'src/cli/'];

const files = sources('src', 'native-free');
const imports = files.flatMap(importsOf);

function layerOf(path: string): number {
  let best = -1;
  for (const [i, [prefix]] of LAYERS.entries()) {
    if (path.startsWith(prefix) && (best < 0 || prefix.length > LAYERS[best][0].length)) best = i;
  }
  return best;
}

function forbidden({ from, to }: Import): boolean {
  if (!/^(src|native-free)\//.test(to)) return to.startsWith('../') || /^(test|bench)\//.test(to);
  const mine = layerOf(from);
  if (mine < 0 || layerOf(to) < 0) return true;
  return layerOf(to) !== mine && !LAYERS[mine][1].some((prefix) => to.startsWith(prefix));
}

const asText = ({ from, to }: Import): string => `${from} imports ${to}`;

/** Everything that a file reaches through imports, with the way to it. */
function reach(start: string): Map<string, string> {
  const ways = new Map([[start, start]]);
  for (const [file, way] of ways) {
    for (const { from, to } of imports)
      if (from === file && files.includes(to) && !ways.has(to)) ways.set(to, `${way} > ${to}`);
  }
  return ways;
}

describe('imports', () => {
  test('the regular expression sees what it should', () => {
    expect(importsOf('src/cli/main.ts').map(({ to }) => to)).toEqual(
      expect.arrayContaining(['commander', 'src/cli/exit.ts', 'src/cli/up.ts']),
    );
    expect(imports.length).toBeGreaterThan(files.length);
  });

  test('every file has a layer, and layers name only what stands before them', () => {
    expect(files.filter((file) => layerOf(file) < 0)).toEqual([]);
    for (const [i, [prefix, may]] of LAYERS.entries()) {
      for (const lower of may) expect(layerOf(lower), `${prefix} names ${lower}`).toBeLessThan(i);
    }
  });

  test('go one way', () => {
    expect(imports.filter(forbidden).map(asText)).toEqual([]);
  });

  test('never lead from the hot path to the control side', () => {
    const hot = files.filter((file) => HOT.some((folder) => file.startsWith(folder)));
    const wrong = hot.flatMap((file) => [...reach(file)].filter(([to]) => COLD.some((cold) => to.startsWith(cold))));
    expect(wrong.map(([, way]) => way)).toEqual([]);
  });

  test('name node:ffi in one file', () => {
    expect(imports.filter(({ to }) => to === 'node:ffi').map(({ from }) => from)).toEqual(['native-free/ffi.ts']);
  });

  test('use each library in one place', () => {
    const users = (name: string) =>
      new Set(imports.filter(({ to }) => to === name).map(({ from }) => from.split('/')[1]));
    expect(users('commander')).toEqual(new Set(['cli']));
    expect(users('zod')).toEqual(new Set(['control']));
    expect(users('yaml')).toEqual(new Set(['control']));
  });

  test('lead to files that exist', () => {
    const relative = imports.filter(({ to }) => /^(src|native-free)\//.test(to));
    expect(relative.filter(({ to }) => !files.includes(to)).map(asText)).toEqual([]);
  });
});
