import { Ring } from '../../src/frame/ring.ts';
import { type Action, Ports } from '../../src/openflow/model.ts';
import { parseFlow } from '../../src/openflow/text/flow.ts';
import { parseGroup } from '../../src/openflow/text/group.ts';
import { parseMeter } from '../../src/openflow/text/meter.ts';
import { WorkCount } from '../../src/path/image.ts';
import { PacketInRecord } from '../../src/path/rules/log.ts';
import { frame } from '../../src/wire/build.ts';
import { TestSwitch } from './test-switch.ts';

export const A = '02:00:00:00:00:0a';
export const B = '02:00:00:00:00:0b';

/** A tenant of four ports, the last of them in a VLAN of its own. */
export const FOUR = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, vlan: 10}
        c: {memory: true, vlan: 10}
        d: {memory: true, vlan: 20}
  blue: {bridge: {ports: {a: {memory: true}}}}
`;

export interface Shape {
  readonly source?: string;
  readonly destination?: string;
  readonly to?: string;
  readonly ttl?: number;
  readonly port?: number;
  readonly vlan?: number;
  readonly tos?: number;
}

/** Of the first host to the second. */
export const udp = ({
  source = A,
  destination = B,
  to = '10.0.0.2',
  ttl = 64,
  port = 2000,
  vlan,
  tos = 0,
}: Shape = {}) =>
  frame({
    ethernet: { source, destination },
    ...(vlan === undefined ? {} : { vlan }),
    ipv4: { source: '10.0.0.1', destination: to, ttl, typeOfService: tos },
    udp: { source: 1000, destination: port },
    payload: 30,
  });

/** A switch in memory whose tenant `red` has rules. */
export class Lab {
  readonly net: TestSwitch;

  static async of(yaml = FOUR, options: Parameters<typeof TestSwitch.of>[1] = {}): Promise<Lab> {
    return new Lab(await TestSwitch.of(yaml, { rules: true, ...options }));
  }

  private constructor(net: TestSwitch) {
    this.net = net;
  }

  get datapath() {
    return this.net.datapath('red');
  }

  flows(...texts: readonly string[]): this {
    for (const text of texts) this.datapath.flowMod(parseFlow(text, 'add'), 'cli');
    this.net.run();
    return this;
  }

  groups(...texts: readonly string[]): this {
    for (const text of texts) this.datapath.groupMod(parseGroup(text, 'add'), 'cli');
    return this;
  }

  meter(text: string): this {
    this.datapath.meterMod(parseMeter(text, 'add'), 'cli');
    return this;
  }

  /** Sends frames into a port. @returns what left, by port */
  send(port: string, ...frames: Uint8Array[]): Record<string, Uint8Array[]> {
    this.net.send(`red/${port}`, ...frames);
    this.net.expectBooksToBalance();
    return Object.fromEntries([...this.net.everything()].map(([name, out]) => [name.replace('red/', ''), out]));
  }

  /** Frames that the flow cache has carried out, of those that `send` lets in. */
  carriedBy(send: () => void): number {
    const work = this.net.tenant('red').work[0];
    const before = work[WorkCount.Carried];
    send();
    return work[WorkCount.Carried] - before;
  }

  /** Packets of each rule, by its actions. */
  counts(): Record<string, number> {
    const every = { table: 0xff, match: [], cookie: 0n, cookieMask: 0n, outPort: Ports.Any, outGroup: Ports.Any };
    return Object.fromEntries(
      [...this.datapath.statistics.flowStats(every)].map(({ cookie, packets }) => [`${cookie}`, Number(packets)]),
    );
  }

  /** Carries actions out on a frame of a controller's. @returns what left, by port */
  packetOut(inPort: number, actions: string, bytes: Uint8Array = udp()): Record<string, Uint8Array[]> {
    this.datapath.packetOut({ buffer: 0xffffffff, inPort, actions: actionsOf(actions), frame: bytes }, bytes);
    this.net.run();
    return this.send('d');
  }

  /** Frames that controllers have been given. */
  told(): { reason: number; table: number; inPort: number; length: number; frame: string }[] {
    const ring = new Ring(this.net.rulesOf('red').workers[0].packetIns);
    const found = [];
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      const word = (offset: number) => ring.bytes.getInt32(at + offset, true);
      const from = at + PacketInRecord.Frame;
      const length = word(PacketInRecord.Length);
      found.push({
        reason: word(PacketInRecord.Reason),
        table: word(PacketInRecord.Table),
        inPort: word(PacketInRecord.InPort),
        length,
        frame: Buffer.from(ring.octets.subarray(from, from + length)).toString('hex'),
      });
      ring.pop();
    }
    return found;
  }
}

function actionsOf(text: string): readonly Action[] {
  const [one] = parseFlow(`actions=${text}`, 'add').instructions;
  if (one?.type !== 'apply_actions') throw new Error('no actions');
  return one.actions;
}
