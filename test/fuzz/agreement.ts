import { parseConfig } from '../../src/control/config/load.ts';
import type { PortModel, SwitchModel } from '../../src/control/config/model.ts';
import { DROP_REASONS } from '../../src/observe/drop.ts';
import { COLUMNS, Column } from '../../src/observe/ledger.ts';
import { arpReply } from '../../src/wire/build.ts';
import { TestSwitch } from '../support/test-switch.ts';
import { traced } from '../support/traced.ts';
import { OFFLOADS, ROUTER_MAC, TENANTS } from './config.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { type Template, templatesOf } from './templates.ts';
import { addRules, worldOf } from './world.ts';

const VNET = 10;
const TEMPLATES = 400;
const BURST = 300;
/**
 * Reasons that a trace cannot foresee, since what they depend on is the worker's alone: how many frames wait for a neighbour, how many
 * it has given to the slow path of late, and how full the ring to it is; and what the trace says instead.
 */
const UNSEEN: readonly (readonly [reason: string, sign: string])[] = [
  ['neighbor-queue', 'waits '],
  ['punt-rate', 'to the slow path'],
  ['punt-full', 'to the slow path'],
];
/** More than two tenants may hold. */
const HEADS = 20_000;
/** Offloads of ports by the names that worlds give them. */
const CARRIES: Readonly<Record<string, number>> = { p0: OFFLOADS['c'], p1: OFFLOADS['t'], up: OFFLOADS['lan'] };

/** What trace said was not what happened. */
export class Disagreement extends Error {}

/**
 * Random frames in random configurations: of each it is asked first what would happen, then it is sent. Where it leaves, with which
 * bytes, and for which reasons it or copies of it are dropped must be the same, and asking must have changed nothing.
 */
export class Agreement {
  frames = 0;
  left = 0;
  slow = 0;
  /** Frames that were to wait, or to go to the slow path, but were too many: see `UNSEEN`. */
  unseen = 0;
  worlds = 0;
  readonly reasons = new Map<string, number>();
  readonly #random: Random;
  readonly #templates: readonly (readonly Template[])[];
  #net: TestSwitch | undefined;
  #text = '';

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#templates = [1, 2].map((tenant) => templatesOf(tenant, TEMPLATES, 40, this.#random));
  }

  /** Another configuration, with rules for some tenants. */
  async next(): Promise<void> {
    const random = this.#random;
    let text = worldOf(random);
    while ('diagnostics' in parseConfig(text, '/world.yaml')) text = worldOf(random);
    this.#text = text;
    this.worlds++;
    const net = await TestSwitch.of(text, { offloads: CARRIES, heads: HEADS });
    this.#net = net;
    for (const { model, datapath } of net.tenants) if (random.below(2) === 0) addRules(datapath, model.name, random);
    if (random.below(4) === 0) net.linkUp[random.below(4)] = 0;
    if (random.below(8) === 0) net.engine.tenants.setCache(false);
    net.run();
    net.everything();
  }

  /** One frame. @throws Disagreement */
  step(): void {
    const net = this.#net;
    if (net === undefined) throw new Error('no world');
    const random = this.#random;
    const { model } = net;
    const tenant = random.pick(model.tenants);
    const port = random.pick(tenant.bridge.ports);
    const { frame, vnet } = this.#frame(TENANTS.indexOf(tenant.name as 'red'), port);
    // What came before may have used up what the port may send.
    if (random.below(40) === 0) this.#burst(net, `${tenant.name}/${port.name}`, frame);
    const before = this.#books(net);
    const said = traced(net, tenant.name, port.name, frame, vnet);
    if (!same(this.#books(net), before)) this.#fail(tenant.name, port, frame, vnet, 'asking has changed the books');
    const dropped = this.#drops(net);
    const consumed = this.#consumed(net);
    const uplink = port.kind === 'uplink' ? model.uplinks.find(({ name }) => name === port.uplink) : undefined;
    const line = uplink?.name ?? `${tenant.name}/${port.name}`;
    const whole =
      uplink === undefined || port.kind !== 'uplink' ? frame : withTag(frame, uplink.ethertype, port.outerVlan);
    net.end(line).send(whole, shifted(vnet, whole.length - frame.length));
    net.engine.turn(false);
    const left = [...net.everything()].flatMap(([name, list]) => list.map((one) => `${name} ${hex(one)}`));
    const expected = said.outputs.map((one) => `${lineOf(model, one.tenant, one.port)} ${one.frame}`);
    const now = this.#drops(net);
    let reasons: string[] = DROP_REASONS.flatMap(({ name }, k) => (now[k] > dropped[k] ? [name] : []));
    for (const [reason, sign] of UNSEEN) {
      if (!reasons.includes(reason) || said.drops.includes(reason)) continue;
      if (!said.steps.some(({ text }) => text.startsWith(sign))) continue;
      reasons = reasons.filter((one) => one !== reason);
      this.unseen++;
    }
    if (!same([...left].sort(), [...expected].sort()))
      this.#fail(tenant.name, port, frame, vnet, `said ${list(expected)}; left ${list(left)}; dropped by ${reasons}`);
    if (!same([...new Set(said.drops)].sort(), [...reasons].sort()))
      this.#fail(tenant.name, port, frame, vnet, `said dropped by ${said.drops}; was by ${reasons}`);
    for (const reason of reasons) {
      this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
      if (!said.steps.some(({ text }) => text.includes(`dropped, ${reason}`)))
        this.#fail(tenant.name, port, frame, vnet, `no step says that it is dropped by ${reason}`);
    }
    const slow = this.#consumed(net) > consumed;
    if (slow && !said.steps.some(({ text }) => /slow path|waits|controller/i.test(text)))
      this.#fail(
        ...([tenant.name, port, frame, vnet] as const),
        `no step says that the slow path hears of it: ${said.steps.map(({ stage, text }) => `${stage} ${text}`).join('; ')}`,
      );
    this.frames++;
    this.left += left.length;
    this.slow += slow ? 1 : 0;
    this.#settle(net);
  }

  /** A frame of a template, or something like it, as a station behind the port may send it. */
  #frame(tenant: number, port: PortModel): { readonly frame: Uint8Array; readonly vnet: Uint8Array } {
    const random = this.#random;
    const { vlan } = port;
    const fitting = (one: Template) =>
      vlan.mode === 'trunk' ? vlan.allowed.includes(one.vlan) : vlan.mode === 'tunnel' || vlan.vlan === one.vlan;
    let template = random.pick(this.#templates[tenant]);
    // Most frames are of a VLAN of their port.
    for (let k = 0; k < 12 && !fitting(template); k++) template = random.pick(this.#templates[tenant]);
    const bytes = Buffer.alloc(VNET + 70_000);
    let length = template.clean.length;
    template.clean.copy(bytes, VNET);
    const said = template.vnet;
    if (said !== null) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      bytes[0] = 1;
      bytes[1] = said.gsoType;
      view.setUint16(4, said.gsoSize, true);
      view.setUint16(6, said.csumStart, true);
      view.setUint16(8, said.csumOffset, true);
    }
    if (random.below(8) === 0)
      length = mutate(bytes, 0, length, 600, random.pick(this.#templates[tenant]).clean, 0x5a, random);
    // What is cut off before its tag is nobody's on an uplink.
    if (port.kind === 'uplink' && length < 14) length = template.clean.length;
    const frame = Uint8Array.from(bytes.subarray(VNET, VNET + length));
    const vnet = Uint8Array.from(bytes.subarray(0, VNET));
    const untagged =
      vlan.mode === 'trunk'
        ? vlan.native === template.vlan
          ? random.below(2) === 0
          : random.below(8) === 0
        : random.below(20) > 0;
    if (untagged || length < 14) return { frame, vnet };
    const tagged = withTag(frame, 0x8100, random.below(10) === 0 ? random.below(50) : template.vlan);
    return { frame: tagged, vnet: shifted(vnet, 4) };
  }

  #burst(net: TestSwitch, line: string, frame: Uint8Array): void {
    const end = net.devices.ends.get(line);
    for (let k = 0; k < BURST; k++) end?.send(frame);
    net.run();
    net.everything();
  }

  /** Lets the slow path do its work, answers some of what is asked, and lets time pass. */
  #settle(net: TestSwitch): void {
    const random = this.#random;
    net.run();
    for (const [name, frames] of net.everything()) {
      const request = frames.find((one) => one.length >= 42 && one[12] === 8 && one[13] === 6 && one[21] === 1);
      if (request === undefined || random.below(2) === 0) continue;
      const senderAddress = [...request.subarray(38, 42)].join('.');
      const host = request[41];
      const senderMac = `02:00:00:00:${hex(request.subarray(40, 41))}:${hex(Uint8Array.of(host))}`;
      const targetAddress = [...request.subarray(28, 32)].join('.');
      net.end(name).send(arpReply({ senderMac, senderAddress, targetMac: ROUTER_MAC, targetAddress }));
    }
    net.nowUs += random.pick([0, 10, 1000, 200_000]);
    net.run();
    // The slow path may have given up a neighbour last of all: who waits for it is dropped now, and not with the next frame.
    net.run();
    net.everything();
  }

  #books(net: TestSwitch): number[] {
    return net.tenants.flatMap(({ ledgers, macs, acls, rows }) => [
      macs.count,
      ...rows.flatMap((row) => [...ledgers[0].cells.subarray(row * COLUMNS, (row + 1) * COLUMNS)]),
      ...acls.flatMap(({ hits }) => [...hits[0]]),
    ]);
  }

  #drops(net: TestSwitch): number[] {
    return DROP_REASONS.map((_, reason) => this.#sum(net, Column.Drops + reason));
  }

  #consumed(net: TestSwitch): number {
    return this.#sum(net, Column.Consumed);
  }

  #sum(net: TestSwitch, column: number): number {
    let sum = 0;
    for (const { ledgers, rows } of net.tenants) for (const row of rows) sum += ledgers[0].get(row, column);
    return sum;
  }

  #fail(tenant: string, { name }: PortModel, frame: Uint8Array, vnet: Uint8Array, what: string): never {
    const rules = this.#net?.tenant(tenant).datapath.flows.size ?? 0;
    const place = `frame ${this.frames} of world ${this.worlds}, ${tenant}/${name}`;
    const input = `virtio-net ${hex(vnet)}, frame ${brief(hex(frame))}`;
    throw new Disagreement(`${place}: ${what}\n${input}\n${rules} rules; ${this.#text}`);
  }
}

function withTag(frame: Uint8Array, tpid: number, vid: number): Uint8Array {
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, 12));
  tagged.set([tpid >> 8, tpid & 255, vid >> 8, vid & 255], 12);
  tagged.set(frame.subarray(12), 16);
  return tagged;
}

/** Where a checksum begins, when so many bytes have come before it. */
function shifted(vnet: Uint8Array, by: number): Uint8Array {
  const moved = Uint8Array.from(vnet);
  if ((moved[0] & 1) !== 0) {
    const view = new DataView(moved.buffer);
    view.setUint16(6, view.getUint16(6, true) + by, true);
  }
  return moved;
}

/** The device that a port is on. */
function lineOf(model: SwitchModel, tenant: string, name: string): string {
  const port = model.tenants.find((one) => one.name === tenant)?.bridge.ports.find((one) => one.name === name);
  return port?.kind === 'uplink' ? port.uplink : `${tenant}/${name}`;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const MOST_LISTED = 4;

function list(lines: readonly string[]): string {
  if (lines.length === 0) return 'nothing';
  const more = lines.length > MOST_LISTED ? ` and ${lines.length - MOST_LISTED} more` : '';
  return lines.slice(0, MOST_LISTED).map(brief).join(', ') + more;
}

/** A line that may hold a super-frame, as far as somebody reads it. */
function brief(line: string): string {
  return line.length <= 200 ? line : `${line.slice(0, 200)}… (${line.length})`;
}

function same<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((one, k) => one === b[k]);
}
