import { MOST_SEGMENTS } from '../offload.ts';
import type { Arena } from './arena.ts';
import { MeterFlag } from './log.ts';

/** The packets of a super-frame on the wire: 64 KiB, and what each segment of 536 bytes repeats of its headers. */
const LONGEST_KILOBITS = 700;

/** A bucket of a group: its counters, its weight, what must be alive for it, its actions in the arena. */
export interface BucketEntry {
  readonly place: number;
  readonly weight: number;
  /** OpenFlow port, or index of a group, that must be alive; -1 for none. */
  readonly watchPort: number;
  readonly watchGroup: number;
  readonly at: number;
  readonly length: number;
}

export interface GroupEntry {
  /** `GroupKind`. */
  readonly kind: number;
  readonly buckets: readonly BucketEntry[];
}

export interface BandEntry {
  /** Index of its counters, and of its tokens in the shared rates. */
  readonly place: number;
  /** `BandKind`. */
  readonly kind: number;
  readonly rate: number;
  readonly level: number;
}

export interface MeterEntry {
  /** Bits are counted, not packets. */
  readonly bits: boolean;
  /** The longest super-frame costs more than the burst of a band: it is cut first, or would never pass. */
  readonly small: boolean;
  readonly bands: readonly BandEntry[];
}

/** The group of a `LogRecord.GroupSet` at `words[at]`. */
export function readGroup(words: Int32Array, at: number, programs: Arena): GroupEntry {
  const buckets: BucketEntry[] = [];
  for (let b = 0, from = at + 4; b < words[at + 3]; b++) {
    const length = words[from + 4];
    buckets.push({
      place: words[from],
      weight: words[from + 1],
      watchPort: words[from + 2],
      watchGroup: words[from + 3],
      at: programs.put(words, from + 5, length),
      length,
    });
    from += 5 + length;
  }
  return { kind: words[at + 2], buckets };
}

/** The meter of a `LogRecord.MeterSet` at `words[at]`. */
export function readMeter(words: Int32Array, at: number): MeterEntry {
  const bits = (words[at + 2] & MeterFlag.Packets) === 0;
  const bands: BandEntry[] = [];
  let small = false;
  for (let b = 0, from = at + 4; b < words[at + 3]; b++, from += 5) {
    bands.push({ place: words[from], kind: words[from + 1], rate: words[from + 2] >>> 0, level: words[from + 3] });
    if (words[from + 4] >>> 0 < (bits ? LONGEST_KILOBITS : MOST_SEGMENTS)) small = true;
  }
  return { bits, small, bands };
}
