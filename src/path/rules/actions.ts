import { Batch, Fate } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import type { SharedBuckets } from '../../table/shared-buckets.ts';
import { wireBytes } from '../charge.ts';
import { Edit, FrameEditor } from './edit.ts';
import type { GroupEntry } from './entries.ts';
import { DEEPEST, type GroupChoice } from './group-choice.ts';
import type { FlowKey } from './key.ts';
import { KeyWord } from './layout.ts';
import { GroupKind, Limit, PortConfig, QueueColumn, type RulesWorkerImage } from './log.ts';
import type { RuleObserver } from './observer.ts';
import type { PacketIns } from './packet-ins.ts';
import { Op, opCode, opLength, ReservedPort, type SetField } from './program.ts';
import type { RuleOutputs } from './rule-outputs.ts';
import type { Run } from './run.ts';
import { queueKey, type RuleStore, Scope } from './store.ts';

/** Buckets that may act on a frame: groups within groups multiply. Open vSwitch stops after as many resubmissions. */
const MOST_BUCKETS = 4096;

/** OFPR_*. */
const Reason = { NoMatch: 0, Action: 1, InvalidTtl: 2 } as const;

export interface ActionsContext {
  readonly pool: Pool;
  readonly store: RuleStore;
  readonly image: RulesWorkerImage;
  readonly outputs: RuleOutputs;
  readonly packetIns: PacketIns;
  readonly choice: GroupChoice;
  /** Tokens of queues, from `Limit.Bands` on. */
  readonly rates: SharedBuckets;
  readonly key: FlowKey;
  readonly run: Run;
  readonly observer: RuleObserver | null;
  /** Takes a frame of a batch of copies on through the built-in stages. */
  readonly normal: (batch: Batch) => void;
  /** Looks a copy of the frame up in the tables, as `output:TABLE` of a packet-out asks for. */
  readonly resubmit: (batch: Batch, i: number) => void;
}

/**
 * Carries out actions on one frame. An output is a reference: the frame itself is edited further only in a copy of its head. A
 * bucket of a group works on a row of its own, so that what it does is not seen behind the group.
 * Source: OpenFlow Switch Specification 1.3.5, sections 5.10 to 5.12.
 */
export class Actions {
  readonly #context: ActionsContext;
  readonly #pool: Pool;
  readonly #editor: FrameEditor;
  readonly #copies = new Batch(DEEPEST + 2);
  readonly #normals = new Batch();
  readonly #queues: Float64Array;

  constructor(context: ActionsContext) {
    const { pool, image } = context;
    this.#context = context;
    this.#pool = pool;
    this.#editor = new FrameEditor(pool);
    this.#queues = new Float64Array(image.queues);
  }

  /**
   * Carries out one op.
   * @param depth of groups that it stands in
   * @returns false when the frame is done with: it was dropped, for `run.reason`
   */
  one(words: Int32Array, at: number, batch: Batch, i: number, depth: number): boolean {
    const { run, key, observer } = this.#context;
    let edit: Edit = Edit.Done;
    switch (opCode(words[at])) {
      case Op.Output:
        this.#output(batch, i, words[at + 1], words[at + 2], depth);
        break;
      case Op.Group:
        observer?.op(words, at, edit);
        this.#group(words[at + 1], batch, i, depth);
        return true;
      case Op.SetQueue:
        run.queue = words[at + 1];
        break;
      default:
        if (!key.setPipelineField(words, at)) edit = this.#edit(words, at, batch, i, depth);
    }
    observer?.op(words, at, edit);
    return edit === Edit.Done || edit === Edit.Absent;
  }

  /** Carries out ops up to `end`. */
  all(words: Int32Array, at: number, end: number, batch: Batch, i: number, depth: number): boolean {
    for (let k = at; k < end; k += opLength(words[k])) if (!this.one(words, k, batch, i, depth)) return false;
    return true;
  }

  /** Gives the frame a head of its own and lets what was made of it go first. @returns false when there is none */
  own(batch: Batch, i: number): boolean {
    const pool = this.#pool;
    if (!pool.isShared(batch.head[i])) return true;
    this.#context.outputs.flush();
    const head = batch.head[i];
    if (!pool.isShared(head)) return true;
    const copy = pool.copyHead(head, batch.start[i], batch.headLength[i], batch.tenant);
    if (copy < 0) return false;
    const move = pool.position(copy) - pool.position(head);
    pool.release(head);
    batch.head[i] = copy;
    batch.start[i] += move;
    batch.l3[i] += move;
    if (batch.l4[i] >= 0) batch.l4[i] += move;
    if (batch.csumStart[i] >= 0) batch.csumStart[i] += move;
    return true;
  }

  /** Lets copies go on that are to be handled as by `NORMAL`. */
  flush(): void {
    if (this.#normals.count === 0) return;
    this.#context.outputs.flush();
    this.#context.normal(this.#normals);
  }

  /** Gives frame i to controllers. @param reason OFPR_* */
  tell(batch: Batch, i: number, reason: number, most: number): void {
    const { run, store, packetIns, key } = this.#context;
    if (run.inPort > 0 && (store.configOf[run.inPort] & PortConfig.NoPacketIn) !== 0) {
      run.reason = Drop.RulePort;
      return;
    }
    packetIns.reason = reason;
    packetIns.table = run.table;
    packetIns.cookieHigh = run.rule < 0 ? -1 : store.cookieHigh[run.rule];
    packetIns.cookieLow = run.rule < 0 ? -1 : store.cookieLow[run.rule];
    if (packetIns.write(batch, i, key.words, most)) run.told++;
    else run.lost++;
  }

  #edit(words: Int32Array, at: number, batch: Batch, i: number, depth: number): Edit {
    const { run } = this.#context;
    // What goes the built-in way goes as the frame was.
    if (depth === 0 && run.normal) {
      run.normal = false;
      this.#normal(batch, i);
    }
    if (!this.own(batch, i)) {
      run.reason = Drop.NoSlot;
      return Edit.NoRoom;
    }
    const edit = this.#carryOut(words, at, batch, i);
    run.stale = true;
    if (edit === Edit.NoRoom) run.reason = Drop.RuleDrop;
    else if (edit === Edit.TtlExpired) {
      run.reason = Drop.RuleTtl;
      this.tell(batch, i, Reason.InvalidTtl, this.#context.store.missSend);
    }
    return edit;
  }

  #carryOut(words: Int32Array, at: number, batch: Batch, i: number): Edit {
    const editor = this.#editor;
    const argument = words[at + 1];
    switch (opCode(words[at])) {
      case Op.SetField:
        return editor.setField(batch, i, argument as SetField, words, at + 2);
      case Op.PushVlan:
        return editor.pushVlan(batch, i, argument);
      case Op.PopVlan:
        return editor.popVlan(batch, i);
      case Op.PushMpls:
        return editor.pushMpls(batch, i, argument);
      case Op.PopMpls:
        return editor.popMpls(batch, i, argument);
      case Op.PushPbb:
        return editor.pushPbb(batch, i, argument);
      case Op.PopPbb:
        return editor.popPbb(batch, i);
      case Op.SetMplsTtl:
        return editor.setMplsTtl(batch, i, argument);
      case Op.DecMplsTtl:
        return editor.decMplsTtl(batch, i);
      case Op.SetNwTtl:
        return editor.setNwTtl(batch, i, argument);
      case Op.DecNwTtl:
        return editor.decNwTtl(batch, i);
      case Op.CopyTtlOut:
        return editor.copyTtlOut(batch, i);
      case Op.CopyTtlIn:
        return editor.copyTtlIn(batch, i);
      default:
        return Edit.Absent;
    }
  }

  #output(batch: Batch, i: number, port: number, most: number, depth: number): void {
    const { run, store } = this.#context;
    switch (port) {
      case ReservedPort.Normal:
        if (depth === 0 && !run.normal) run.normal = true;
        else this.#normal(batch, i);
        return;
      case ReservedPort.Controller: {
        const misses = run.rule >= 0 && depth === 0 && store.scope[run.rule] === Scope.Miss;
        this.tell(batch, i, misses ? Reason.NoMatch : Reason.Action, most);
        return;
      }
      case ReservedPort.Flood:
      case ReservedPort.All:
        for (let row = 0; row < store.rows; row++) {
          const number = store.numberOf[row];
          if (number !== 0 && number !== run.inPort && store.blocked[row] === 0) this.#send(batch, i, row, number);
        }
        return;
      case ReservedPort.InPort:
        this.#toPort(batch, i, run.inPort);
        return;
      case ReservedPort.Table:
        this.#resubmit(batch, i);
        return;
      default:
        // Back to where it came from only by IN_PORT (1.3.5, section 4.5).
        if (port !== run.inPort) this.#toPort(batch, i, port);
    }
  }

  #toPort(batch: Batch, i: number, number: number): void {
    const { rowOf } = this.#context.store;
    const row = number > 0 && number < rowOf.length ? rowOf[number] : -1;
    if (row >= 0) this.#send(batch, i, row, number);
  }

  #send(batch: Batch, i: number, row: number, number: number): void {
    const { run, store, outputs } = this.#context;
    if (store.blocked[row] === 1) {
      run.reason = Drop.RulePort;
      return;
    }
    if (run.queue !== 0 && !this.#enqueue(batch, i, number)) return;
    this.#pool.retain(batch.head[i]);
    if (batch.body[i] >= 0) this.#pool.retain(batch.body[i]);
    outputs.add(batch, i, row);
    run.sent++;
  }

  /** @returns false when the port's queue that was chosen is over its rate */
  #enqueue(batch: Batch, i: number, number: number): boolean {
    const { run, store, rates } = this.#context;
    const index = store.queues.get(queueKey(number, run.queue));
    if (index === undefined) return true;
    const at = index * QueueColumn.WIDTH;
    const bytes = wireBytes(batch, i, this.#pool.bytes);
    if (!rates.take(Limit.Bands + index, bytes * 8, batch.nowUs)) {
      this.#queues[at + QueueColumn.Errors] += run.packets;
      run.reason = Drop.QueueRate;
      return false;
    }
    this.#queues[at + QueueColumn.Packets] += run.packets;
    this.#queues[at + QueueColumn.Bytes] += bytes;
    return true;
  }

  /** A copy of row i goes on through the built-in stages. */
  #normal(batch: Batch, i: number): void {
    const { run } = this.#context;
    const normals = this.#normals;
    if (normals.count === normals.capacity) this.flush();
    this.#stamp(normals, batch);
    const k = this.#take(normals, batch, i);
    if (this.own(normals, k)) run.sent++;
    else {
      this.#give(normals, k);
      run.reason = Drop.NoSlot;
    }
  }

  #resubmit(batch: Batch, i: number): void {
    const { run, outputs, resubmit } = this.#context;
    const copies = this.#copies;
    // A rule that named the tables would go round for ever.
    if (run.rule >= 0 || copies.count === copies.capacity) return;
    this.#stamp(copies, batch);
    const k = this.#take(copies, batch, i);
    // What the tables let go by NORMAL is the copy, as they have left it.
    const { normal } = run;
    run.normal = false;
    resubmit(copies, k);
    if (run.normal) this.#normal(copies, k);
    run.normal = normal;
    outputs.flush();
    this.#give(copies, k);
    run.rule = -1;
    run.stale = true;
  }

  #group(index: number, batch: Batch, i: number, depth: number): void {
    const { store, run, choice, key, observer } = this.#context;
    const group = store.groups[index];
    if (group === undefined || depth === DEEPEST) return;
    store.counts.group(index, run.packets, run.bytes);
    if (group.kind === GroupKind.All) {
      for (let b = 0; b < group.buckets.length; b++) {
        observer?.bucket(index, b);
        this.#bucket(group, b, batch, i, depth);
      }
      return;
    }
    let chosen = 0;
    if (group.kind === GroupKind.FastFailover) chosen = choice.firstAlive(group);
    else if (group.kind === GroupKind.Select) {
      if (run.stale) key.extract(batch, i);
      chosen = choice.select(group, key.words);
    }
    observer?.bucket(index, chosen);
    if (chosen >= 0) this.#bucket(group, chosen, batch, i, depth);
  }

  #bucket(group: GroupEntry, b: number, batch: Batch, i: number, depth: number): void {
    const { store, run, key, outputs } = this.#context;
    if (run.buckets >= MOST_BUCKETS) {
      run.exhausted = true;
      return;
    }
    run.buckets++;
    const bucket = group.buckets[b];
    store.counts.bucket(bucket.place, run.packets, run.bytes);
    const copies = this.#copies;
    if (copies.count === copies.capacity) return;
    this.#stamp(copies, batch);
    const k = this.#take(copies, batch, i);
    // The pipeline's fields and the queue are the frame's, too.
    const { queue } = run;
    const words = key.words;
    const metadataHigh = words[KeyWord.MetadataHigh];
    const metadataLow = words[KeyWord.MetadataLow];
    const tunnelHigh = words[KeyWord.TunnelHigh];
    const tunnelLow = words[KeyWord.TunnelLow];
    this.all(store.programs.words, bucket.at, bucket.at + bucket.length, copies, k, depth + 1);
    run.queue = queue;
    run.stale = true;
    words[KeyWord.MetadataHigh] = metadataHigh;
    words[KeyWord.MetadataLow] = metadataLow;
    words[KeyWord.TunnelHigh] = tunnelHigh;
    words[KeyWord.TunnelLow] = tunnelLow;
    // Outputs are read from the row, which is used again.
    outputs.flush();
    this.#give(copies, k);
  }

  #stamp(to: Batch, from: Batch): void {
    to.tenant = from.tenant;
    to.nowUs = from.nowUs;
    to.nowMs = from.nowMs;
  }

  /** A row of its own for a copy of the frame, which shares its slots. */
  #take(into: Batch, batch: Batch, i: number): number {
    this.#pool.retain(batch.head[i]);
    if (batch.body[i] >= 0) this.#pool.retain(batch.body[i]);
    const k = into.take(batch, i);
    into.fate[k] = Fate.Live;
    into.twin[k] = -1;
    return k;
  }

  /** Gives the last row back. */
  #give(from: Batch, k: number): void {
    this.#pool.release(from.head[k]);
    this.#pool.release(from.body[k]);
    from.count = k;
  }
}
