import fc from 'fast-check';
import { expect, test } from 'vitest';
import { traceFrame } from '../../src/control/trace/tracer.ts';
import { COLUMNS } from '../../src/observe/ledger.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const CONFIG = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 20}
        up: {memory: true, trunk: [10, 20], native: 10, mtu: 400}
    router:
      mac: '02:54:00:00:00:01'
      interfaces:
        a: {vlan: 10, addresses: [10.0.10.1/24, 'fd00:10::1/64'], ra: false}
        b: {vlan: 20, addresses: [10.0.20.1/24, 'fd00:20::1/64'], ra: false}
      neighbors:
        - {address: 10.0.20.2, mac: '02:00:00:00:00:02', interface: b}
        - {address: 'fd00:20::2', mac: '02:00:00:00:00:02', interface: b}
      routes:
        - {to: 192.0.2.0/24, via: 10.0.20.2}
        - {to: 198.51.100.0/24, blackhole: true}
    acls:
      in: {rules: [{deny: {proto: udp, dport: 7}}, {allow: any}], ingress: [a]}
      out: {rules: [{deny: {proto: udp, dport: 8}}, {allow: any}], egress: [b]}
    share: {export: {blue: [10.0.10.0/24]}, import: {blue: [10.9.0.0/24]}}
  blue:
    bridge: {ports: {z: {memory: true}}}
    router:
      interfaces: {z: {vlan: 1, addresses: [10.9.0.1/24], ra: false}}
      neighbors: [{address: 10.9.0.2, mac: '02:00:00:00:00:09', interface: z}]
    share: {export: {red: [10.9.0.0/24]}, import: {red: [10.0.10.0/24]}}
`;

const host = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03');
const sent = fc.record({
  port: fc.constantFrom('a', 'b', 'up'),
  source: host,
  destination: fc.oneof(
    host,
    fc.constantFrom('02:54:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '01:80:c2:00:00:00', '02:54:00:00:00:01'),
  ),
  vlan: fc.constantFrom(null, null, 10, 20, 30),
  to: fc.constantFrom(
    '10.0.20.2',
    '10.0.20.9',
    '10.0.10.1',
    '192.0.2.7',
    '198.51.100.1',
    '10.9.0.2',
    '203.0.113.1',
    '10.0.10.2',
  ),
  six: fc.boolean(),
  ttl: fc.constantFrom(64, 1),
  dport: fc.constantFrom(7, 8, 9),
  payload: fc.constantFrom(10, 600),
});

test(`what trace says is what happens, and trace leaves nothing behind; seed ${seed}`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 40 }), async (frames) => {
      const lab = await TestSwitch.of(CONFIG);
      const red = lab.tenant('red');
      for (const { port, source, destination, vlan, to, six, ttl, dport, payload } of frames) {
        const bytes = frame({
          ethernet: { source, destination },
          ...(vlan === null ? {} : { vlan }),
          ...(six
            ? { ipv6: { source: 'fd00:10::2', destination: 'fd00:20::2', hopLimit: ttl } }
            : { ipv4: { source: '10.0.10.2', destination: to, ttl } }),
          udp: { source: 5, destination: dport },
          payload,
        });
        const books = () => [
          ...lab.tenants.flatMap(({ ledgers, macs, rows }) => [
            macs.count,
            ...rows.flatMap((row) => [...ledgers[0].cells.subarray(row * COLUMNS, (row + 1) * COLUMNS)]),
          ]),
          ...red.acls.flatMap(({ hits }) => [...hits[0]]),
        ];
        const before = books();
        const context = {
          tenants: lab.tenants,
          offloads: new Int32Array(16),
          linkUp: lab.linkUp,
          buckets: lab.buckets,
          nowUs: lab.nowUs,
        };
        const { steps, outputs } = traceFrame(context, red, port, bytes);
        expect(books()).toEqual(before);
        expect(steps.length).toBeGreaterThan(0);
        const dropped = lab.drops('red');
        lab.end(`red/${port}`).send(bytes);
        lab.engine.turn(false);
        const left = [...lab.everything()].flatMap(([name, list]) =>
          list.map((one) => `${name} ${Buffer.from(one).toString('hex')}`),
        );
        expect(outputs.map((one) => `${one.tenant}/${one.port} ${one.frame}`).sort()).toEqual(left.sort());
        const now = lab.drops('red');
        for (const [reason, count] of Object.entries(now)) {
          if (count > (dropped[reason] ?? 0))
            expect(steps.some(({ text }) => text.includes(`dropped, ${reason}`))).toBe(true);
        }
        lab.run();
        lab.everything();
      }
    }),
    { seed, numRuns: 60, endOnFailure: true },
  );
}, 180_000);
