import type { Ring } from '../../frame/ring.ts';
import { DROP_REASONS } from '../../observe/drop.ts';
import { COLUMNS, Column } from '../../observe/ledger.ts';
import { LiveRecord, MOST_LEFT } from '../../path/tap/live-record.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import { HEADER_LENGTH } from '../../wire/vnet.ts';
import type { Trace } from './tracer.ts';

/** What a worker wrote down of one frame. */
export class LiveEntry {
  readonly row: number;
  readonly timeUs: number;
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly vnet: Uint8Array<ArrayBuffer>;
  /** What the books have more, by column. */
  readonly books: readonly number[];
  /** Rows of the ports of the frames that left. */
  readonly left: readonly number[];

  static timeAt({ bytes }: Ring, at: number): number {
    return bytes.getFloat64(at + LiveRecord.Time, true);
  }

  static read(ring: Ring, at: number): LiveEntry {
    return new LiveEntry(ring, at);
  }

  private constructor({ bytes, octets }: Ring, at: number) {
    const copy = (from: number, length: number) => Uint8Array.from(octets.subarray(from, from + length));
    this.row = bytes.getInt32(at + LiveRecord.Row, true);
    this.timeUs = bytes.getFloat64(at + LiveRecord.Time, true);
    this.frame = copy(at + LiveRecord.Frame, bytes.getInt32(at + LiveRecord.Length, true));
    this.vnet = copy(at + LiveRecord.Vnet, HEADER_LENGTH);
    this.books = Array.from({ length: COLUMNS }, (_, c) => bytes.getFloat64(at + LiveRecord.Books + c * 8, true));
    const left = Math.min(bytes.getInt32(at + LiveRecord.Left, true), MOST_LEFT);
    this.left = Array.from({ length: left }, (_, k) => bytes.getInt32(at + LiveRecord.Ports + k * 4, true));
  }
}

/** What has really become of a frame that was traced. */
export interface Happened {
  /** Ports of the tenant that it left by. */
  readonly ports: readonly string[];
  /** Reasons why it, or a copy of it, was dropped. */
  readonly drops: readonly string[];
  /** Whether it was given to the slow path, waits for a neighbour, went to another tenant's router. */
  readonly slow: boolean;
  readonly waits: boolean;
  readonly leaked: boolean;
  /** Whether the trace comes to the same; where not, something was different right afterwards: a table, a rate. */
  readonly agrees: boolean;
}

/** @param trace of the same frame, made afterwards */
export function happenedOf({ books, left }: LiveEntry, trace: Trace, tenant: Tenant): Happened {
  const ports = [...new Set(left.map((row) => tenant.ports.at(row) ?? '?'))].sort();
  const drops = DROP_REASONS.flatMap(({ name }, reason) => (books[Column.Drops + reason] > 0 ? [name] : []));
  const said = trace.outputs.filter((output) => output.tenant === tenant.model.name).map(({ port }) => port);
  const agrees = equal(ports, [...new Set(said)].sort()) && equal([...drops].sort(), [...new Set(trace.drops)].sort());
  return {
    ports,
    drops,
    slow: books[Column.Consumed] > 0,
    waits: books[Column.Held] > left.length,
    leaked: books[Column.LeakedOut] > 0,
    agrees,
  };
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
