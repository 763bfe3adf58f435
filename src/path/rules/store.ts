import { Ring } from '../../frame/ring.ts';
import { RuleClassifier } from '../../table/rule-classifier.ts';
import { Arena } from './arena.ts';
import { KEY_WORDS } from './layout.ts';
import { FailMode, FragmentMode, Limit, LogRecord, type RulesWorkerImage, Shared } from './log.ts';
import { Op, opCode, opLength } from './program.ts';

/** A bucket of a group: its counters, its weight, what must be alive for it, its actions in the arena. */
export interface BucketEntry {
  readonly place: number;
  readonly weight: number;
  readonly watchPort: number;
  readonly watchGroup: number;
  readonly at: number;
  readonly length: number;
}

export interface GroupEntry {
  readonly kind: number;
  readonly buckets: readonly BucketEntry[];
  readonly weight: number;
}

export interface BandEntry {
  readonly place: number;
  readonly kind: number;
  /** Packets or bits a second. */
  readonly rate: number;
  readonly burst: number;
  readonly level: number;
  tokens: number;
  beforeUs: number;
}

export interface MeterEntry {
  /** Bits are counted, not packets. */
  readonly bits: boolean;
  readonly bands: readonly BandEntry[];
}

const PORTS = 65536;

/**
 * One worker's copy of a tenant's rules, groups, meters and ports: made by carrying out the log, some records a turn, so that a storm
 * of changes never holds up a frame for long. What one record says is there whole, or not yet.
 */
export class RuleStore {
  readonly programs = new Arena();
  readonly tables: (RuleClassifier | null)[] = new Array<RuleClassifier | null>(Limit.Tables).fill(null);
  readonly groups: (GroupEntry | undefined)[] = [];
  readonly meters: (MeterEntry | undefined)[] = [];
  /** By OpenFlow port number up to 65,535: row of the tenant's port, -1 for none; and its configuration. */
  readonly rowOf = new Int32Array(PORTS).fill(-1);
  readonly configOf = new Int32Array(PORTS);
  /** By row: the port's number, 0 for none. Rows in use. */
  readonly numberOf = new Int32Array(4096);
  rows = 0;
  standalone = false;
  dropFragments = false;
  /** Whether an action of any rule, group or packet-out may want super-frames cut first. */
  single = 0;
  /** Grows with every change. */
  version = 0;
  // Columns by rule.
  at = new Int32Array(256);
  length = new Int32Array(256);
  cookieHigh = new Int32Array(256);
  cookieLow = new Int32Array(256);
  #table = new Int16Array(256).fill(-1);
  readonly #ring: Ring;
  readonly #view: Int32Array;
  readonly #shared: Int32Array;

  constructor(image: RulesWorkerImage) {
    this.#ring = new Ring(image.log);
    this.#view = new Int32Array(this.#ring.octets.buffer, this.#ring.octets.byteOffset);
    this.#shared = new Int32Array(image.words);
  }

  get waiting(): boolean {
    return !this.#ring.empty;
  }

  /** Carries out at most so many records. @returns how many */
  apply(most: number): number {
    const ring = this.#ring;
    let done = 0;
    for (; done < most; done++) {
      const position = ring.peek();
      if (position < 0) break;
      this.#carryOut(this.#view, position >> 2, ring.lengthAt(position) >> 2);
      ring.pop();
    }
    if (done > 0) this.version++;
    return done;
  }

  #carryOut(words: Int32Array, at: number, length: number): void {
    const index = words[at + 1];
    switch (words[at]) {
      case LogRecord.RuleSet:
        this.#setRule(words, at, length);
        break;
      case LogRecord.RuleRemove:
        this.#removeRule(index);
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
        this.#setMeter(words, at);
        break;
      case LogRecord.MeterRemove:
        this.meters[index] = undefined;
        break;
      case LogRecord.Port:
        this.#setPort(index, words[at + 2], words[at + 3]);
        break;
      case LogRecord.Mode:
        this.standalone = words[at + 1] === FailMode.Standalone;
        this.dropFragments = words[at + 2] === FragmentMode.Drop;
        break;
      case LogRecord.Barrier:
        Atomics.store(this.#shared, Shared.Barrier, index);
        Atomics.notify(this.#shared, Shared.Barrier);
        break;
      default:
    }
  }

  #setRule(words: Int32Array, at: number, length: number): void {
    const index = words[at + 1];
    const table = words[at + 2];
    const n = words[at + 6];
    this.#grow(index + 1);
    const program = at + 7 + 3 * n;
    this.#table[index] = table;
    this.#setProgram(index, words, program, at + length - program, words[at + 4], words[at + 5]);
    let classifier = this.tables[table];
    if (classifier === null) {
      classifier = new RuleClassifier(KEY_WORDS);
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
    this.single += wantsSingle(words, at, length);
  }

  #dropProgram(index: number): void {
    const length = this.length[index];
    if (length === 0) return;
    this.single -= wantsSingle(this.programs.words, this.at[index], length);
    this.programs.give(this.at[index], length);
    this.length[index] = 0;
  }

  #removeRule(index: number): void {
    const table = this.#table[index];
    if (table < 0) return;
    this.tables[table]?.remove(index);
    this.#dropProgram(index);
    this.#table[index] = -1;
  }

  #setGroup(words: Int32Array, at: number): void {
    const index = words[at + 1];
    const count = words[at + 3];
    this.#dropBuckets(index);
    const buckets: BucketEntry[] = [];
    let weight = 0;
    for (let b = 0, from = at + 4; b < count; b++) {
      const length = words[from + 4];
      buckets.push({
        place: words[from],
        weight: words[from + 1],
        watchPort: words[from + 2],
        watchGroup: words[from + 3],
        at: this.programs.put(words, from + 5, length),
        length,
      });
      this.single += wantsSingle(words, from + 5, length);
      weight += words[from + 1];
      from += 5 + length;
    }
    this.groups[index] = { kind: words[at + 2], buckets, weight };
  }

  #dropBuckets(index: number): void {
    for (const { at, length } of this.groups[index]?.buckets ?? []) {
      this.single -= wantsSingle(this.programs.words, at, length);
      this.programs.give(at, length);
    }
  }

  #setMeter(words: Int32Array, at: number): void {
    const bits = (words[at + 2] & 2) === 0;
    const bands: BandEntry[] = [];
    for (let b = 0, from = at + 4; b < words[at + 3]; b++, from += 5) {
      const scale = bits ? 1000 : 1;
      const rate = (words[from + 2] >>> 0) * scale;
      // Without a burst of its own a band may save up a second of its rate, as in Open vSwitch.
      const said = (words[at + 2] & 4) === 0 ? 0 : (words[from + 3] >>> 0) * scale;
      const burst = said > 0 ? said : rate;
      bands.push({
        ...{ place: words[from], kind: words[from + 1], rate, burst, level: words[from + 4] },
        tokens: burst,
        beforeUs: -1,
      });
    }
    this.meters[words[at + 1]] = { bits, bands };
  }

  #setPort(number: number, row: number, config: number): void {
    if (number <= 0 || number >= PORTS) return;
    const old = this.rowOf[number];
    if (old >= 0) this.numberOf[old] = 0;
    this.rowOf[number] = row;
    this.configOf[number] = config;
    if (row < 0) return;
    this.numberOf[row] = number;
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
    const tables = new Int16Array(size).fill(-1);
    tables.set(this.#table);
    this.#table = tables;
  }
}

/** 1 when one of the ops, also those to be written, may want super-frames cut first. */
function wantsSingle(words: Int32Array, at: number, length: number): number {
  for (let k = at; k < at + length; ) {
    const code = opCode(words[k]);
    if (code === Op.PushMpls || code === Op.PushPbb || code === Op.PopMpls || code === Op.PopPbb) return 1;
    if (code === Op.PushVlan || (code === Op.SetField && words[k + 1] === 3)) return 1;
    if (code === Op.Output && words[k + 1] === -3) return 1;
    k += code === Op.WriteActions ? 1 : opLength(words[k]);
  }
  return 0;
}
