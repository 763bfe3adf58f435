import { Batch, Fate, Trait } from '../../frame/batch.ts';
import { BODY_SIZE, HEAD_ROOM } from '../../frame/layout.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import { Column, type Ledger } from '../../observe/ledger.ts';
import { setVid } from '../../wire/vlan.ts';
import { wireBytes } from '../charge.ts';
import { loadFrame } from '../load-frame.ts';
import type { Parse } from '../parse.ts';
import type { Stage } from '../stage.ts';
import type { RuleCounts } from './counts.ts';
import { Interpreter, type InterpreterContext } from './interpreter.ts';
import { PortConfig } from './log.ts';
import type { PacketOutSink, RuleStore } from './store.ts';
import { SuperFrames } from './super-frames.ts';

export interface RulesStageContext extends InterpreterContext {
  readonly parse: Parse;
  /** Row of the router in the books: where packet-outs begin that came in by no port of the tenant. */
  readonly routerRow: number;
  /** Takes frames of a batch, whose VLAN is known, to the ports of their destinations, and empties it. */
  readonly forward: (batch: Batch) => void;
}

/** VLAN of ports of which the configuration says nothing else. */
const DEFAULT_VLAN = 1;
/** Longest frame that a controller may send. */
const LONGEST = HEAD_ROOM + BODY_SIZE;

/**
 * The tenant's rule tables, between the operator's guards and the built-in stages: rules send frames away, drop them, or let them go on
 * by `NORMAL`. Frames that controllers send begin here, too.
 */
export class RulesStage implements Stage, PacketOutSink {
  readonly name = 'rules';
  readonly #store: RuleStore;
  readonly #counts: RuleCounts;
  readonly #pool: Pool;
  readonly #ledger: Ledger;
  readonly #parse: Parse;
  readonly #routerRow: number;
  readonly #interpreter: Interpreter;
  readonly #superFrames: SuperFrames;
  readonly #builtIn: (batch: Batch) => void;
  readonly #forward: (batch: Batch) => void;
  readonly #out = new Batch(1);

  constructor(context: RulesStageContext) {
    const { store, counts, pool, ledger, parse, routerRow, tenant } = context;
    this.#store = store;
    this.#counts = counts;
    this.#pool = pool;
    this.#ledger = ledger;
    this.#parse = parse;
    this.#routerRow = routerRow;
    this.#builtIn = context.normal;
    this.#forward = context.forward;
    this.#interpreter = new Interpreter({ ...context, normal: (batch) => this.#normal(batch) });
    this.#superFrames = new SuperFrames(pool, ledger, parse, tenant);
    this.#out.tenant = tenant;
  }

  /** Every frame is handled as by `NORMAL`, so that nobody need ask rule by rule: `countPlain` says what has passed. */
  get plain(): boolean {
    return this.#store.plain;
  }

  /** Grows with every change of the rules. */
  get version(): number {
    return this.#store.version;
  }

  run(batch: Batch): void {
    if (this.#store.plain) this.#countLive(batch);
    else if (this.#store.single > 0 && this.#superFrames.areIn(batch)) this.#cutAll(batch);
    else this.#all(batch);
  }

  /** Frames that went the built-in way without a look at the rules. */
  countPlain(packets: number, bytes: number): void {
    const { plainRule } = this.#store;
    if (plainRule < 0 || packets === 0) return;
    this.#counts.count(0, plainRule, packets, bytes);
  }

  /** Carries out what the control side has changed, where something is `waiting`. @param most records @param now microseconds, in its first element @returns how many */
  change(most: number, now: Float64Array, nowMs: number): number {
    this.#counts.nowMs[0] = now[0] / 1000;
    this.#out.nowUs = now[0];
    this.#out.nowMs = nowMs;
    return this.#store.apply(most, this);
  }

  /** A batch comes in: what has been changed before holds for it. @returns whether that is to be carried out first, by `catchUp` */
  look(): boolean {
    return this.#store.look();
  }

  /** Carries out what has been changed before a batch. */
  catchUp(batch: Batch): void {
    this.#out.nowUs = batch.nowUs;
    this.#out.nowMs = batch.nowMs;
    this.#store.apply(1, this);
  }

  /** The batch has gone its way. */
  lookAway(): void {
    this.#store.lookAway();
  }

  get waiting(): boolean {
    return this.#store.waiting;
  }

  packetOut(words: Int32Array, at: number): void {
    const inPort = words[at + 1];
    const actions = words[at + 2];
    const length = words[at + 3];
    const out = this.#out;
    const { rowOf } = this.#store;
    const known = inPort > 0 && inPort < rowOf.length && rowOf[inPort] >= 0;
    const row = known ? rowOf[inPort] : this.#routerRow;
    this.#ledger.add(row, Column.Generated, 1);
    const octets = new Uint8Array(words.buffer, words.byteOffset);
    if (length > LONGEST || !loadFrame(out, this.#pool, octets, (at + 4 + actions) << 2, length)) {
      this.#ledger.drop(row, length > LONGEST ? Drop.Mtu : Drop.NoSlot);
      return;
    }
    out.port[0] = row;
    this.#parse.one(out, 0);
    if (out.fate[0] === Fate.Live) {
      const interpreter = this.#interpreter;
      interpreter.begin(inPort, 1, length);
      interpreter.actions.all(words, at + 4, at + 4 + actions, out, 0, 0);
      interpreter.settle(out, 0);
      interpreter.flush();
    }
    this.#normal(out);
  }

  /**
   * Takes what is left of a batch on the built-in way. That begins at a port; what a controller has made itself (in_port=CONTROLLER) is
   * bridged as from a trunk of all VLANs, untagged in the default VLAN, and nothing is learned from it, as in Open vSwitch (xlate_normal,
   * ofpp_none_bundle); like frames of the router it may leave by any port.
   */
  #normal(batch: Batch): void {
    if (batch.count === 0 || batch.port[0] !== this.#routerRow) {
      this.#builtIn(batch);
      return;
    }
    for (let i = 0; i < batch.count; i++) {
      batch.traits[i] |= Trait.Routed;
      if (batch.vlan[i] !== 0) continue;
      batch.vlan[i] = DEFAULT_VLAN;
      if (batch.tagged[i] === 1) setVid(this.#pool.bytes, batch.start[i], DEFAULT_VLAN);
    }
    this.#forward(batch);
  }

  #countLive(batch: Batch): void {
    const { count, fate, segments } = batch;
    let packets = 0;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      packets += segments[i];
      bytes += wireBytes(batch, i, this.#pool.bytes);
    }
    this.countPlain(packets, bytes);
  }

  #all(batch: Batch): void {
    const { count, fate } = batch;
    for (let i = 0; i < count; i++) if (fate[i] === Fate.Live) this.#one(batch, i);
    this.#interpreter.flush();
  }

  #one(batch: Batch, i: number): void {
    const store = this.#store;
    const inPort = store.numberOf[batch.port[i]];
    if ((store.configOf[inPort] & (PortConfig.Down | PortConfig.NoReceive)) !== 0) {
      batch.drop(i, Drop.RulePort);
      return;
    }
    if (store.dropFragments && (batch.traits[i] & Trait.Fragment) !== 0) {
      batch.drop(i, Drop.RuleFragment);
      return;
    }
    const interpreter = this.#interpreter;
    interpreter.begin(inPort, batch.segments[i], wireBytes(batch, i, this.#pool.bytes));
    interpreter.walk(batch, i);
    interpreter.settle(batch, i);
  }

  /** Cuts super-frames first; all frames then go in rows of other batches, so that none overtakes another. */
  #cutAll(batch: Batch): void {
    const parts = this.#superFrames;
    parts.begin(batch);
    for (let i = 0; i < batch.count; i++) {
      if (batch.fate[i] !== Fate.Live) continue;
      parts.take(batch, i);
      for (let part = parts.next(); part !== null; part = parts.next()) {
        this.#all(part);
        this.#normal(part);
      }
    }
    const last = parts.rest();
    this.#all(last);
    this.#normal(last);
  }
}
