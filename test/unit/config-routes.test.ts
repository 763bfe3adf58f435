import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { addressOf, bitsOf, parseInterfaceAddress, prefixOf } from '../../src/control/config/address.ts';
import { parseConfig } from '../../src/control/config/load.ts';
import { RouteLine } from '../../src/control/config/route-line.ts';
import { loadRoutesFile, readRoutesFile } from '../../src/control/config/routes-file.ts';
import type { UserError } from '../../src/errors.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const folder = mkdtempSync(join(tmpdir(), 'tapyard-routes-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const failure = (promise: Promise<unknown>): Promise<UserError> =>
  promise.then(
    () => Promise.reject(new Error('no error')),
    (error: UserError) => error,
  );

const text = `# comment
10.0.0.0/8 10.0.20.254
\t192.0.2.1   10.0.20.253  # host route\r

0.0.0.0/0 10.0.20.254
2001:db8::/32 fd00:10::fe
::/0 fd00:10::FE
2001:db8:1:2:3:4:5:6 fd00:0010::00fe`;

describe(`a routes file (TAPYARD_SEED=${seed})`, () => {
  it.each([
    ['plain', file('plain.txt', text)],
    ['packed', file('packed.gz', gzipSync(text))],
  ])('is read %s, next hops once each', async (_, path) => {
    const { ipv4, ipv6 } = await readRoutesFile(path);
    expect(ipv4).toMatchObject({ family: 4, count: 3, nextHopLines: [2, 3] });
    expect([...ipv4.words]).toEqual([0x0a000000, 0xc0000201, 0]);
    expect([...ipv4.lengths]).toEqual([8, 32, 0]);
    expect([...ipv4.nextHopIndex]).toEqual([0, 1, 0]);
    expect(ipv4.nextHops.map((hop) => hop.text)).toEqual(['10.0.20.254', '10.0.20.253']);
    expect([...ipv6.lengths]).toEqual([32, 0, 128]);
    expect([...ipv6.words.subarray(8)]).toEqual([0x20010db8, 0x00010002, 0x00030004, 0x00050006]);
    expect(ipv6.nextHops.map((hop) => hop.text)).toEqual(['fd00:10::fe']);
  });

  it('names every kind of bad line, with its column and a cure', async () => {
    const bad = [
      ['10.0.0.0/8', 1, 'next hop is missing'],
      ['10.0.0.1/8 10.0.0.1', 1, 'bits set beyond'],
      ['  10.0.0.0/33 10.0.0.1', 3, 'is no prefix'],
      ['10.0.0.0/8 via 10.0.0.1', 16, 'more than'],
      ['10.0.0.0/8 fd00::1', 12, 'two families'],
      ['10.0.0.0/8 next', 12, 'is no IP address'],
      ['1:2:3:4:5:6:7/64 fd00::1', 1, 'is no prefix'],
      [`${'9'.repeat(5000)}`, 1, 'too long'],
    ] as const;
    const error = await failure(readRoutesFile(file('bad.txt', bad.map(([line]) => line).join('\n'))));
    expect(error.code).toBe('routes-invalid');
    const found = error.diagnostics.map(({ place, message }) => [place.line, place.column, message]);
    expect(found).toEqual(
      bad.map(([, column, message], index) => [index + 1, column, expect.stringContaining(message)]),
    );
  });

  it('lists the first 20 errors and counts all', async () => {
    const error = await failure(readRoutesFile(file('many.txt', 'x\n'.repeat(57))));
    expect(error.diagnostics).toHaveLength(20);
    expect(error.message).toContain('57 errors; the first 20 are listed');
  });

  it('does not grow on a line without end', async () => {
    const error = await failure(readRoutesFile(file('endless.txt', Buffer.alloc(1 << 22, 0x31))));
    expect(error.diagnostics).toHaveLength(1);
  });

  it('says so when it cannot be read or unpacked', async () => {
    expect((await failure(readRoutesFile(join(folder, 'none')))).code).toBe('routes-unreadable');
    expect((await failure(readRoutesFile(file('not.gz', 'text')))).cure).toContain('gzip');
  });

  it('agrees with the parser of the configuration on any prefix, wherever chunks break', async () => {
    const word = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(0));
    const prefix = fc
      .tuple(fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word)), fc.nat(128))
      .map(([words, length]) => {
        const address = addressOf(words);
        return prefixOf(address, Math.min(length, bitsOf(address)));
      });
    const line = new RouteLine();
    fc.assert(
      fc.property(prefix, (each) => {
        const bytes = Buffer.from(`${each.text} 10.0.0.1`);
        expect(line.read(bytes, 0, bytes.length)).toBe(true);
        expect(line.length).toBe(each.length);
        expect([...line.words.subarray(0, each.words.length)]).toEqual([...each.words]);
      }),
      { seed, numRuns: 500 },
    );
    const almost = fc.stringMatching(/^[0-9a-f:.]{1,20}(\/[0-9]{1,3})?$/);
    fc.assert(
      fc.property(almost, (each) => {
        const bytes = Buffer.from(`${each} 10.0.0.1`);
        const parsed = parseInterfaceAddress(each.includes('/') ? each : `${each}/${each.includes(':') ? 128 : 32}`);
        const expected = parsed !== null && parsed.address.text === parsed.subnet.text.split('/')[0];
        expect(line.read(bytes, 0, bytes.length) === true).toBe(expected);
      }),
      { seed, numRuns: 2000 },
    );
    // 2 MB: several chunks.
    const lines = Array.from(
      { length: 80_000 },
      (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}/32 10.0.20.254`,
    );
    const { ipv4 } = await readRoutesFile(file('long.txt', lines.join('\n')));
    expect(ipv4.count).toBe(80_000);
    expect(ipv4.words.every((value, i) => value === 0x0a000000 + i)).toBe(true);
  });

  it('is held against its tenant: quota, connected next hops, imports', async () => {
    const load = (routes: string, quota = 100): ReturnType<typeof loadRoutesFile> => {
      const name = 'held.txt';
      file(name, routes);
      const config = `
version: 1
tenants:
  a:
    router: {interfaces: {x: {vlan: 1, addresses: [10.0.20.1/24]}}, routes_file: ${name}}
    quota: {routes: ${quota}}
    share: {export: {b: [10.0.20.0/24]}, import: {b: [10.9.0.0/16]}}
  b:
    router: {interfaces: {x: {vlan: 1, addresses: [10.9.0.1/24]}}}
    share: {export: {a: [10.9.0.0/16]}, import: {a: [10.0.20.0/24]}}`;
      const { model, diagnostics } = parseConfig(config, join(folder, 'held.yaml'));
      expect(diagnostics).toBeUndefined();
      return loadRoutesFile(model!.tenants[0]!);
    };
    expect((await load('192.0.2.0/24 10.0.20.9\n0.0.0.0/0 10.0.20.9'))!.ipv4.count).toBe(2);
    expect((await failure(load('192.0.2.0/24 10.0.21.9'))).diagnostics[0]!.message).toContain('no connected subnet');
    expect((await failure(load('192.0.2.0/24 10.0.20.1'))).diagnostics[0]!.message).toContain("router's own");
    expect((await failure(load('10.9.7.0/24 10.0.20.9'))).diagnostics[0]!.message).toContain('overlaps 10.9.0.0/16');
    expect((await failure(load('10.0.0.0/8 10.0.20.9'))).diagnostics[0]!.message).toContain('overlaps 10.9.0.0/16');
    expect((await failure(load('1.0.0.0/24 10.0.20.9\n2.0.0.0/24 10.0.20.9', 1))).code).toBe('config-quota');
  });
});
