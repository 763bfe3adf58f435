import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arpReply, frame } from '../../src/wire/build.ts';
import { slowPseudo, view } from '../support/packets.ts';
import { TestSwitch } from '../support/test-switch.ts';

const seed = Number(process.env['TAPYARD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const R = '02:54:00:00:00:01';
const macOf = (host: number) => `02:00:00:00:00:0${host}`;

/** Red's router reaches hosts on `c` and `t`, by ECMP too, and blue's network behind `blue/z`; nobody's MAC is known at first. */
const CONFIG = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 20}
        t: {memory: true, trunk: [10, 20]}
    router:
      mac: '${R}'
      interfaces:
        web: {vlan: 10, addresses: [10.0.10.1/24]}
        db: {vlan: 20, addresses: [10.0.20.1/24], mtu: 700}
      routes:
        - {to: 203.0.113.0/24, via: [10.0.20.4, 10.0.20.5]}
    share: {export: {blue: [10.0.10.0/24]}, import: {blue: [10.9.0.0/16]}}
  blue:
    bridge: {ports: {z: {memory: true, vlan: 10}}}
    router: {mac: '${R}', interfaces: {app: {vlan: 10, addresses: [10.9.10.1/24]}}}
    share: {export: {red: [10.9.0.0/16]}, import: {red: [10.0.10.0/24]}}
`;

/** Flows by number: a bridged one to a host whose MAC may be learned on the way, and routed ones. */
const FLOWS = [
  { destination: macOf(2), address: '10.0.10.2' },
  { destination: 'ff:ff:ff:ff:ff:ff', address: '10.0.10.255' },
  { destination: R, address: '10.0.20.4' },
  { destination: R, address: '10.0.20.5' },
  { destination: R, address: '203.0.113.1' },
  { destination: R, address: '203.0.113.2' },
  { destination: R, address: '10.9.10.6' },
];
const INGRESS = ['red/a', 'red/b'];

type Action =
  | { readonly do: 'send'; readonly from: number; readonly flow: number; readonly size: number }
  | { readonly do: 'answer' | 'move'; readonly host: number; readonly where: number }
  | { readonly do: 'turn' | 'slow' }
  | { readonly do: 'wait'; readonly ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      from: fc.nat(1),
      flow: fc.nat(FLOWS.length - 1),
      // Some need fragments, some are super-frames.
      size: fc.constantFrom(20, 20, 20, 100, 900, 1400, 5000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('answer' as const, 'move' as const),
      host: fc.integer({ min: 4, max: 6 }),
      where: fc.nat(1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'slow' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4000 }) }) },
);

/** A UDP packet every word of whose payload is its number in the flow; over 1,400 bytes a super-frame. */
function numbered(from: number, flow: number, number: number, size: number): [Uint8Array, Uint8Array | undefined] {
  const payload = new Uint8Array(size);
  for (let i = 0; i < size; i += 4) view(payload).setUint32(i, number);
  const { destination, address } = FLOWS[flow];
  const bytes = frame({
    ethernet: { source: macOf(8 + from), destination },
    ipv4: { source: `10.0.10.${8 + from}`, destination: address, identification: number },
    udp: { source: 1000 + from, destination: 2000 + flow },
    payload,
  });
  if (size <= 1400) return [bytes, undefined];
  view(bytes).setUint16(40, slowPseudo(bytes, 14, 17, size + 8));
  const vnet = new Uint8Array(10);
  vnet.set([1, 5]);
  view(vnet).setUint16(4, 600, true);
  view(vnet).setUint16(6, 34, true);
  view(vnet).setUint16(8, 6, true);
  return [bytes, vnet];
}

/** Flow and number of a packet that left, or null: not one of ours. The first fragment alone tells; the others follow their packet. */
function read(bytes: Uint8Array): { flow: string; number: number } | null {
  const l3 = bytes[12] === 0x81 ? 18 : 14;
  const data = view(bytes);
  if (data.getUint16(l3 - 2) !== 0x0800 || bytes[l3 + 9] !== 17 || bytes[l3 + 12] !== 10) return null;
  const later = (data.getUint16(l3 + 6) & 0x1fff) !== 0;
  const at = l3 + (later ? 20 : 28);
  if (data.byteLength < at + 8) return null;
  // Fragments begin at multiples of 8 bytes of the UDP packet, so on a word of the payload.
  return {
    flow: `from ${bytes[l3 + 15]} to ${[...bytes.subarray(l3 + 16, l3 + 20)].join('.')}`,
    number: data.getUint32(at),
  };
}

it(`frames of a flow leave every port in the order they came, whatever happens in between; seed ${seed}`, {
  timeout: 120_000,
}, async () => {
  let delivered = 0;
  const property = fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 120 }), async (actions) => {
    const lab = await TestSwitch.of(CONFIG, { heads: 4096, bodies: 128 });
    const last = new Map<string, number>();
    const sent = new Map<string, number>();
    const look = () => {
      for (const [port, frames] of lab.everything()) {
        for (const bytes of frames) {
          const found = read(bytes);
          if (found === null) continue;
          const key = `${port}: ${found.flow}`;
          expect(found.number, key).toBeGreaterThanOrEqual(last.get(key) ?? 0);
          last.set(key, found.number);
          delivered++;
        }
      }
    };
    for (const step of actions) {
      switch (step.do) {
        case 'send': {
          const key = `${step.from} ${step.flow}`;
          const number = (sent.get(key) ?? 0) + 1;
          sent.set(key, number);
          lab.end(INGRESS[step.from]).send(...numbered(step.from, step.flow, number, step.size));
          break;
        }
        case 'answer': {
          const [port, subnet] = step.host === 6 ? ['blue/z', '10.9.10'] : ['red/c', '10.0.20'];
          const answer = {
            senderMac: macOf(step.host),
            senderAddress: `${subnet}.${step.host}`,
            targetMac: R,
            targetAddress: `${subnet}.1`,
          };
          lab.end(port).send(arpReply(answer));
          break;
        }
        case 'move':
          // The bridged host is heard, on one port or the other.
          lab
            .end(['red/b', 'red/a'][step.where])
            .send(frame({ ethernet: { source: macOf(2), destination: macOf(9) } }));
          break;
        case 'turn':
          lab.engine.turn(false);
          break;
        case 'slow':
          lab.slowPath.turn(lab.nowUs / 1000);
          break;
        case 'wait':
          lab.advance(step.ms);
      }
      if (step.do !== 'send') look();
    }
    lab.run();
    look();
    lab.advance(15_000);
    look();
    lab.expectBooksToBalance();
  });
  await fc.assert(property, { seed, numRuns: 120 });
  expect(delivered).toBeGreaterThan(1000);
});
