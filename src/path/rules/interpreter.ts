import { type Batch, Fate } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import { COLUMNS, Column, type Ledger } from '../../observe/ledger.ts';
import { SharedBuckets } from '../../table/shared-buckets.ts';
import type { Devices } from '../devices.ts';
import type { Egress } from '../egress.ts';
import type { BridgeImage } from '../image.ts';
import type { Punter } from '../punter.ts';
import { ActionSet } from './action-set.ts';
import { Actions } from './actions.ts';
import type { RuleCounts } from './counts.ts';
import { GroupChoice } from './group-choice.ts';
import { FlowKey } from './key.ts';
import type { RulesImage } from './log.ts';
import { dscpOf, Meters, Verdict } from './meter.ts';
import type { RuleObserver } from './observer.ts';
import { PacketIns } from './packet-ins.ts';
import { Op, opCode, opLength, opWord, SetField } from './program.ts';
import { RuleOutputs } from './rule-outputs.ts';
import { Run } from './run.ts';
import type { RuleStore } from './store.ts';

/** What the instructions of a rule lead to, other than a table. */
const END = -1;
const DONE = -2;

export interface InterpreterContext {
  readonly pool: Pool;
  readonly image: RulesImage;
  readonly worker: number;
  readonly store: RuleStore;
  readonly counts: RuleCounts;
  readonly bridge: BridgeImage;
  readonly devices: Devices;
  readonly ledger: Ledger;
  readonly punter: Punter;
  readonly tenant: number;
  /** The way out of what rules send: the operator's last guards. */
  readonly egress: Egress;
  /** Takes frames of a batch on through the built-in stages, and empties it. */
  readonly normal: (batch: Batch) => void;
  readonly observer: RuleObserver | null;
}

/**
 * Carries out the rules for one frame after the other: looked up table by table, instructions of the rule that matches, at the end the
 * action set. The slow twin of everything faster; bounded by the tables, which can only go on to later ones.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5.1 to 5.4 and 5.9.
 */
export class Interpreter {
  readonly run = new Run();
  readonly key: FlowKey;
  readonly actions: Actions;
  readonly #context: InterpreterContext;
  readonly #outputs: RuleOutputs;
  readonly #set = new ActionSet();
  readonly #meters: Meters;
  readonly #remark = Int32Array.of(opWord(Op.SetField, 3), SetField.IpDscp, 0);

  constructor(context: InterpreterContext) {
    const { pool, image, worker, store, bridge, devices, punter, tenant, observer, normal } = context;
    const shared = image.workers[worker];
    this.#context = context;
    this.key = new FlowKey(pool);
    this.#outputs = new RuleOutputs(context.egress);
    this.#meters = new Meters(image, worker);
    this.actions = new Actions({
      pool,
      store,
      image: shared,
      outputs: this.#outputs,
      packetIns: new PacketIns(pool, shared.packetIns, punter, tenant),
      choice: new GroupChoice(store, bridge, devices),
      rates: SharedBuckets.attach(image.rates),
      key: this.key,
      run: this.run,
      observer,
      normal,
      resubmit: (batch, i) => this.walk(batch, i),
    });
  }

  /** Begins frame i, which came in by an OpenFlow port. */
  begin(inPort: number, packets: number, bytes: number): void {
    this.run.begin(inPort, packets, bytes);
    this.key.enter(inPort);
  }

  /** Takes the frame through the tables, from the first on. */
  walk(batch: Batch, i: number): void {
    const { store, observer } = this.#context;
    const { run, key } = this;
    const { counts } = this.#context;
    const set = this.#set;
    set.clear();
    for (let table = 0; table >= 0; ) {
      if (run.stale) {
        key.extract(batch, i);
        run.stale = false;
      }
      counts.lookup(table, run.packets);
      const classifier = store.tables[table];
      const rule = classifier === null ? -1 : classifier.match(key.words);
      run.table = table;
      run.rule = rule;
      observer?.table(table, rule);
      if (rule < 0) {
        run.reason = Drop.TableMiss;
        return;
      }
      counts.match(table, rule, run.packets, run.bytes);
      table = this.#instructions(rule, batch, i);
      if (table === DONE) return;
    }
    if (set.empty) return;
    observer?.actionSet();
    for (let place = set.find(0); place >= 0; place = set.find(place + 1))
      if (!this.actions.one(set.words, set.position(place), batch, i, 0)) return;
  }

  /** Books what has become of frame i; one that goes on the built-in way stays alive, the references of others are given back. */
  settle(batch: Batch, i: number): void {
    const { run } = this;
    const { pool, ledger } = this.#context;
    const cut = run.exhausted ? 1 : 0;
    const copies = run.sent + run.told + run.lost + cut;
    if (copies === 0) {
      if (!run.normal) batch.drop(i, run.reason);
      return;
    }
    const goesOn = run.normal && this.actions.own(batch, i);
    const { cells } = ledger;
    const at = batch.port[i] * COLUMNS;
    cells[at + Column.Cloned] += run.normal ? copies : copies - 1;
    cells[at + Column.Consumed] += run.told;
    cells[at + Column.Drops + Drop.PuntFull] += run.lost;
    cells[at + Column.Drops + Drop.RuleWork] += cut;
    if (goesOn) return;
    if (run.normal) {
      batch.drop(i, Drop.NoSlot);
      return;
    }
    pool.release(batch.head[i]);
    pool.release(batch.body[i]);
    batch.fate[i] = Fate.Sent;
  }

  /** Lets everything go that has been sent. */
  flush(): void {
    this.#outputs.flush();
    this.actions.flush();
  }

  /** @returns the next table, END or DONE (the frame was dropped) */
  #instructions(rule: number, batch: Batch, i: number): number {
    const { store } = this.#context;
    const { actions, key } = this;
    const { words } = store.programs;
    const begin = store.at[rule];
    const end = begin + store.length[rule];
    for (let k = begin; k < end; k += opLength(words[k])) {
      switch (opCode(words[k])) {
        case Op.Meter:
          if (!this.#meter(words[k + 1], batch, i)) return DONE;
          break;
        case Op.ClearActions:
          this.#set.clear();
          break;
        case Op.WriteActions:
          this.#set.write(words, k + 1, k + opLength(words[k]));
          break;
        case Op.WriteMetadata:
          key.writeMetadata(words, k);
          break;
        case Op.GotoTable:
          return words[k + 1];
        default:
          if (!actions.one(words, k, batch, i, 0)) return DONE;
      }
    }
    return END;
  }

  /** @returns false when the frame was dropped */
  #meter(index: number, batch: Batch, i: number): boolean {
    const { store, observer, pool } = this.#context;
    const { run } = this;
    const meter = store.meters[index];
    if (meter === undefined) return true;
    const { packets, bytes } = run;
    const verdict = this.#meters.take(meter, index, packets, bytes, batch.nowUs, dscpOf(batch, i, pool.bytes));
    observer?.meter(index, verdict);
    if (verdict === Verdict.Drop) {
      run.reason = Drop.Meter;
      return false;
    }
    if (verdict === Verdict.Pass) return true;
    this.#remark[2] = this.#meters.dscp;
    return this.actions.one(this.#remark, 0, batch, i, 0);
  }
}
