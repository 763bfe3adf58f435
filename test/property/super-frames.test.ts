import fc from 'fast-check';
import { expect, it } from 'vitest';
import { COLUMNS } from '../../src/observe/ledger.ts';
import { Ports } from '../../src/openflow/model.ts';
import { WorkCount } from '../../src/path/image.ts';
import { frame } from '../../src/wire/build.ts';
import { slowPseudo, view } from '../support/packets.ts';
import { TestSwitch } from '../support/test-switch.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const R = '02:54:00:00:00:01';
/** Every rule. */
const ALL = { table: 0xff, outPort: Ports.Any, outGroup: Ports.Any, cookie: 0n, cookieMask: 0n, match: [] };
const macOf = (host: number) => `02:00:00:00:00:0${host}`;

/** Where each host is, and what the devices carry: all, all but ECN, nothing, checksums alone. */
const HOSTS = [
  { host: 2, port: 'a', vlan: 10 },
  { host: 3, port: 'b', vlan: 10 },
  { host: 4, port: 'c', vlan: 20 },
  { host: 5, port: 'd', vlan: 20 },
  { host: 6, port: 't', vlan: 10 },
  { host: 7, port: 't', vlan: 20 },
];
const OFFLOADS = { a: 31, b: 15, c: 31, d: 1, t: 31 };
const config = (limited: boolean, lists: boolean) => `
version: 1
tenants:
  red:
    bridge:
      mac_age: 1000000s
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 20}
        d: {memory: true, vlan: 20, mtu: 600}
        t: {memory: true, trunk: [10, 20]}
    router:
      mac: '${R}'
      icmp_rate: 0
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64'], ra: false}
        db: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64'], ra: false, mtu: 1300}
      neighbors:
${HOSTS.map(
  ({
    host,
    vlan,
  }) => `        - {address: 10.0.${vlan}.${host}, mac: '${macOf(host)}', interface: ${vlan === 10 ? 'web' : 'db'}}
        - {address: 'fd00:${vlan}::${host}', mac: '${macOf(host)}', interface: ${vlan === 10 ? 'web' : 'db'}}
`,
).join('')}
${limited ? '    quota: {pps: 1k, rate: 10M}' : ''}
${lists ? '    acls: {web-in: {default: allow, rules: [{deny: {proto: tcp, dport: 7}}], ingress: [{vlan: 10}]}}' : ''}
`;

const host = fc.nat(HOSTS.length - 1);
const traffic = fc.record({
  from: host,
  to: host,
  /** MTUs and cached decisions are those of the flow: few of them. */
  routed: fc.boolean(),
  version: fc.constantFrom(4, 6),
  protocol: fc.constantFrom('tcp', 'tcp', 'udp'),
  dport: fc.constantFrom(7, 8),
  ttl: fc.constantFrom(64, 64, 64, 1),
  ecn: fc.constantFrom(0, 0, 0, 0x80),
  payload: fc.constantFrom(100, 1200, 3000, 3000, 20_000, 60_000),
  gsoSize: fc.constantFrom(500, 1200, 1200, 1440, 1460),
  /** What the virtio-net header says instead: by byte of it. */
  lie: fc.oneof(
    { weight: 12, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(9), xor: fc.integer({ min: 1, max: 255 }) }) },
  ),
  cut: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 4),
});
type Traffic = typeof traffic extends fc.Arbitrary<infer Value> ? Value : never;

/** A frame and its virtio-net header: a super-frame, unless its payload fits one segment. */
function build(one: Traffic): { port: string; bytes: Uint8Array; vnet: Uint8Array } {
  const source = HOSTS[one.from];
  const target = HOSTS[one.to];
  const tag = source.port === 't' ? [{ vid: source.vlan }] : [];
  const ports = { source: 1000 + one.from, destination: one.dport };
  const bytes = frame({
    ethernet: { source: macOf(source.host), destination: one.routed ? R : macOf(target.host) },
    vlan: tag,
    ...(one.version === 4
      ? {
          ipv4: {
            source: `10.0.${source.vlan}.${source.host}`,
            destination: `10.0.${target.vlan}.${target.host}`,
            ttl: one.ttl,
          },
        }
      : {
          ipv6: {
            source: `fd00:${source.vlan}::${source.host}`,
            destination: `fd00:${target.vlan}::${target.host}`,
            hopLimit: one.ttl,
          },
        }),
    ...(one.protocol === 'tcp' ? { tcp: { ...ports, flags: 0x10 } } : { udp: ports }),
    payload: one.payload,
  });
  const l3 = 14 + tag.length * 4;
  const l4 = l3 + (one.version === 4 ? 20 : 40);
  const tcp = one.protocol === 'tcp';
  const offset = tcp ? 16 : 6;
  view(bytes).setUint16(l4 + offset, slowPseudo(bytes, l3, tcp ? 6 : 17, bytes.length - l4));
  const vnet = new Uint8Array(10);
  vnet[0] = 1;
  if (one.payload > one.gsoSize) {
    vnet[1] = tcp ? (one.version === 4 ? 1 : 4) | one.ecn : 5;
    view(vnet).setUint16(4, one.gsoSize, true);
  }
  view(vnet).setUint16(6, l4, true);
  view(vnet).setUint16(8, offset, true);
  if (one.lie !== null) vnet[one.lie.at] ^= one.lie.xor;
  return { port: `red/${source.port}`, bytes: bytes.subarray(0, bytes.length - one.cut), vnet };
}

/** What has left, virtio-net headers and all. */
function left({ devices }: TestSwitch): string[] {
  return [...devices.ends].flatMap(([name, end]) => {
    const all: string[] = [];
    for (let bytes = end.receive(); bytes !== null; bytes = end.receive())
      all.push(`${name} ${Buffer.from(end.vnet).toString('hex')} ${Buffer.from(bytes).toString('hex')}`);
    return all;
  });
}

/** Everything that is counted: books of all rows, and what the rule that handles all as by NORMAL has seen. */
function counted(lab: TestSwitch): unknown {
  const { ledgers, rows } = lab.tenant('red');
  const rules = [...lab.datapath('red').statistics.flowStats(ALL)].map((rule) => [rule.packets, rule.bytes]);
  return [rows.map((row) => [...ledgers[0].cells.subarray(row * COLUMNS, (row + 1) * COLUMNS)]), rules];
}

it(`the flow cache does with super-frames what the stages do; seed ${seed}`, { timeout: 120_000 }, async () => {
  const seen = { carried: 0, whole: 0, cut: 0, lies: 0, limited: 0, denied: 0 };
  const property = fc.asyncProperty(
    fc.boolean(),
    fc.boolean(),
    fc.array(traffic, { minLength: 10, maxLength: 60, size: 'max' }),
    async (limited, lists, frames) => {
      const labs: TestSwitch[] = [];
      for (const cached of [true, false]) {
        const lab = await TestSwitch.of(config(limited, lists), { offloads: OFFLOADS, heads: 4096, bodies: 64 });
        lab.engine.tenants.setCache(cached);
        // Every host says where it is, so that nothing is learned on the way.
        for (const { host: number, port, vlan } of HOSTS) {
          const hello = { ethernet: { source: macOf(number), destination: macOf(9), type: 0x88b5 }, payload: 50 };
          lab.send(`red/${port}`, frame({ ...hello, vlan: port === 't' ? [{ vid: vlan }] : [] }));
        }
        left(lab);
        labs.push(lab);
      }
      const before = labs[0].tenant('red').work[0][WorkCount.Carried];
      for (let k = 0, size = 1; k < frames.length; k += size, size = limited ? 1 : (size % 3) + 1) {
        // Of several at once the one that is known takes its share of a rate first: those are sent one by one.
        const some = frames.slice(k, k + size);
        const built = some.map(build);
        const [fast, slow] = labs.map((lab) => {
          for (const { port, bytes, vnet } of built) lab.end(port).send(bytes, vnet);
          lab.run();
          // What is known leaves before what is not; test/property/path-order.test.ts has the order within a flow.
          return left(lab).sort();
        });
        const what = JSON.stringify(some);
        expect(fast, what).toEqual(slow);
        expect(counted(labs[0]), what).toEqual(counted(labs[1]));
        if (size === 1 && built[0].vnet[1] !== 0 && fast.length === 1) seen.whole++;
        if (fast.length > size) seen.cut++;
      }
      const drops = labs[0].drops('red');
      seen.carried += labs[0].tenant('red').work[0][WorkCount.Carried] - before;
      seen.lies += drops['bad-offload'] ?? 0;
      seen.limited += drops['tenant-rate'] ?? 0;
      seen.denied += drops['acl-in'] ?? 0;
      for (const lab of labs) lab.expectBooksToBalance();
    },
  );
  await fc.assert(property, { seed, numRuns: 60 });
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(20);
});
