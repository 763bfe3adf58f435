import { Limit, LogRecord } from '../../path/rules/log.ts';
import type { SharedBuckets } from '../../table/shared-buckets.ts';
import type { Retire } from './groups.ts';
import { IndexPool } from './indices.ts';
import type { RuleLog } from './rule-log.ts';

export interface Queue {
  /** OpenFlow port number. */
  readonly port: number;
  readonly id: number;
  /** Of its counters and its rate. */
  readonly index: number;
  /** Bits a second. */
  readonly rate: number;
  readonly createdMs: number;
}

/** Bits at once: a tenth of a second, but no less than the longest super-frame twice. */
const BURST_SECONDS = 0.1;
const LEAST_BURST = 65_600 * 8 * 2;

/**
 * Queues of a datapath's ports: policers of what the action set_queue has put under them. OpenFlow reads them; they are made by the
 * configuration. Source: 1.3.5, sections 7.2.2 and 7.3.5.8.
 */
export class QueueTable {
  readonly #queues = new Map<string, Queue>();
  readonly #indices = new IndexPool(Limit.Queues);
  readonly #log: RuleLog;
  readonly #rates: SharedBuckets;
  readonly #nowMs: () => number;
  readonly #retire: Retire;

  constructor(log: RuleLog, rates: SharedBuckets, nowMs: () => number, retire: Retire) {
    this.#log = log;
    this.#rates = rates;
    this.#nowMs = nowMs;
    this.#retire = retire;
  }

  /** In the order of ports and numbers. */
  get all(): Queue[] {
    return [...this.#queues.values()].sort((a, b) => a.port - b.port || a.id - b.id);
  }

  /**
   * Makes a queue, or changes the rate of one that is there.
   * @returns false when there are too many (`Limit.Queues`)
   */
  set(port: number, id: number, rate: number): boolean {
    const key = keyOf(port, id);
    const old = this.#queues.get(key);
    const index = old?.index ?? this.#indices.take();
    if (index < 0) return false;
    this.#queues.set(key, { port, id, index, rate, createdMs: old?.createdMs ?? this.#nowMs() });
    const burst = Math.max(LEAST_BURST, rate * BURST_SECONDS);
    this.#rates.set(Limit.Bands + index, rate, burst, this.#nowMs() * 1000);
    if (old === undefined) this.#log.write([LogRecord.Queue, port, id | 0, index]);
    return true;
  }

  /** All queues as records of the log. */
  *records(): Generator<number[]> {
    for (const { port, id, index } of this.#queues.values()) yield [LogRecord.Queue, port, id | 0, index];
  }

  remove(port: number, id: number): void {
    const key = keyOf(port, id);
    const old = this.#queues.get(key);
    if (old === undefined) return;
    this.#queues.delete(key);
    this.#log.write([LogRecord.Queue, port, id | 0, -1]);
    this.#retire('queues', [old.index], this.#indices);
  }
}

function keyOf(port: number, id: number): string {
  return `${port}/${id}`;
}
