import { type Batch, Fate, Kind, Trait } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Ring } from '../../frame/ring.ts';
import { DROP_REASONS } from '../../observe/drop.ts';
import { Column, Ledger } from '../../observe/ledger.ts';
import type { Datapath } from '../../openflow/datapath/datapath.ts';
import { HopKind, ROUTER_ROW, type TenantImage } from '../../path/image.ts';
import type { Outputs } from '../../path/outputs.ts';
import { Punt, PuntRecord } from '../../path/punt.ts';
import type { Observer, OutStage, Stage } from '../../path/stage.ts';
import { formatAddress } from '../../wire/address.ts';
import { formatMac } from '../../wire/ethernet.ts';
import type { TenantModel } from '../config/model.ts';

import { RuleNarrator } from './rule-narrator.ts';

/** One thing that happened to the frame. */
export interface Step {
  readonly tenant: string;
  readonly stage: string;
  readonly text: string;
}

/** A row of the batch before a stage. */
interface Before {
  readonly fate: number;
  readonly vlan: number;
  readonly macs: number;
  readonly inInterface: number;
  readonly outInterface: number;
  readonly ttl: number;
}

const KINDS = ['other', 'IPv4', 'IPv6', 'ARP'] as const;
const PUNTS = Object.entries(Punt);

/**
 * Tells, stage by stage, what a path does to the one frame of its batch: it looks at the columns, the lists' counters and the
 * ring to the slow path before and after, and says what has changed.
 */
export class Narrator implements Observer {
  readonly steps: Step[] = [];
  readonly #pool: Pool;
  readonly #model: TenantModel;
  readonly #image: TenantImage;
  readonly #punts: Ring;
  readonly #ledger: Ledger;
  /** Hits of each list when they were looked at last. */
  readonly #hits: Float64Array[];

  readonly rules: RuleNarrator;

  constructor(pool: Pool, model: TenantModel, image: TenantImage, datapath: Datapath) {
    this.rules = new RuleNarrator(datapath, (text) => this.say('rules', text));
    this.#pool = pool;
    this.#model = model;
    this.#image = image;
    this.#punts = new Ring(image.workers[0].punt);
    this.#ledger = new Ledger(ROUTER_ROW + 1, image.workers[0].ledger);
    this.#hits = image.acls.map(({ hits }) => hits[0].slice());
  }

  in(stage: Stage): Stage {
    return {
      name: stage.name,
      run: (batch) => {
        if (batch.count === 0 || batch.fate[0] !== Fate.Live) {
          stage.run(batch);
          return;
        }
        const before = this.#look(batch);
        const said = this.steps.length;
        const dropped = this.#dropped(batch.port[0]);
        const row = batch.port[0];
        // The last stage goes on into the way out, which tells for itself.
        if (stage.name === 'forward') this.#forward(batch, () => stage.run(batch));
        else {
          stage.run(batch);
          this.#after(stage.name, batch, before);
        }
        this.#copies(stage.name, row, said, dropped);
      },
    };
  }

  out(stage: OutStage): OutStage {
    return {
      name: stage.name,
      run: (batch, outputs) => {
        const before = Array.from({ length: outputs.count }, (_, o) => ({
          port: outputs.port[o],
          length: outputs.headLength[o],
        }));
        const dropped = this.#dropped(batch.port[0]);
        stage.run(batch, outputs);
        this.#lists(stage.name);
        for (const [o, was] of before.entries()) this.#output(stage.name, batch, outputs, o, was, dropped);
        this.#punted(stage.name);
      },
    };
  }

  say(stage: string, text: string): void {
    this.steps.push({ tenant: this.#model.name, stage, text });
  }

  #look(batch: Batch): Before {
    return {
      fate: batch.fate[0],
      vlan: batch.vlan[0],
      macs: this.#ledger.get(batch.port[0], Column.Moves),
      inInterface: batch.inInterface[0],
      outInterface: batch.outInterface[0],
      ttl: this.#ttl(batch),
    };
  }

  #ttl(batch: Batch): number {
    const at = batch.l3[0];
    if (batch.ipLength[0] === 0) return -1;
    return this.#pool.bytes.getUint8(at + (batch.kind[0] === Kind.Ipv4 ? 8 : 7));
  }

  #after(stage: string, batch: Batch, before: Before): void {
    const said = this.steps.length;
    this.#lists(stage);
    if (stage === 'parse') this.say(stage, this.#headers(batch));
    if (stage === 'vlan-in' && batch.fate[0] === Fate.Live) this.say(stage, `VLAN ${batch.vlan[0]}`);
    if (stage === 'learn' && batch.fate[0] === Fate.Live) this.say(stage, this.#learned(batch));
    if (stage !== 'parse' && batch.inInterface[0] !== before.inInterface)
      this.say(stage, `to the router, by interface ${this.#interface(batch.inInterface[0])}`);
    if (stage !== 'parse' && batch.outInterface[0] !== before.outInterface) this.say(stage, this.#route(batch));
    if (stage === 'hop-limit' && batch.ipLength[0] > 0 && this.#ttl(batch) !== before.ttl)
      this.say(stage, `TTL ${before.ttl} becomes ${this.#ttl(batch)}`);
    if (stage === 'adjacency' && (batch.traits[0] & Trait.Routed) !== 0 && batch.fate[0] === Fate.Live) {
      const at = batch.start[0];
      this.say(stage, `next link ${this.#mac(at + 6)} to ${this.#mac(at)}, VLAN ${batch.vlan[0]}`);
    }
    this.#punted(stage);
    if (batch.fate[0] === Fate.Dropped) this.say(stage, dropText(batch.reason[0]));
    if (batch.fate[0] === Fate.Held) this.say(stage, 'waits for the neighbour to answer');
    if (batch.fate[0] === Fate.Leaked)
      this.say(stage, 'handed to the router of another tenant, which shares the prefix');
    if (batch.fate[0] === Fate.Punted && this.steps.length === said) this.say(stage, 'taken by the slow path');
    if (stage === 'rules' && batch.fate[0] === Fate.Live) this.rules.goesOn();
    // Rules that have sent it away have said where.
    if (this.steps.length === said && batch.fate[0] !== Fate.Sent) this.say(stage, 'goes on');
  }

  #forward(batch: Batch, run: () => void): void {
    const at = batch.start[0];
    const group = (batch.traits[0] & Trait.Group) !== 0;
    const place = this.steps.length;
    // Rules may have sent it elsewhere before.
    this.#egressPorts.length = 0;
    run();
    const ports = new Set(this.#egressPorts);
    this.#egressPorts.length = 0;
    const text =
      batch.fate[0] === Fate.Dropped
        ? dropText(batch.reason[0])
        : `${group ? 'group address: ' : ''}${ports.size > 1 || group ? 'flooded to' : `${this.#mac(at)} is behind`} ${[...ports].join(', ')}`;
    this.steps.splice(place, 0, { tenant: this.#model.name, stage: 'forward', text });
  }

  readonly #egressPorts: string[] = [];

  #output(
    stage: string,
    batch: Batch,
    outputs: Outputs,
    o: number,
    was: { readonly port: number; readonly length: number },
    dropped: readonly number[],
  ): void {
    if (was.port < 0) return;
    const name = this.#port(was.port);
    if (!this.#egressPorts.includes(name)) this.#egressPorts.push(name);
    if (outputs.port[o] < 0) {
      const now = this.#dropped(batch.port[0]);
      const reason = now.findIndex((count, k) => count > dropped[k]);
      this.say(stage, `${name}: ${reason < 0 ? 'dropped' : dropText(reason)}`);
    } else if (stage === 'vlan-out') {
      const tagged =
        outputs.headLength[o] > was.length || (batch.tagged[0] === 1 && outputs.headLength[o] === was.length);
      this.say(stage, `${name}: ${tagged ? `tagged with VLAN ${batch.vlan[0]}` : 'untagged'}`);
    } else if (stage === 'emit') {
      const pieces = batch.segments[0] > 1 ? ` (${batch.segments[0]} segments)` : '';
      this.say(stage, `${name}: sent, ${outputs.headLength[o] + batch.bodyLength[0]} bytes${pieces}`);
    }
  }

  /** Rules that have been hit since the last look. */
  #lists(stage: string): void {
    for (const [a, { name, hits, action }] of this.#image.acls.entries()) {
      const now = hits[0];
      const rule = now.findIndex((count, k) => count > this.#hits[a][k]);
      if (rule < 0) continue;
      this.#hits[a] = now.slice();
      const text = rule < action.length ? this.#model.acls[a].rules[rule].text : 'default deny';
      this.say(stage, `list ${name}, ${rule < action.length ? `rule ${rule + 1}: ` : ''}${text}`);
    }
  }

  /** What has gone to the slow path since the last look. */
  #punted(stage: string): void {
    const ring = this.#punts;
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      const kind = ring.bytes.getInt32(at + PuntRecord.Kind, true);
      const name = PUNTS.find(([, value]) => value === kind)?.[0] ?? String(kind);
      this.say(stage, `to the slow path: ${name.replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`);
      ring.pop();
    }
  }

  #dropped(row: number): number[] {
    return DROP_REASONS.map((_, reason) => this.#ledger.get(row, Column.Drops + reason));
  }

  /** What was dropped that no step has told of yet: copies of the frame, which rules have made. */
  #copies(stage: string, row: number, said: number, before: readonly number[]): void {
    const now = this.#dropped(row);
    const told = this.steps.slice(said);
    for (const [reason, count] of now.entries()) {
      if (count === before[reason] || told.some(({ text }) => text.includes(dropText(reason)))) continue;
      this.say(stage, `a copy is ${dropText(reason)}`);
    }
  }

  #headers(batch: Batch): string {
    const at = batch.start[0];
    const tag = batch.tagged[0] === 1 ? `, VLAN tag ${batch.vlan[0]}` : '';
    const link = `${this.#mac(at + 6)} to ${this.#mac(at)}${tag}`;
    const l3 = batch.l3[0];
    const { bytes } = this.#pool;
    if (batch.ipLength[0] === 0)
      return `${link}, ${KINDS[batch.kind[0]]} (0x${batch.etherType[0].toString(16).padStart(4, '0')})`;
    const words = (from: number, count: number) =>
      Array.from({ length: count }, (_, k) => bytes.getInt32(from + 4 * k));
    const four = batch.kind[0] === Kind.Ipv4;
    const from = formatAddress(four ? words(l3 + 12, 1) : words(l3 + 8, 4));
    const to = formatAddress(four ? words(l3 + 16, 1) : words(l3 + 24, 4));
    const ports = batch.sport[0] >= 0 ? `, ${batch.sport[0]} to ${batch.dport[0]}` : '';
    return `${link}, ${from} to ${to}, protocol ${batch.proto[0]}${ports}`;
  }

  #learned(batch: Batch): string {
    return `${this.#mac(batch.start[0] + 6)} is behind ${this.#port(batch.port[0])}`;
  }

  #route(batch: Batch): string {
    const router = this.#image.router;
    const out = batch.outInterface[0];
    if (router === null || out < 0) return 'not routed';
    const hop = batch.nextHop[0];
    const dev = `dev ${this.#interface(out)}`;
    if (router.hopKind[hop] !== HopKind.Via) return `connected, ${dev}`;
    const words = [...router.hopAddress.subarray(hop * 4, hop * 4 + 4)];
    const four = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
    return `via ${formatAddress(four ? words.slice(3) : words)} ${dev}`;
  }

  #interface(index: number): string {
    return this.#image.router?.names[index] ?? '?';
  }

  #port(row: number): string {
    return this.#image.bridge.names[row] ?? 'router';
  }

  #mac(at: number): string {
    const { bytes } = this.#pool;
    return formatMac(bytes.getUint16(at), bytes.getInt32(at + 2));
  }
}

function dropText(reason: number): string {
  const { name, text } = DROP_REASONS[reason];
  return `dropped, ${name}: ${text}`;
}
