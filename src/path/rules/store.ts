import { Ring } from '../../frame/ring.ts';
import { RuleClassifier } from '../../table/rule-classifier.ts';
import { Arena } from './arena.ts';
import { RuleBundle } from './bundle.ts';
import { RuleCounts } from './counts.ts';
import { type GroupEntry, type MeterEntry, readGroup, readMeter } from './entries.ts';
import { KEY_WORDS } from './layout.ts';
import {
  CATCH_UP,
  FailMode,
  FragmentMode,
  GroupKind,
  Limit,
  LogRecord,
  PortConfig,
  type RulesWorkerImage,
  Shared,
} from './log.ts';
import { Look, looksOf } from './looks.ts';
import { Op, opCode, opLength, ReservedPort } from './program.ts';
import { goesNormal, takesTtl, wantsSingle } from './wants.ts';

const PORTS = 65536;
const ROWS = 4096;
/** Rules of a bundle taken out in one go: as many as `CATCH_UP` bytes can name, at least. */
const SETTLED = CATCH_UP >> 4;

/** Takes what a controller sends: `LogRecord.PacketOut` at `words[at]`. */
export interface PacketOutSink {
  packetOut(words: Int32Array, at: number): void;
}

const NO_FRAMES: PacketOutSink = { packetOut: () => {} };

/** Key of a port's queue: numbers of both. */
export const queueKey = (port: number, queue: number): number => port * 2 ** 32 + (queue >>> 0);

/**
 * One worker's copy of a tenant's rules, groups, meters and ports: made by carrying out the log, some records a turn, so that a storm
 * of changes never holds up a frame for long. What one record says is there whole, or not yet.
 */
export class RuleStore {
  readonly counts: RuleCounts;
  readonly programs = new Arena();
  readonly tables: (RuleClassifier | null)[] = new Array<RuleClassifier | null>(Limit.Tables).fill(null);
  readonly groups: (GroupEntry | undefined)[] = [];
  readonly meters: (MeterEntry | undefined)[] = [];
  /** Indices of queues, by `queueKey`. */
  readonly queues = new Map<number, number>();
  /** By OpenFlow port number up to 65,535: row of the tenant's port, -1 for none; and its configuration. */
  readonly rowOf = new Int32Array(PORTS).fill(-1);
  readonly configOf = new Int32Array(PORTS);
  /** By row: the port's number, 0 for none; 1 where nothing may leave. Rows in use. */
  readonly numberOf = new Int32Array(ROWS);
  readonly blocked = new Uint8Array(ROWS);
  rows = 0;
  standalone = false;
  dropFragments = false;
  /** Most bytes of a frame that a controller gets where no action says how many. */
  missSend = 128;
  /** Above 0 when super-frames are to be cut first: an action of a rule or group may want it, or a meter could pass none as a whole. */
  single = 0;
  #ttl = 0;
  #normal = 0;
  /** Select groups; meters. */
  #spreading = 0;
  #metering = 0;
  /** Grows with every change. */
  version = 0;
  /** Every frame is handled as by `NORMAL`: `plainRule` says so, or no rule at all (-1: after the last controller was lost). */
  plain = false;
  plainRule = -1;
  /** Rules, and ports whose configuration is not the usual one. */
  size = 0;
  #configured = 0;
  // Columns by rule.
  at = new Int32Array(256);
  length = new Int32Array(256);
  cookieHigh = new Int32Array(256);
  cookieLow = new Int32Array(256);
  /** `Scope`. */
  scope = new Uint8Array(256);
  #table = new Int16Array(256).fill(-1);
  readonly #bundle = new RuleBundle();
  #inHand = false;
  readonly #ring: Ring;
  readonly #view: Int32Array;
  readonly #shared: Int32Array;
  /** Used anew each time: in a storm of changes it would be garbage as often as there are batches. */
  readonly #consulted = new Int32Array(KEY_WORDS);

  constructor(image: RulesWorkerImage) {
    this.counts = new RuleCounts(image);
    this.#ring = new Ring(image.log);
    this.#view = new Int32Array(this.#ring.octets.buffer, this.#ring.octets.byteOffset);
    this.#shared = new Int32Array(image.words);
    this.lookAway();
  }

  /**
   * Frames are about to meet the rules: whoever has written a record before has either seen this, or will find it carried out, since both
   * sides are sequentially consistent.
   * @returns whether the log must be carried out first: one `apply` is enough
   */
  look(): boolean {
    this.#inHand = true;
    Atomics.store(this.#shared, Shared.Looking, 1);
    return this.waiting;
  }

  /** No frame is in hand any more. */
  lookAway(): void {
    this.#inHand = false;
    this.#sayWhetherLooking();
  }

  /** A bundle that is not yet done with keeps what is behind it waiting, as frames do. */
  #sayWhetherLooking(): void {
    const { open, unsettled } = this.#bundle;
    Atomics.store(this.#shared, Shared.Looking, this.#inHand || open || unsettled ? 1 : 0);
  }

  get waiting(): boolean {
    return !this.#ring.empty || this.#bundle.unsettled;
  }

  /** Carries out so many records, or `CATCH_UP` bytes if that is more. @param sink takes the frames among them @returns how many */
  apply(most: number, sink: PacketOutSink): number {
    const ring = this.#ring;
    let done = 0;
    let left = SETTLED;
    for (let bytes = 0; done < most || bytes < CATCH_UP; done++) {
      if (this.#bundle.unsettled) {
        left -= this.#bundle.settle(left, (rule) => this.#takeOut(rule));
        if (this.#bundle.unsettled) break;
      }
      const position = ring.peek();
      if (position < 0) break;
      const length = ring.lengthAt(position);
      this.carryOut(this.#view, position >> 2, length >> 2, sink);
      ring.pop();
      bytes += length;
    }
    if (this.#bundle.unsettled) left -= this.#bundle.settle(left, (rule) => this.#takeOut(rule));
    done += SETTLED - left;
    if (!this.#inHand) this.#sayWhetherLooking();
    if (done > 0) this.#settle();
    return done;
  }

  /** Carries out records that do not come by the ring; frames are not among them. */
  load(records: Iterable<Int32Array>): void {
    for (const record of records) this.carryOut(record, 0, record.length, NO_FRAMES);
    this.#settle();
  }

  /** Carries out one record. */
  carryOut(words: Int32Array, at: number, length: number, sink: PacketOutSink): void {
    const index = words[at + 1];
    const bundle = this.#bundle;
    const kind = words[at];
    if (bundle.open && kind !== LogRecord.RuleSet && kind !== LogRecord.RuleRemove && kind !== LogRecord.BundleEnd) {
      bundle.keep(words, at, length);
      return;
    }
    switch (kind) {
      case LogRecord.RuleSet:
        bundle.added(index);
        this.#setRule(words, at, length);
        break;
      case LogRecord.RuleRemove:
        if (bundle.open) bundle.removed(index);
        else this.#takeOut(index);
        break;
      case LogRecord.BundleBegin:
        bundle.open = true;
        Atomics.store(this.#shared, Shared.Looking, 1);
        break;
      case LogRecord.BundleEnd:
        for (const kept of bundle.end()) this.carryOut(kept, 0, kept.length, sink);
        break;
      case LogRecord.RuleProgram:
        this.#setProgram(index, words, at + 4, length - 4, words[at + 2], words[at + 3]);
        break;
      case LogRecord.GroupSet:
        this.#setGroup(words, at);
        break;
      case LogRecord.GroupRemove:
        this.#dropBuckets(index);
        this.groups[index] = undefined;
        break;
      case LogRecord.MeterSet:
        this.#setMeter(index, readMeter(words, at));
        break;
      case LogRecord.MeterRemove:
        this.#setMeter(index, undefined);
        break;
      case LogRecord.Port:
        this.#setPort(index, words[at + 2], words[at + 3]);
        break;
      case LogRecord.Queue:
        if (words[at + 3] < 0) this.queues.delete(queueKey(index, words[at + 2]));
        else this.queues.set(queueKey(index, words[at + 2]), words[at + 3]);
        break;
      case LogRecord.PacketOut:
        sink.packetOut(words, at);
        break;
      case LogRecord.Mode:
        this.standalone = words[at + 1] === FailMode.Standalone;
        this.dropFragments = words[at + 2] === FragmentMode.Drop;
        this.missSend = words[at + 3];
        break;
      case LogRecord.Barrier:
        Atomics.store(this.#shared, Shared.Barrier, index);
        Atomics.notify(this.#shared, Shared.Barrier);
        break;
      default:
    }
  }

  /** @returns what any rule looks at: sum of `Look` */
  looks(): number {
    const consulted = this.#consulted.fill(0);
    for (const table of this.tables) table?.consulted(consulted);
    const looks = looksOf(consulted, this.#ttl > 0 || this.dropFragments, this.#normal > 0, this.#spreading > 0);
    return this.#metering > 0 ? looks | Look.Meters : looks;
  }

  /** After changes: whether all that the tables say is `NORMAL`. */
  #settle(): void {
    this.version++;
    this.plain = this.standalone;
    this.plainRule = -1;
    if (this.standalone || this.size !== 1 || this.#configured > 0 || this.dropFragments) return;
    const rule = this.tables[0]?.match(NO_KEY) ?? -1;
    if (rule < 0 || this.scope[rule] === Scope.Some || !this.#isNormal(rule)) return;
    this.plain = true;
    this.plainRule = rule;
  }

  #isNormal(rule: number): boolean {
    const { words } = this.programs;
    let at = this.at[rule];
    const end = at + this.length[rule];
    if (at < end && opCode(words[at]) === Op.WriteActions) at++;
    return end - at === opLength(words[at]) && opCode(words[at]) === Op.Output && words[at + 1] === ReservedPort.Normal;
  }

  #setRule(words: Int32Array, at: number, length: number): void {
    const index = words[at + 1];
    const table = words[at + 2];
    const n = words[at + 6];
    this.#grow(index + 1);
    const program = at + 7 + 3 * n;
    if (this.#table[index] < 0) this.size++;
    this.#table[index] = table;
    this.scope[index] = n > 0 ? Scope.Some : words[at + 3] === 0 ? Scope.Miss : Scope.All;
    this.#setProgram(index, words, program, at + length - program, words[at + 4], words[at + 5]);
    let classifier = this.tables[table];
    if (classifier === null) {
      classifier = new RuleClassifier(KEY_WORDS, undefined, this.#bundle.visibility);
      this.tables[table] = classifier;
    }
    classifier.add(index, words[at + 3], n, words, at + 7);
  }

  #setProgram(index: number, words: Int32Array, at: number, length: number, high: number, low: number): void {
    this.#dropProgram(index);
    this.at[index] = this.programs.put(words, at, length);
    this.length[index] = length;
    this.cookieHigh[index] = high;
    this.cookieLow[index] = low;
    this.#want(1, words, at, length);
  }

  #dropProgram(index: number): void {
    const length = this.length[index];
    if (length === 0) return;
    this.#want(-1, this.programs.words, this.at[index], length);
    this.programs.give(this.at[index], length);
    this.length[index] = 0;
  }

  #takeOut(index: number): void {
    const table = this.#table[index];
    if (table < 0) return;
    this.tables[table]?.remove(index);
    this.#dropProgram(index);
    this.#table[index] = -1;
    this.size--;
  }

  #setGroup(words: Int32Array, at: number): void {
    const index = words[at + 1];
    this.#dropBuckets(index);
    const group = readGroup(words, at, this.programs);
    for (const bucket of group.buckets) this.#want(1, this.programs.words, bucket.at, bucket.length);
    if (group.kind === GroupKind.Select) this.#spreading++;
    this.groups[index] = group;
  }

  #setMeter(index: number, meter: MeterEntry | undefined): void {
    const old = this.meters[index];
    if (old?.small === true) this.single--;
    if (meter?.small === true) this.single++;
    this.#metering += (meter === undefined ? 0 : 1) - (old === undefined ? 0 : 1);
    this.meters[index] = meter;
  }

  /** Counts a program in, or out. */
  #want(sign: number, words: Int32Array, at: number, length: number): void {
    this.single += sign * wantsSingle(words, at, length);
    this.#ttl += sign * takesTtl(words, at, length);
    this.#normal += sign * goesNormal(words, at, length);
  }

  #dropBuckets(index: number): void {
    if (this.groups[index]?.kind === GroupKind.Select) this.#spreading--;
    for (const { at, length } of this.groups[index]?.buckets ?? []) {
      this.#want(-1, this.programs.words, at, length);
      this.programs.give(at, length);
    }
  }

  #setPort(number: number, row: number, config: number): void {
    if (number <= 0 || number >= PORTS) return;
    const old = this.rowOf[number];
    if (old >= 0) {
      this.numberOf[old] = 0;
      this.blocked[old] = 0;
    }
    if (this.configOf[number] !== 0) this.#configured--;
    if (config !== 0) this.#configured++;
    this.rowOf[number] = row;
    this.configOf[number] = config;
    if (row < 0) return;
    this.numberOf[row] = number;
    this.blocked[row] = (config & (PortConfig.Down | PortConfig.NoForward)) !== 0 ? 1 : 0;
    if (row >= this.rows) this.rows = row + 1;
  }

  #grow(rules: number): void {
    if (rules <= this.at.length) return;
    const size = Math.max(rules, this.at.length * 2);
    const larger = (column: Int32Array) => {
      const grown = new Int32Array(size);
      grown.set(column);
      return grown;
    };
    this.at = larger(this.at);
    this.length = larger(this.length);
    this.cookieHigh = larger(this.cookieHigh);
    this.cookieLow = larger(this.cookieLow);
    const scope = new Uint8Array(size);
    scope.set(this.scope);
    this.scope = scope;
    const tables = new Int16Array(size).fill(-1);
    tables.set(this.#table);
    this.#table = tables;
  }
}

/** What a rule matches: some frames, all, or all that nothing else does (the table-miss entry: priority 0; 1.3.5, section 5.4). */
export const Scope = { Some: 0, All: 1, Miss: 2 } as const;

const NO_KEY = new Int32Array(KEY_WORDS);
