import { HEAD_SIZE, HEAD_STRIDE } from '../../src/frame/layout.ts';
import { Ring } from '../../src/frame/ring.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { Column } from '../../src/observe/ledger.ts';
import { arpReply, neighborAdvertisement } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { CONFIG, dirtyMark, FREE_MARK, GAP_MARK, macOf, OFFLOADS, SHARES, TENANTS } from './config.ts';
import { mutate } from './mutate.ts';
import { Outgoing } from './outgoing.ts';
import { Random } from './random.ts';
import { type Template, templatesOf } from './templates.ts';

const VNET = 10;
const ARENA = 6 << 20;
/** A little more than a read takes: such frames are truncated. */
const LONGEST = 66_600;
const BATCH = 512;
/** Batches of a stretch in which the clock hardly moves, and one port or tenant sends all. */
const STRETCH = 24;
const HEADS = 1024;
const BODIES = 24;

/** One thing that the switch promises was not so. */
export class Violation extends Error {}

/** A device: rings to and from the switch, and what may leave by it; of an uplink, by outer VLAN. */
interface Line {
  readonly name: string;
  readonly into: Ring;
  readonly from: Ring;
  readonly tpid: number;
  readonly ways: Map<number, Outgoing>;
}

/** Where a tenant's frames can enter. */
interface Inlet {
  readonly line: number;
  readonly outerVlan: number;
  readonly tpid: number;
  readonly trunk: boolean;
  readonly tunnel: boolean;
  readonly native: number;
  readonly vlans: readonly number[];
}

/** A frame for the switch as text, in the form of the corpus. */
export interface Input {
  readonly line: string;
  readonly vnet: string;
  readonly frame: string;
}

/** The switch of `CONFIG`, fed with frames that are sound, broken, or lies, and watched after every batch. */
export class Fuzz {
  readonly lab: TestSwitch;
  sent = 0;
  refused = 0;
  received = 0;
  readonly #random: Random;
  readonly #lines: Line[] = [];
  readonly #inlets: Inlet[][] = [];
  readonly #templates: Template[][] = [];
  readonly #arena = Buffer.alloc(ARENA);
  readonly #slots: Buffer;
  /** Frames of the batch: place and length in the arena, line. */
  readonly #at = new Int32Array(BATCH + 64);
  readonly #length = new Int32Array(BATCH + 64);
  readonly #line = new Int32Array(BATCH + 64);
  #count = 0;
  #answers: { line: number; frame: Uint8Array }[] = [];
  #turns = 0;
  #lastHouse = 0;
  /** Batches left of a stretch; the tenant and, unless null, the port that send in it; whether nobody takes what leaves. */
  #stretch = 0;
  #tenant = -1;
  #port: Inlet | null = null;
  #blocked = false;

  static async create(seed: number, templates = 1500): Promise<Fuzz> {
    return new Fuzz(await TestSwitch.of(CONFIG, { offloads: OFFLOADS, heads: HEADS, bodies: BODIES }), seed, templates);
  }

  private constructor(lab: TestSwitch, seed: number, templates: number) {
    this.lab = lab;
    this.#random = new Random(seed);
    this.#slots = Buffer.from(lab.engine.pool.memory);
    this.#build();
    for (let tenant = 1; templates > 0 && tenant <= TENANTS.length; tenant++) {
      this.#templates.push(templatesOf(tenant, templates, 500, this.#random));
    }
    this.#paintGaps();
    for (let head = 0; head < HEADS; head++) this.#paint(head);
  }

  #build(): void {
    const { model } = this.lab;
    const line = (name: string, tpid: number): number => {
      const handles = this.lab.end(name).handles();
      return (
        this.#lines.push({ name, into: new Ring(handles.in), from: new Ring(handles.out), tpid, ways: new Map() }) - 1
      );
    };
    const uplinks = new Map(model.uplinks.map((uplink) => [uplink.name, line(uplink.name, uplink.ethertype)]));
    model.tenants.forEach((tenant, t) => {
      const inlets: Inlet[] = [];
      for (const port of tenant.bridge.ports) {
        const shared = port.kind === 'uplink';
        const index = shared ? uplinks.get(port.uplink)! : line(`${tenant.name}/${port.name}`, 0);
        const { tpid, ways } = this.#lines[index];
        const outerVlan = shared ? port.outerVlan : 0;
        const { vlan } = port;
        const trunk = vlan.mode === 'trunk' ? vlan.allowed : null;
        const native = vlan.mode === 'trunk' ? (vlan.native ?? 0) : 0;
        const tenants = SHARES[tenant.name].map((name) => TENANTS.indexOf(name as 'red') + 1);
        const name = `${tenant.name}/${port.name}`;
        const offloads = OFFLOADS[shared ? port.uplink : port.name] ?? 0;
        ways.set(
          outerVlan,
          new Outgoing({ name, offloads, mtu: port.mtu, trunk, native, tunnel: vlan.mode === 'tunnel', tenants }),
        );
        const vlans = vlan.mode === 'trunk' ? vlan.allowed : [vlan.vlan];
        inlets.push({
          line: index,
          outerVlan,
          tpid,
          trunk: trunk !== null,
          tunnel: vlan.mode === 'tunnel',
          native,
          vlans,
        });
      }
      this.#inlets[t] = inlets;
    });
  }

  get verified(): number {
    let sum = 0;
    for (const { ways } of this.#lines) for (const way of ways.values()) sum += way.verified;
    return sum;
  }

  /** Sends one batch of frames of all kinds, lets the switch come to rest, looks at all that left and at the books. */
  step(): void {
    this.#compose();
    this.#paintSome();
    this.#feed();
    this.#passTime();
    this.lab.run();
    this.inspect();
  }

  /** Sends frames of the corpus, one at a time. */
  replay(input: Input): void {
    const line = this.#lines.findIndex(({ name }) => name === input.line);
    if (line < 0) throw new Error(`no port ${input.line}`);
    this.#count = 0;
    const bytes = Buffer.concat([Buffer.from(input.vnet, 'hex'), Buffer.from(input.frame, 'hex')]);
    bytes.copy(this.#arena, 0);
    this.#enter(0, bytes.length, line);
    this.#feed();
    this.lab.nowUs += 1000;
    this.lab.run();
    this.inspect();
  }

  wait(ms: number): void {
    this.lab.advance(ms);
    this.inspect();
  }

  /** The frames of the last batch. */
  batch(): Input[] {
    return Array.from({ length: this.#count }, (_, i) => {
      const at = this.#at[i];
      const end = at + this.#length[i];
      const hex = (from: number, to: number) => this.#arena.toString('hex', from, to);
      return {
        line: this.#lines[this.#line[i]].name,
        vnet: hex(at, Math.min(end, at + VNET)),
        frame: hex(Math.min(end, at + VNET), end),
      };
    });
  }

  /** Lets everything that waits run out: then every slot must be free. */
  rest(): void {
    this.#blocked = false;
    this.lab.run();
    this.inspect();
    this.lab.advance(20_000);
    this.inspect();
    const { usedHeads, usedBodies } = this.lab.engine.pool.audit();
    if (usedHeads + usedBodies > 0)
      throw new Violation(`at rest ${usedHeads} heads and ${usedBodies} bodies are in use`);
  }

  /** Drops of all tenants by reason, zeros included. */
  drops(): Map<string, number> {
    const found = new Map<string, number>(DROP_REASONS.map(({ name }) => [name, 0]));
    const { uplinks, tenants } = this.lab;
    const books = tenants.map(({ ledgers, rows }) => ({ ledger: ledgers[0], rows }));
    const shared = { ledger: uplinks, rows: Array.from({ length: uplinks.rows }, (_, row) => row) };
    for (const { ledger, rows } of [shared, ...books]) {
      for (const row of rows) {
        DROP_REASONS.forEach(({ name }, reason) => {
          found.set(name, found.get(name)! + ledger.get(row, Column.Drops + reason));
        });
      }
    }
    return found;
  }

  #compose(): void {
    const random = this.#random;
    this.#count = 0;
    let at = 0;
    for (const { line, frame } of this.#answers) {
      this.#arena.fill(0, at, at + VNET);
      this.#arena.set(frame, at + VNET);
      this.#enter(at, VNET + frame.length, line);
      at += VNET + frame.length;
    }
    this.#answers = [];
    this.#nextStretch();
    const frames = 1 + random.below(BATCH);
    for (let k = 0; k < frames && at + LONGEST < ARENA; k++) {
      at += this.#one(at, this.#templates[this.#tenant >= 0 ? this.#tenant : random.below(TENANTS.length)]);
    }
  }

  /** Now and then one tenant, or one port, sends all for a while, so that limits are met. */
  #nextStretch(): void {
    const random = this.#random;
    if (this.#stretch-- > 0) return;
    this.#stretch = 0;
    this.#tenant = -1;
    this.#port = null;
    this.#blocked = false;
    if (random.below(100) !== 0) return;
    this.#stretch = 1 + random.below(STRETCH);
    this.#tenant = random.below(TENANTS.length);
    if (random.below(2) === 0) this.#port = random.pick(this.#inlets[this.#tenant]);
    this.#blocked = random.below(3) === 0;
  }

  #enter(at: number, length: number, line: number): void {
    const i = this.#count++;
    this.#at[i] = at;
    this.#length[i] = length;
    this.#line[i] = line;
  }

  /** @returns bytes of the arena taken */
  #one(at: number, templates: Template[]): number {
    const random = this.#random;
    const arena = this.#arena;
    const template = random.pick(templates);
    const inlets = this.#inlets[template.tenant - 1];
    const clean = random.below(5) < 2;
    // A station stays where it is, mostly.
    let inlet = inlets[(template.host * 7 + template.vlan) % inlets.length];
    const stays = random.below(64) !== 0;
    for (let tries = 0; tries < inlets.length && !(inlet.vlans.includes(template.vlan) && stays); tries++) {
      inlet = inlets[(template.host * 7 + template.vlan + tries + (stays ? 0 : random.next() & 7)) % inlets.length];
      if (!stays) break;
    }
    if (this.#port !== null) inlet = this.#port;
    const source = clean ? template.clean : template.dirty;
    arena.fill(0, at, at + VNET);
    let to = at + VNET;
    source.copy(arena, to, 0, 12);
    to += 12;
    let tags = 0;
    if (inlet.outerVlan > 0) {
      arena.writeUInt16BE(inlet.tpid, to);
      arena.writeUInt16BE(inlet.outerVlan | (random.below(8) << 13), to + 2);
      tags += 4;
    }
    if (inlet.trunk && inlet.native !== template.vlan) {
      arena.writeUInt16BE(random.below(8) === 0 ? 0x88a8 : 0x8100, to + tags);
      arena.writeUInt16BE(template.vlan | (random.below(8) << 13), to + tags + 2);
      tags += 4;
    }
    if (inlet.tunnel && random.below(2) === 0) {
      arena.writeUInt16BE(0x8100, to + tags);
      arena.writeUInt16BE(41, to + tags + 2);
      tags += 4;
    }
    source.copy(arena, to + tags, 12);
    let length = source.length + tags;
    const { vnet } = template;
    if (vnet !== null) {
      arena[at] = 1;
      arena[at + 1] = vnet.gsoType;
      arena.writeUInt16LE(vnet.gsoSize, at + 4);
      arena.writeUInt16LE(vnet.csumStart + tags, at + 6);
      arena.writeUInt16LE(vnet.csumOffset, at + 8);
    }
    if (!clean && random.below(16) !== 0) {
      const other = random.pick(templates).dirty;
      length = mutate(arena, at, length, LONGEST - VNET, other, dirtyMark(template.tenant), random);
      if (random.below(4096) === 0) {
        arena.fill(dirtyMark(template.tenant), at + VNET + length, at + LONGEST);
        length = LONGEST - VNET;
      }
      // Who sends on an uplink may choose its tag: then the frame belongs to somebody else, marks and all.
      const outer = at + VNET + 12;
      const vid = length >= 18 && arena.readUInt16BE(outer) === inlet.tpid ? arena.readUInt16BE(outer + 2) & 0xfff : 0;
      if (vid !== inlet.outerVlan && this.#lines[inlet.line].ways.has(vid))
        arena.writeUInt16BE(inlet.outerVlan, outer + 2);
    }
    this.#enter(at, VNET + length, inlet.line);
    return VNET + length;
  }

  #feed(): void {
    for (let i = 0; i < this.#count; i++) {
      const ring = this.#lines[this.#line[i]].into;
      const length = this.#length[i];
      const to = ring.reserve(length);
      if (to < 0) {
        this.refused++;
        continue;
      }
      ring.octets.set(this.#arena.subarray(this.#at[i], this.#at[i] + length), to);
      ring.commit();
      this.sent++;
    }
  }

  #passTime(): void {
    const random = this.#random;
    const { lab } = this;
    lab.linkUp.fill(1);
    if (this.#stretch > 0) {
      lab.nowUs += random.below(100);
      return;
    }
    const kind = random.below(1000);
    lab.nowUs += kind < 880 ? random.below(2000) : kind < 993 ? random.below(50_000) : random.below(3_000_000);
    if (kind === 999) lab.nowUs += 400_000_000;
    if (kind < 3) {
      const { image } = random.pick(lab.tenants);
      lab.engine.tenants.set(image);
    }
    // A cable is pulled, until the next batch.
    if (kind < 20) lab.linkUp[random.below(this.#lines.length)] = 0;
    if (lab.nowUs - this.#lastHouse > 1_000_000) {
      this.#lastHouse = lab.nowUs;
      for (const tenant of lab.tenants) tenant.keepHouse((lab.nowUs / 1000) | 0);
      lab.events.length = 0;
    }
  }

  /** Holds everything that has left, and the books and slots, against the invariants. */
  inspect(): void {
    if (!this.#blocked) for (let k = 0; k < this.#lines.length; k++) this.#drain(k);
    const { engine, tenants, uplinks } = this.lab;
    const { pool } = engine;
    let held = 0;
    for (const { ledgers, model, rows } of tenants) {
      const ledger = ledgers[0];
      for (const row of rows) {
        const off = ledger.imbalance(row);
        if (off !== 0) throw new Violation(`${model.name}, row ${row}: the books are off by ${off}`);
        held += ledger.get(row, Column.Held);
      }
    }
    for (let row = 0; row < uplinks.rows; row++) {
      if (uplinks.imbalance(row) !== 0) throw new Violation(`uplink ${row}: the books are off`);
    }
    const { usedHeads, usedBodies, freeHeads, freeBodies } = pool.audit();
    if (freeHeads + usedHeads !== HEADS || freeBodies + usedBodies !== BODIES)
      throw new Violation('a slot is neither free nor referenced');
    if (usedHeads !== held) throw new Violation(`${usedHeads} heads are referenced, ${held} frames held`);
    if (usedBodies > held) throw new Violation(`${usedBodies} bodies are referenced, ${held} frames held`);
    let charged = 0;
    for (let tenant = 0; tenant < pool.held.length; tenant++) charged += pool.held[tenant];
    if (charged !== usedHeads) throw new Violation(`${usedHeads} heads are referenced, ${charged} charged to tenants`);
    if ((this.#turns++ & 63) === 0) this.#inspectGaps();
  }

  #drain(k: number): void {
    const { from, tpid, ways, name } = this.#lines[k];
    const { bytes, octets } = from;
    for (let at = from.peek(); at >= 0; at = from.peek()) {
      const end = at + from.lengthAt(at);
      let start = at + VNET;
      let vid = 0;
      if (tpid !== 0) {
        if (end - start < 18 || bytes.getUint16(start + 12) !== tpid)
          throw new Violation(`${name}: a frame without outer tag`);
        vid = bytes.getUint16(start + 14) & 0xfff;
        // The MACs follow the tag, as the other frames have them before it.
        octets.copyWithin(start + 4, start, start + 12);
        start += 4;
      }
      const way = ways.get(vid);
      if (way === undefined) throw new Violation(`${name}: outer VLAN ${vid} is nobody's`);
      const wrong = way.check(bytes, octets, at, start, end, start - at - VNET);
      if (wrong !== null) {
        const hex = Buffer.from(octets.subarray(at, Math.min(end, at + 400))).toString('hex');
        throw new Violation(`${way.way.name}: ${wrong}; the frame that left (virtio-net header first): ${hex}`);
      }
      this.received++;
      if (octets[start + 12] === 0x08 && octets[start + 13] === 0x06) this.#answerArp(k, octets, start, end);
      else if (octets[start + 12] === 0x86 && octets[start + 54] === 135)
        this.#answerSolicitation(k, octets, start, end);
      from.pop();
    }
  }

  /** Now and then somebody answers the router, on ports without tags. */
  #answerArp(line: number, octets: Uint8Array, start: number, end: number): void {
    const isRequest =
      end - start >= 42 && octets[start + 21] === 1 && octets[start + 6] === 2 && octets[start + 7] === 0x54;
    if (!isRequest || this.#lines[line].tpid !== 0 || this.#answers.length > 16 || this.#random.below(3) === 0) return;
    const target = [...octets.subarray(start + 38, start + 42)];
    const senderMac = macOf(target[2], target[3] & 63);
    const router = [...octets.subarray(start + 28, start + 32)].join('.');
    const frame = arpReply({
      senderMac,
      senderAddress: target.join('.'),
      targetMac: '02:54:00:00:00:01',
      targetAddress: router,
    });
    this.#answers.push({ line, frame });
  }

  #answerSolicitation(line: number, octets: Uint8Array, start: number, end: number): void {
    const fromRouter = end - start >= 78 && octets[start + 6] === 2 && octets[start + 7] === 0x54;
    if (!fromRouter || this.#lines[line].tpid !== 0 || this.#answers.length > 16 || this.#random.below(3) === 0) return;
    const words = (at: number) =>
      [0, 4, 8, 12].map((k) => new DataView(octets.buffer, octets.byteOffset).getUint32(at + k));
    const target = words(start + 62);
    const sourceMac = macOf(target[1] & 0xff, target[3] & 63);
    const destination = { mac: '02:54:00:00:00:01', address: words(start + 22) };
    const answer = { sourceMac, source: target, target, router: false, solicited: true, override: true, destination };
    this.#answers.push({ line, frame: neighborAdvertisement(answer) });
  }

  #paint(head: number): void {
    const at = head * HEAD_STRIDE;
    this.#slots.fill(FREE_MARK, at, at + HEAD_SIZE);
  }

  /** Free slots hold no frame: what comes out of them tells. Slots are taken from the end of a list, so a few are hot. */
  #paintSome(): void {
    const { pool } = this.lab.engine;
    for (let k = 0; k < 24; k++) {
      const head = this.#random.below(HEADS);
      if (pool.refs(head) === 0) this.#paint(head);
    }
    const body = HEADS + this.#random.below(BODIES);
    if (this.#random.below(16) === 0 && pool.refs(body) === 0) {
      const at = pool.position(body);
      this.#slots.fill(FREE_MARK, at, at + 64_512);
    }
  }

  #paintGaps(): void {
    for (let head = 0; head < HEADS; head++)
      this.#slots.fill(GAP_MARK, head * HEAD_STRIDE + HEAD_SIZE, (head + 1) * HEAD_STRIDE);
  }

  #inspectGaps(): void {
    const gap = Buffer.alloc(HEAD_STRIDE - HEAD_SIZE, GAP_MARK);
    for (let head = 0; head < HEADS; head++) {
      const at = head * HEAD_STRIDE + HEAD_SIZE;
      if (this.#slots.compare(gap, 0, gap.length, at, at + gap.length) !== 0)
        throw new Violation(`something was written behind head ${head}`);
    }
  }
}
