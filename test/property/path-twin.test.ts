import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Frame, frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { TwinSwitch } from '../support/twin-switch.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const R = '02:54:00:00:00:01';
const macOf = (host: number) => `02:00:00:00:00:0${host}`;
const VLANS = [1, 2, 3];

const vlan = fc.constantFrom(...VLANS);
const port = fc.record({
  how: fc.oneof(
    vlan.map((vid) => `vlan: ${vid}`),
    fc.uniqueArray(vlan, { minLength: 1 }).map((vids) => `trunk: [${vids}]`),
    fc.uniqueArray(vlan, { minLength: 1 }).map((vids) => `trunk: [${vids}], native: ${vids[0]}`),
  ),
  mtu: fc.constantFrom(1500, 1500, 300),
});
const address = fc.constantFrom(
  '10.0.1.0/24',
  '10.0.2.3',
  '10.0.0.0/16',
  'fd00:1::/64',
  'fd00::/16',
  '0.0.0.0/0',
  '203.0.113.0/28',
);
const rule = fc.record({
  action: fc.constantFrom('allow', 'deny', 'reject'),
  match: fc.oneof(
    fc.constant('any'),
    address.map((text) => `{from: '${text}'}`),
    address.map((text) => `{to: '${text}', proto: udp}`),
    fc.constantFrom(
      '{proto: tcp}',
      '{proto: udp, dport: [7, 9-12]}',
      '{proto: tcp, sport: 5}',
      "{proto: tcp, flags: 'syn,!ack'}",
      '{proto: icmp, icmp_type: 8}',
      '{proto: icmpv6, icmp_type: 128, icmp_code: 0}',
      `{smac: '${macOf(3)}'}`,
      "{dmac: '02:00:00:00:00:00/ff:ff:ff:ff:ff:fc'}",
      '{ethertype: 0x88b5}',
      '{vlan: 2}',
    ),
  ),
});
const config = fc.record({
  ports: fc.array(port, { minLength: 2, maxLength: 6 }),
  mtus: fc.tuple(...VLANS.map(() => fc.constantFrom(1500, 1300, 1300))),
  acls: fc.array(
    fc.record({
      rules: fc.array(rule, { maxLength: 5 }),
      fallback: fc.constantFrom('allow', 'deny'),
      way: fc.constantFrom('ingress', 'egress'),
    }),
    { maxLength: 3 },
  ),
  targets: fc.shuffledSubarray(
    ['p0', 'p1', '{vlan: 1}', '{vlan: 2}', '{interface: i1}', '{interface: i2}', '{interface: i3}'],
    { minLength: 4, maxLength: 4 },
  ),
  router: fc.boolean(),
});
type Config = typeof config extends fc.Arbitrary<infer Value> ? Value : never;

function yamlOf({ ports, mtus, acls, targets, router }: Config): string {
  const usable = targets.map((target) => (router || !target.includes('interface') ? target : 'p0'));
  const text = [
    'version: 1\ntenants:\n  red:\n    bridge:\n      mac_age: 1000000s',
    `      static_macs: [{mac: '${macOf(9)}', vlan: ${VLANS.find((vid) => ports[0].how.includes(String(vid)))}, port: p0}]`,
    '      ports:',
    ...ports.map(({ how, mtu }, i) => `        p${i}: {memory: true, ${how}, mtu: ${mtu}}`),
  ];
  if (router) {
    text.push(`    router:\n      mac: '${R}'\n      icmp_rate: 0\n      interfaces:`);
    text.push(
      ...VLANS.map(
        (vid, i) =>
          `        i${vid}: {vlan: ${vid}, addresses: [10.0.${vid}.1/24, 'fd00:${vid}::1/64'], mtu: ${mtus[i]}, ra: false}`,
      ),
    );
    text.push('      neighbors:');
    for (const vid of VLANS) {
      for (const host of [2, 3]) {
        text.push(`        - {address: 10.0.${vid}.${host}, mac: '${macOf(host)}', interface: i${vid}}`);
        text.push(`        - {address: 'fd00:${vid}::${host}', mac: '${macOf(host)}', interface: i${vid}}`);
      }
    }
    text.push(
      '      routes:\n        - {to: 203.0.113.0/24, via: 10.0.2.2}\n        - {to: 203.0.113.0/28, blackhole: true}',
    );
    text.push(
      "        - {to: 203.0.113.4/32, via: 10.0.3.3}\n        - {to: '2001:db8::/32', via: 'fd00:3::2'}\n        - {to: '2001:db8:1::/48', reject: true}",
    );
  }
  const used = new Set<string>();
  const lists = acls.filter(({ way }, i) => !used.has(`${way} ${usable[i]}`) && used.add(`${way} ${usable[i]}`));
  if (lists.length > 0) text.push('    acls:');
  for (const acl of lists) {
    const i = acls.indexOf(acl);
    text.push(
      `      acl${i}:`,
      `        default: ${acl.fallback}`,
      `        ${acl.way}: [${usable[i]}]`,
      '        rules:',
    );
    text.push(
      ...[...acl.rules, { action: 'deny', match: '{proto: 99}' }].map(
        ({ action, match }) => `          - {${action}: ${match}}`,
      ),
    );
  }
  return `${text.join('\n')}\n`;
}

const DESTINATIONS = [
  '10.0.1.2',
  '10.0.2.3',
  '10.0.3.2',
  '10.0.2.77',
  '10.0.1.255',
  '203.0.113.3',
  '203.0.113.4',
  '203.0.113.99',
  '8.8.8.8',
  '127.0.0.1',
  '224.0.0.9',
];
const DESTINATIONS6 = [
  'fd00:1::2',
  'fd00:2::3',
  'fd00:3::2',
  '2001:db8::1',
  '2001:db8:1::1',
  '2001:db9::1',
  'fe80::9',
  'ff0e::1',
];

/** null but for one in twenty. */
const rarely = <Item>(...items: Item[]) =>
  fc.oneof({ weight: 19, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(...items) });

const traffic = fc.record({
  port: fc.nat(5),
  source: fc.constantFrom(2, 3, 4, 9).map(macOf),
  odd: rarely('01:00:00:00:00:01', '00:00:00:00:00:00', R),
  destination: fc.constantFrom(
    R,
    R,
    R,
    R,
    macOf(2),
    macOf(3),
    macOf(4),
    macOf(9),
    'ff:ff:ff:ff:ff:ff',
    '33:33:00:00:00:01',
  ),
  /** Which of the port's VLANs; more: a tag that may not fit. */
  fit: fc.nat(9),
  tags: fc.constantFrom(
    [],
    [{ vid: 1 }],
    [{ vid: 3, tpid: 0x88a8 }],
    [{ vid: 0, pcp: 6 }],
    [{ vid: 2 }, { vid: 7 }],
    [{ vid: 9 }],
  ),
  family: fc.constantFrom<4 | 6 | 0>(4, 4, 6, 6, 0),
  from: fc.constantFrom('10.0.1.2', '10.0.2.3', '10.0.3.2', '203.0.113.9'),
  from6: fc.constantFrom('fd00:1::2', 'fd00:2::3', 'fd01::1', 'fd01::2', 'fe80::1'),
  to: fc.constantFrom(...DESTINATIONS),
  to6: fc.constantFrom(...DESTINATIONS6),
  ttl: fc.constantFrom(64, 64, 64, 2, 1, 0),
  fragment: fc.constantFrom(0, 0, 0, 0x4000, 0x2000, 0x0020, 0x2020),
  kind: fc.constantFrom('udp', 'tcp', 'icmp', 'none'),
  sport: fc.constantFrom(5, 6),
  dport: fc.constantFrom(7, 8, 11),
  flags: fc.constantFrom(0x02, 0x12, 0x10),
  payload: fc.constantFrom(0, 10, 30, 100, 280, 1272, 1400, 1400, 1460, 3000),
  spoil: rarely(14, 15, 16, 17, 20, 22, 24, 26, 30),
  cut: rarely(13, 14, 16, 20, 33, 40, 60),
});
type Traffic = typeof traffic extends fc.Arbitrary<infer Value> ? Value : never;

function bytesOf(one: Traffic, { how }: Config['ports'][number]): Uint8Array {
  const vids = [...(/trunk: \[(.*?)\]/.exec(how)?.[1].split(',') ?? [])].map(Number);
  const tags =
    one.fit > 8 ? one.tags : vids.length === 0 ? [] : [{ vid: vids[one.fit % vids.length], pcp: one.fit & 7 }];
  const { source, odd, destination, family, kind, payload, ttl } = one;
  const ports = { source: one.sport, destination: one.dport };
  const echo = { type: family === 6 ? 128 : 8, rest: 1 };
  const transport: Frame =
    kind === 'udp'
      ? { udp: ports }
      : kind === 'tcp'
        ? { tcp: { ...ports, flags: one.flags } }
        : kind === 'icmp'
          ? { icmp: echo }
          : {};
  const network: Frame =
    family === 4
      ? {
          ...transport,
          ipv4: {
            source: one.from,
            destination: one.to,
            ttl,
            fragment: one.fragment,
            ...(kind === 'none' ? { protocol: 253 } : {}),
          },
        }
      : family === 6
        ? {
            ...transport,
            ipv6: {
              source: one.from6,
              destination: one.to6,
              hopLimit: ttl,
              ...(kind === 'none' ? { nextHeader: 253 } : {}),
            },
          }
        : {};
  const bytes = frame({ ethernet: { source: odd ?? source, destination }, vlan: tags, ...network, payload });
  // No byte that makes an IPv6 extension header, or a packet to the router itself, of the frame.
  if (one.spoil !== null && one.spoil < bytes.length && family === 4) bytes[one.spoil] ^= 0x11;
  return one.cut === null ? bytes : bytes.slice(0, one.cut);
}

const texts = (frames: readonly Uint8Array[]) => frames.map((bytes) => Buffer.from(bytes).toString('hex'));

it(`a switch does with every frame what its slow twin does; seed ${seed}`, { timeout: 120_000 }, async () => {
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(
    config,
    fc.array(traffic, { minLength: 1, maxLength: 60, size: 'max' }),
    async (network, frames) => {
      const lab = await TestSwitch.of(yamlOf(network));
      lab.advance(5000);
      lab.everything();
      const twin = new TwinSwitch(lab.model.tenants[0]);
      let before = lab.drops('red');
      for (const one of frames) {
        const name = `p${one.port % network.ports.length}`;
        const bytes = bytesOf(one, network.ports[one.port % network.ports.length]);
        const verdict = twin.receive(name, bytes);
        lab.send(`red/${name}`, bytes);
        const now = lab.drops('red');
        const drops = Object.entries(now).flatMap(([reason, count]) =>
          new Array<string>(count - (before[reason] ?? 0)).fill(reason),
        );
        before = now;
        const out = lab.everything();
        // What waits for a neighbour, or is for the router itself, is the slow path's: it asks, and its question is flooded.
        const aside = verdict.drops.some((reason) => reason === 'held' || reason === 'local');
        for (const reason of verdict.drops.length === 0 ? ['sent'] : verdict.drops)
          seen.set(reason, (seen.get(reason) ?? 0) + 1);
        if (aside) {
          // A question that nobody can hear is dropped, too.
          expect(drops.filter((reason) => reason !== 'no-member')).toEqual([]);
          lab.advance(20_000);
          lab.everything();
          before = lab.drops('red');
          continue;
        }
        expect(drops.sort(), Buffer.from(bytes).toString('hex')).toEqual(verdict.drops.sort());
        for (const { name: each } of lab.model.tenants[0].bridge.ports) {
          const wanted = verdict.out.filter(({ port: to }) => to === each).map(({ bytes: frame }) => frame);
          expect(texts(out.get(`red/${each}`) ?? []), `${each} for ${Buffer.from(bytes).toString('hex')}`).toEqual(
            texts(wanted),
          );
        }
      }
      lab.expectBooksToBalance();
    },
  );
  await fc.assert(property, { seed, numRuns: 250 });
  // Each way that a frame can go must have been gone.
  for (const way of [
    'sent',
    'acl-in',
    'acl-out',
    'mtu',
    'too-big',
    'no-route',
    'blackhole',
    'reject',
    'ttl',
    'martian',
    'held',
    'same-port',
    'ip-header',
  ]) {
    expect(seen.get(way) ?? 0, way).toBeGreaterThan(5);
  }
});
