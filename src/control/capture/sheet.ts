import { Point } from '../../path/tap/record.ts';
import { describe } from '../../wire/describe.ts';
import type { Entry } from './entry.ts';
import type { CaptureFormat } from './settings.ts';

export interface SheetContext {
  readonly tenant: string;
  readonly workers: number;
  readonly snap: number | null;
  readonly originNs: bigint;
  /** When the capture began, by the workers' clock. */
  readonly beganUs: number;
  readonly application: string;
  /** Rows of the ports that are captured from the beginning. */
  readonly rows: readonly number[];
  readonly nameOf: (row: number) => string;
  /** What has become of the frames of a port. */
  readonly count: (row: number) => { readonly seen: number; readonly lost: number; readonly written: number };
}

/** A capture in one of its forms, which is handed out in pieces. */
export interface Sheet {
  /** Whether there may be no room for another frame before `take`. */
  readonly isFull: boolean;
  readonly isEmpty: boolean;
  add(entry: Entry): void;
  /** Nothing follows. @param nowUs by the workers' clock */
  end(nowUs: number): void;
  take(): Uint8Array<ArrayBuffer>;
}

const PIECE = 1 << 16;
const WAYS: Readonly<Record<number, string>> = {
  [Point.Ingress]: 'ingress',
  [Point.Egress]: 'egress',
  [Point.Drop]: 'drop',
};

/** A capture as lines for people or, of JSON, for programs. */
export class LineSheet implements Sheet {
  readonly #context: SheetContext;
  readonly #format: CaptureFormat;
  #lines = '';

  constructor(context: SheetContext, format: CaptureFormat) {
    this.#context = context;
    this.#format = format;
  }

  get isFull(): boolean {
    return this.#lines.length > PIECE;
  }

  get isEmpty(): boolean {
    return this.#lines === '';
  }

  add(entry: Entry): void {
    const { nameOf, originNs } = this.#context;
    const ns = originNs + BigInt(Math.round(entry.timeUs * 1000));
    const time = new Date(Number(ns / 1_000_000n)).toISOString().replace('Z', String(ns % 1_000_000n).padStart(6, '0'));
    const bytes = entry.bytes();
    const point = WAYS[entry.point];
    const port = nameOf(entry.place);
    const comment = entry.comment(nameOf);
    if (this.#format === 'json') {
      const frame = Buffer.from(bytes).toString('hex');
      const line = { time: `${time}Z`, port, point, length: entry.length, summary: describe(bytes), comment, frame };
      this.#lines += `${JSON.stringify(line)}\n`;
    } else {
      const more = comment === '' ? '' : ` (${comment})`;
      this.#lines += `${time}Z ${port} ${point}: ${describe(bytes)}, length ${entry.length}${more}\n`;
    }
  }

  end(): void {}

  take(): Uint8Array<ArrayBuffer> {
    const piece = new TextEncoder().encode(this.#lines);
    this.#lines = '';
    return piece;
  }
}
