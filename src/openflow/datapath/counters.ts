import { Ring } from '../../frame/ring.ts';
import {
  Limit,
  PairColumn,
  QueueColumn,
  RuleColumn,
  type RulesImage,
  Shared,
  TableColumn,
} from '../../path/rules/log.ts';
import { SharedBuckets } from '../../table/shared-buckets.ts';

const LOG_BYTES = 1 << 20;
const FRAME_BYTES = 1 << 19;
let made = 0;

/** Memory that the control side and the workers share for one tenant's rules. Untouched pages cost nothing. */
export function createRulesImage(workers: number): RulesImage {
  const cells = (rows: number, width: number) => new SharedArrayBuffer(rows * width * 8);
  return {
    serial: ++made,
    rates: SharedBuckets.create(Limit.Bands + Limit.Queues).handles(),
    workers: Array.from({ length: workers }, () => ({
      log: Ring.create(LOG_BYTES).memory,
      packetIns: Ring.create(FRAME_BYTES).memory,
      words: new SharedArrayBuffer(Shared.WORDS * 4),
      rules: cells(Limit.Rules, RuleColumn.WIDTH),
      tables: cells(Limit.Tables, TableColumn.WIDTH),
      groups: cells(Limit.Groups, PairColumn.WIDTH),
      buckets: cells(Limit.Buckets, PairColumn.WIDTH),
      meters: cells(Limit.Meters, PairColumn.WIDTH),
      bands: cells(Limit.Bands, PairColumn.WIDTH),
      queues: cells(Limit.Queues, QueueColumn.WIDTH),
    })),
  };
}

type Kind = 'rules' | 'tables' | 'groups' | 'buckets' | 'meters' | 'bands' | 'queues';
const WIDTH: Readonly<Record<Kind, number>> = {
  rules: RuleColumn.WIDTH,
  tables: TableColumn.WIDTH,
  groups: PairColumn.WIDTH,
  buckets: PairColumn.WIDTH,
  meters: PairColumn.WIDTH,
  bands: PairColumn.WIDTH,
  queues: QueueColumn.WIDTH,
};

/** Packets and bytes, or what else a row counts first and second. */
export interface Pair {
  readonly packets: number;
  readonly bytes: number;
}

/** Reads what workers count: sums over them. */
export class Counters {
  readonly #cells: Readonly<Record<Kind, readonly Float64Array[]>>;

  constructor(image: RulesImage) {
    const of = (kind: Kind) => image.workers.map((worker) => new Float64Array(worker[kind]));
    this.#cells = {
      rules: of('rules'),
      tables: of('tables'),
      groups: of('groups'),
      buckets: of('buckets'),
      meters: of('meters'),
      bands: of('bands'),
      queues: of('queues'),
    };
  }

  pair(kind: Kind, row: number): Pair {
    const at = row * WIDTH[kind];
    let packets = 0;
    let bytes = 0;
    for (const cells of this.#cells[kind]) {
      packets += cells[at];
      bytes += cells[at + 1];
    }
    return { packets, bytes };
  }

  /** Frames over the rate of a queue. */
  errors(queue: number): number {
    return this.#cells.queues.reduce((sum, cells) => sum + cells[queue * QueueColumn.WIDTH + QueueColumn.Errors], 0);
  }

  /** When a rule was used last, milliseconds of the workers' clock; 0: never. */
  lastUsed(rule: number): number {
    let last = 0;
    for (const cells of this.#cells.rules)
      last = Math.max(last, cells[rule * RuleColumn.WIDTH + RuleColumn.LastUsedMs]);
    return last;
  }

  /** Zeroes a row that no worker writes to any more. */
  clear(kind: Kind, row: number): void {
    const width = WIDTH[kind];
    for (const cells of this.#cells[kind]) cells.fill(0, row * width, (row + 1) * width);
  }
}
