import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Ring } from '../../src/frame/ring.ts';
import { KEY_WORDS } from '../../src/path/rules/layout.ts';
import { LogRecord, MeterFlag } from '../../src/path/rules/log.ts';
import { Op, opWord, ReservedPort, SetField } from '../../src/path/rules/program.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';

const PORTS = ['a', 'b', 'c', 'd'];
const CONFIG = `
version: 1
tenants:
  red:
    bridge:
      ports:
        a: {memory: true, vlan: 10}
        b: {memory: true, trunk: [10, 20], native: 20}
        c: {memory: true, vlan: 10, mtu: 600}
        d: {memory: true, vlan: 20}
    router:
      interfaces:
        one: {vlan: 10, addresses: [10.0.0.1/24, 'fd00:10::1/64']}
        two: {vlan: 20, addresses: [10.0.1.1/24]}
  blue: {bridge: {ports: {a: {memory: true}, b: {memory: true}}}}
`;
const LINES = readFileSync(new URL('../golden/rules-frames.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^[0-9a-f]/.test(line));
const TEMPLATES = LINES.map((line) => Buffer.from(line.split(' ')[0], 'hex'));

const RULES = 48;
const GROUPS = 6;
const METERS = 4;
const LAST = 254;
const TABLES = [0, 0, 0, 1, 2, LAST];
const BATCH = 64;
const VNET = 10;
const RESERVED = Object.values(ReservedPort);
const PLAIN = [Op.PopVlan, Op.PopPbb, Op.DecMplsTtl, Op.DecNwTtl, Op.CopyTtlIn, Op.CopyTtlOut] as const;
const TYPED: readonly (readonly [Op, readonly number[]])[] = [
  [Op.PushVlan, [0x8100, 0x88a8]],
  [Op.PushMpls, [0x8847, 0x8848]],
  [Op.PopMpls, [0x0800, 0x86dd, 0x8847, 0x0806]],
  [Op.PushPbb, [0x88e7]],
];
const WIDE: readonly SetField[] = [SetField.Ipv6Src, SetField.Ipv6Dst, SetField.NdTarget];
const DOUBLE: readonly SetField[] = [
  ...[SetField.EthDst, SetField.EthSrc, SetField.ArpSha, SetField.ArpTha, SetField.NdSll, SetField.NdTll],
  ...[SetField.Metadata, SetField.TunnelId],
];

/**
 * Broken and lying frames through rules that change all the time: whatever rules say and frames are, nothing throws, books balance, slots
 * come back, and nothing reaches the neighbour tenant.
 */
export class RuleFuzz {
  readonly lab: TestSwitch;
  sent = 0;
  received = 0;
  told = 0;
  changes = 0;
  readonly #random: Random;
  readonly #packetIns: Ring;
  readonly #bytes = Buffer.alloc(4096);

  static async create(seed: number): Promise<RuleFuzz> {
    const lab = await TestSwitch.of(CONFIG, { rules: true, offloads: { b: 0xff }, heads: 4096, bodies: 32 });
    return new RuleFuzz(lab, seed);
  }

  private constructor(lab: TestSwitch, seed: number) {
    this.lab = lab;
    this.#random = new Random(seed);
    this.#packetIns = new Ring(lab.rulesOf('red').workers[0].packetIns);
    for (let meter = 1; meter <= METERS; meter++) this.#meter(meter, 'add');
  }

  /** Some changes, then a batch of frames; what the control side does later, such as giving places back, has its turn then. */
  async step(): Promise<void> {
    const random = this.#random;
    const { lab } = this;
    for (let n = random.below(8); n > 0; n--) this.#change();
    if (random.below(16) === 0) lab.engine.tenants.setCache(random.below(3) > 0);
    if (random.below(200) === 0) lab.linkUp[random.below(PORTS.length)] ^= 1;
    const only = random.below(3) === 0 ? random.pick(TEMPLATES) : null;
    for (let n = 0; n < BATCH; n++) this.#send(only ?? random.pick(TEMPLATES));
    lab.nowUs += random.below(20_000);
    lab.run();
    this.#drain();
    lab.expectBooksToBalance();
    await nextTurn();
  }

  #send(template: Buffer): void {
    const random = this.#random;
    template.copy(this.#bytes, VNET);
    this.#bytes.fill(0, 0, VNET);
    let length = template.length;
    if (random.below(3) === 0) length = mutate(this.#bytes, 0, length, 600, random.pick(TEMPLATES), 0x5a, random);
    const frame = this.#bytes.subarray(VNET, VNET + length);
    if (length >= 14 && random.below(8) > 0) frame[0] &= 0xfe;
    if (this.lab.end(`red/${random.pick(PORTS)}`).send(frame, this.#bytes.subarray(0, VNET))) this.sent++;
  }

  #drain(): void {
    for (const [name, frames] of this.lab.everything()) {
      if (name.startsWith('blue/')) throw new Error(`${frames.length} frames of red left by ${name}`);
      this.received += frames.length;
    }
    const ring = this.#packetIns;
    for (; ring.peek() >= 0; ring.pop()) this.told++;
  }

  #change(): void {
    const random = this.#random;
    const { log } = this.lab.datapath('red');
    this.changes++;
    const index = random.below(RULES);
    switch (random.below(12)) {
      case 0:
        log.write([LogRecord.RuleRemove, index]);
        break;
      case 1:
        this.#meter(1 + random.below(METERS), 'modify');
        break;
      case 2: {
        const port = 1 + random.below(4);
        log.write([LogRecord.Port, port, port - 1, random.pick([0, 0, 0, 0, 1, 4, 32, 64])]);
        break;
      }
      case 3:
        log.write([LogRecord.Mode, random.below(20) === 0 ? 1 : 0, random.below(8) === 0 ? 1 : 0, 128]);
        break;
      case 4:
        log.packetOut(random.pick([1, 2, 3, 4, -3]), this.#ops(3, 0), random.pick(TEMPLATES));
        break;
      case 5:
        this.#group(random.below(GROUPS));
        break;
      case 6:
        log.write([LogRecord.Queue, 1 + random.below(4), 1, random.below(3) - 1]);
        break;
      default:
        this.#rule(index, random.pick(TABLES));
    }
  }

  #meter(meter: number, command: 'add' | 'modify'): void {
    const random = this.#random;
    const rate = 1 + random.below(200);
    const band =
      random.below(2) === 0 ? { type: 'drop' as const } : { type: 'dscp_remark' as const, precedenceLevel: 1 };
    const flags = random.pick([MeterFlag.Kbps, MeterFlag.Packets]) | MeterFlag.Burst;
    this.lab.datapath('red').meterMod({ command, meter, flags, bands: [{ ...band, rate, burst: rate }] }, 'cli');
  }

  #rule(index: number, table: number): void {
    const { log } = this.lab.datapath('red');
    const head = [LogRecord.RuleSet, index, table, this.#random.below(6), 0, index];
    log.write([LogRecord.RuleRemove, index]);
    log.write([...head, ...this.#match(), ...this.#program(table)]);
  }

  /** Groups name later ones alone, as the control side sees to. */
  #group(index: number): void {
    const random = this.#random;
    const buckets = Array.from({ length: random.below(4) }, (_, b) => {
      const body = this.#ops(3, index + 1);
      const watched = random.pick([-1, -1, 1, 2]);
      return [index * 4 + b, random.below(3), watched, -1, body.length, ...body];
    });
    const kind = buckets.length === 0 ? 0 : random.below(4);
    this.lab.datapath('red').log.write([LogRecord.GroupSet, index, kind, buckets.length, ...buckets.flat()]);
  }

  /** What a frame of the templates may look like in some words of its key. */
  #match(): number[] {
    const random = this.#random;
    const places = new Set(
      Array.from({ length: random.below(8) === 0 ? 0 : 1 + random.below(3) }, () => random.below(KEY_WORDS)),
    );
    const words = [...places].sort((a, b) => a - b);
    const values = [0, 1, 2, 0x0200, 0x0800, 0x86dd, 6, 17, 0x0a000001, 0x0a000002];
    return [words.length, ...words.flatMap((word) => [word, random.pick(values), random.pick([1, 0xff, 0xffff, -1])])];
  }

  /** Tables lead to later ones alone. */
  #program(table: number): number[] {
    const random = this.#random;
    const set = random.below(3) === 0 ? this.#ops(3, 0) : [];
    return [
      ...(random.below(8) === 0 ? [opWord(Op.Meter, 2), random.below(METERS)] : []),
      ...this.#ops(4, 0),
      ...(random.below(8) === 0 ? [opWord(Op.ClearActions, 1)] : []),
      ...(set.length > 0 ? [opWord(Op.WriteActions, set.length + 1), ...set] : []),
      ...(table < LAST && random.below(3) === 0 ? [opWord(Op.GotoTable, 2), LAST] : []),
    ];
  }

  /** @param group the lowest index of a group that may be named */
  #ops(most: number, group: number): number[] {
    return Array.from({ length: this.#random.below(most + 1) }, () => this.#op(group)).flat();
  }

  #op(group: number): number[] {
    const random = this.#random;
    const any = random.next() | 0;
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        return [opWord(Op.Output, 3), random.below(3) === 0 ? random.pick(RESERVED) : 1 + random.below(5), 0xffff];
      case 3:
        return [opWord(random.pick(PLAIN), 1)];
      case 4: {
        const [code, types] = random.pick(TYPED);
        return [opWord(code, 2), random.pick(types)];
      }
      case 5:
        if (group < GROUPS && random.below(2) === 0) return [opWord(Op.Group, 2), group + random.below(GROUPS - group)];
        return [opWord(random.pick([Op.SetNwTtl, Op.SetMplsTtl, Op.SetQueue]), 2), any & 0xff];
      default: {
        const field = random.pick(Object.values(SetField));
        const value = WIDE.includes(field)
          ? [any, 1, 2, any]
          : DOUBLE.includes(field)
            ? [any & 0xffff, any]
            : [any & 7];
        return [opWord(Op.SetField, 2 + value.length), field, ...value];
      }
    }
  }
}
