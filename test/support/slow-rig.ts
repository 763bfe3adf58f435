import { Ring } from '../../src/frame/ring.ts';
import { Inject, InjectRecord, type Punt, PuntRecord } from '../../src/path/punt.ts';
import type { SlowCounters } from '../../src/slow/counters.ts';
import type { SlowEvent } from '../../src/slow/events.ts';
import { SlowPath } from '../../src/slow/slow-path.ts';
import type { PermanentNeighbor, SlowInterface, SlowLimits } from '../../src/slow/tenant.ts';
import { seededKeys } from '../../src/table/hash.ts';
import { NeighborState, NeighborTable } from '../../src/table/neighbor-table.ts';
import { fourWords, parseAddress, parseInterface } from '../../src/wire/address.ts';
import { formatMac, parseMac } from '../../src/wire/ethernet.ts';
import { describe } from './describe-frame.ts';

export const ROUTER_MAC = '02:00:00:00:ff:01';
export const ROUTER_LINK_LOCAL = 'fe80::ff:fe00:ff01';
export const HOST_MAC = '02:00:00:00:0a:02';
export const HOST_LINK_LOCAL = 'fe80::ff:fe00:a02';

export interface RigOptions {
  readonly interfaces?: readonly Partial<SlowInterface>[];
  readonly permanent?: readonly PermanentNeighbor[];
  readonly neighbors?: NeighborTable;
  readonly capacity?: number;
  readonly workers?: number;
  readonly injectBytes?: number;
  readonly limits?: Partial<SlowLimits>;
  readonly random?: () => number;
}

export function addressesOf(...texts: string[]): SlowInterface['addresses'] {
  return texts.map((text) => {
    const { address, length } = parseInterface(text);
    return { family: address.family, words: address.words, prefixLength: length };
  });
}

/** Interface `web` on VLAN 10 with 10.0.10.1/24 and fd00:10::1/64, unless told otherwise. */
export function interfaceOf(settings: Partial<SlowInterface> = {}): SlowInterface {
  return {
    name: 'web',
    vlan: 10,
    mac: parseMac(ROUTER_MAC),
    mtu: 1500,
    addresses: addressesOf('10.0.10.1/24', 'fd00:10::1/64'),
    linkLocal: null,
    ra: null,
    ...settings,
  };
}

export function words(text: string): readonly number[] {
  return fourWords(parseAddress(text).words);
}

export interface Sent {
  readonly worker: number;
  readonly kind: Inject;
  readonly vlan: number;
  readonly frame: Uint8Array;
  /** What the frame says, as a sentence; its checksums were right. */
  readonly text: string;
}

/** A slow path with one tenant, its rings in memory, its clock in the test's hand. What was sent at the start is taken away. */
export class SlowRig {
  readonly slow: SlowPath;
  readonly table: NeighborTable;
  readonly events: SlowEvent[] = [];
  readonly woken: number[] = [];
  readonly punts: readonly Ring[];
  readonly injects: readonly Ring[];
  now = 1_000_000;

  constructor(options: RigOptions = {}) {
    const { workers = 1, interfaces = [{}], capacity = 64, random = () => 0.5 } = options;
    this.slow = new SlowPath(random);
    this.table = options.neighbors ?? NeighborTable.create(capacity, seededKeys(1));
    this.punts = Array.from({ length: workers }, () => Ring.create(1 << 18));
    this.injects = Array.from({ length: workers }, () => Ring.create(options.injectBytes ?? 1 << 18));
    this.slow.addTenant(
      {
        name: 'red',
        interfaces: interfaces.map(interfaceOf),
        neighbors: this.table,
        permanent: options.permanent ?? [],
        punts: this.punts,
        injects: this.injects,
        wake: (worker) => this.woken.push(worker),
        onEvent: (event) => this.events.push(event),
        limits: options.limits ?? {},
      },
      this.now,
    );
  }

  /** Lets the announcements of the start go by. */
  static started(options: RigOptions = {}): SlowRig {
    const rig = new SlowRig(options);
    rig.pass(3000);
    rig.sent();
    return rig;
  }

  get counters(): Readonly<SlowCounters> {
    const counters = this.slow.counters().get('red');
    if (counters === undefined) throw new Error('the tenant is gone');
    return counters;
  }

  /** Writes a record as a worker does. */
  punt(kind: Punt | number, frame: Uint8Array, settings: Partial<PuntSettings> = {}): void {
    const { worker = 0, port = 1, vlan = 10, interface: index = 0, argument = 0, address = [0, 0, 0, 0] } = settings;
    const ring = this.punts[worker];
    const at = ring.reserve(PuntRecord.Frame + frame.length);
    if (at < 0) throw new Error('the punt ring of the test is full');
    const set = (offset: number, value: number) => ring.bytes.setInt32(at + offset, value, true);
    set(PuntRecord.Kind, kind);
    set(PuntRecord.Port, port);
    set(PuntRecord.Vlan, vlan);
    set(PuntRecord.Interface, index);
    set(PuntRecord.Argument, argument);
    address.forEach((word, i) => {
      set(PuntRecord.Address + i * 4, word);
    });
    set(PuntRecord.FrameLength, settings.frameLength ?? frame.length);
    ring.octets.set(frame, at + PuntRecord.Frame);
    ring.commit();
  }

  /** Punts one frame, takes a turn, and returns what was sent. */
  answer(kind: Punt, frame: Uint8Array, settings: Partial<PuntSettings> = {}): Sent[] {
    this.punt(kind, frame, settings);
    this.turn();
    return this.sent();
  }

  /** As `answer`, as sentences. */
  ask(kind: Punt, frame: Uint8Array, settings: Partial<PuntSettings> = {}): string[] {
    return this.answer(kind, frame, settings).map(({ text }) => text);
  }

  /** A worker asks for a neighbour. @returns what was sent, as sentences */
  resolve(address: string, index = 0): string[] {
    return this.ask(0, new Uint8Array(0), { interface: index, address: words(address) });
  }

  turn(): number {
    return this.slow.turn(this.now);
  }

  /** Lets time go by, turn by turn, each when it is due. @returns what was sent, as sentences */
  pass(milliseconds: number): string[] {
    const end = this.now + milliseconds;
    for (let turns = 0; turns < 100_000; turns++) {
      const next = this.now + this.turn();
      if (next > end) break;
      this.now = Math.max(next, this.now);
    }
    this.now = end;
    this.turn();
    return this.sentences();
  }

  sentences(): string[] {
    return this.sent().map(({ text }) => text);
  }

  /** Takes what was sent out of the rings. */
  sent(): Sent[] {
    const sent: Sent[] = [];
    for (const [worker, ring] of this.injects.entries()) {
      for (let at = ring.peek(); at >= 0; at = ring.peek()) {
        const kind = ring.bytes.getInt32(at + InjectRecord.Kind, true) === Inject.Route ? Inject.Route : Inject.Bridge;
        const vlan = ring.bytes.getInt32(at + InjectRecord.Vlan, true);
        const frame = ring.octets.slice(at + InjectRecord.Frame, at + ring.lengthAt(at));
        sent.push({ worker, kind, vlan, frame, text: describe(frame) });
        ring.pop();
      }
    }
    return sent;
  }

  /** State and MAC of a neighbour, as workers see them; null when it is not there. */
  neighbor(address: string, index = 0): string | null {
    const entry = this.table.locate(index, words(address));
    if (entry < 0) return null;
    const names = Object.entries(NeighborState);
    const name = names.find(([, value]) => value === this.table.state(entry))?.[0] ?? '?';
    return this.table.usable(entry) ? `${name} ${formatMac(this.table.macHi(entry), this.table.macLo(entry))}` : name;
  }

  /** A worker sends a frame to a neighbour. */
  use(address: string, index = 0): void {
    this.table.markUsed(this.table.locate(index, words(address)));
  }

  /** Kinds of events since the last call. */
  happened(): string[] {
    return this.events.splice(0).map(({ kind }) => kind);
  }
}

export interface PuntSettings {
  readonly worker: number;
  readonly port: number;
  readonly vlan: number;
  readonly interface: number;
  readonly argument: number;
  readonly address: readonly number[];
  readonly frameLength: number;
}
