import type { SharedBucketsHandles } from '../../table/shared-buckets.ts';

/**
 * How a tenant's rules reach its workers: the control side writes records into a ring per tenant and worker, each worker carries
 * them out in order, a bounded number a turn, into structures of its own. So no look-up takes a lock, a change is whole or
 * not there, and a barrier is a record that is answered when everything before it has been carried out.
 *
 * A record is little-endian words; the first is its kind. Rules, groups, buckets, meters and bands are named by dense indices that
 * the control side gives out and uses again only after all workers have answered a barrier behind the removal.
 */
export const LogRecord = {
  /** index, table, priority, cookie high, cookie low, n, n × (key word, value, mask), words of the program… */
  RuleSet: 1,
  /** index */
  RuleRemove: 2,
  /** index, cookie high, cookie low, words of the program…: the match and priority stay */
  RuleProgram: 3,
  /**
   * index, `GroupKind`, number of buckets, then for each bucket: index of the bucket's counters, weight, watched port, index of the watched group (-1: none),
   * length of its program in words, its actions
   */
  GroupSet: 4,
  GroupRemove: 5,
  /**
   * index, flags (`MeterFlag`), number of bands, for each band: index of the band (of its counters, and of its tokens in
   * `RulesImage.rates`), `BandKind`, rate, prec_level, burst in units of the rate
   */
  MeterSet: 6,
  MeterRemove: 7,
  /** OpenFlow port number, row of the tenant's port (-1: removed), config bits (`PortConfig`) */
  Port: 8,
  /** `FailMode`, `FragmentMode`, most bytes of a frame for a controller where no action says how many */
  Mode: 9,
  /** Sequence number, stored into `Shared.Barrier` when everything before it has been carried out. */
  Barrier: 10,
  /** OpenFlow port number, queue id, index of the queue (of its counters, and of its rate in `RulesImage.rates`); -1: the queue is gone */
  Queue: 11,
  /**
   * A frame that a controller sends, for one worker: OpenFlow port that it counts as having come in by, number of words of the
   * actions, bytes of the frame, the actions, the frame. It comes behind the changes that were made before it.
   */
  PacketOut: 12,
  /** What follows, up to `BundleEnd`, is there at once for every frame: between two batches, however much it is. */
  BundleBegin: 13,
  BundleEnd: 14,
} as const;

/** OFPGT_*. */
export const GroupKind = { All: 0, Select: 1, Indirect: 2, FastFailover: 3 } as const;
/** OFPMF_*; without `Packets`, rates are kilobits a second. */
export const MeterFlag = { Kbps: 1, Packets: 2, Burst: 4, Stats: 8 } as const;
/** OFPMBT_*. */
export const BandKind = { Drop: 1, DscpRemark: 2 } as const;
/** OFPPC_*. */
export const PortConfig = { Down: 1, NoReceive: 4, NoForward: 32, NoPacketIn: 64 } as const;
export const FailMode = { None: 0, Standalone: 1 } as const;
/** OFPC_FRAG_*. */
export const FragmentMode = { Normal: 0, Drop: 1 } as const;

/** Limits of one tenant's tables. Memory is touched only where it is used. */
export const Limit = {
  Tables: 254 + 1,
  Rules: 1 << 18,
  Groups: 4096,
  Buckets: 16384,
  Meters: 4096,
  Bands: 8192,
  Queues: 1024,
} as const;

/**
 * Bytes of records that a worker carries out at least before it looks at a frame: so much may be in the ring of one that looks at none, and
 * what it will do with the next frame is certain all the same.
 */
export const CATCH_UP = 4096;

/** Words of the block that the control side and one worker share, beside the counters. */
export const Shared = {
  Barrier: 0,
  /** 1 while the worker has frames of the tenant in hand, or a bundle. */
  Looking: 1,
  WORDS: 16,
} as const;

/** Columns of the counters, Float64 each; one array a worker, summed on read. */
export const RuleColumn = { Packets: 0, Bytes: 1, LastUsedMs: 2, WIDTH: 3 } as const;
export const TableColumn = { Lookups: 0, Matches: 1, WIDTH: 2 } as const;
export const PairColumn = { Packets: 0, Bytes: 1, WIDTH: 2 } as const;
export const QueueColumn = { Packets: 0, Bytes: 1, Errors: 2, WIDTH: 3 } as const;

/** Byte offsets in a record of a frame for a controller: little-endian words, then the frame with its tags. */
export const PacketInRecord = {
  /** OFPR_*. */
  Reason: 0,
  Table: 4,
  CookieHigh: 8,
  CookieLow: 12,
  /** OpenFlow port that it came in by. */
  InPort: 16,
  MetadataHigh: 20,
  MetadataLow: 24,
  TunnelHigh: 28,
  TunnelLow: 32,
  /** Most bytes that the action asks for. */
  MaxLength: 36,
  /** Length of the whole frame. */
  Length: 40,
  Frame: 44,
} as const;

/** A tenant's rule tables as workers see them: one ring, and counters, a worker. */
export interface RulesImage {
  /** Of each image its own: what a worker made of one outlives a changed tenant. */
  readonly serial: number;
  /** `SharedBuckets` of the bands of meters, then of the queues: tokens are packets or bits. One for all workers. */
  readonly rates: SharedBucketsHandles;
  readonly workers: readonly RulesWorkerImage[];
}

export interface RulesWorkerImage {
  /** Ring of records (`src/frame/ring.ts`). */
  readonly log: SharedArrayBuffer;
  /** Ring of frames for controllers (`PacketInRecord`). */
  readonly packetIns: SharedArrayBuffer;
  /** `Shared` words. */
  readonly words: SharedArrayBuffer;
  readonly rules: SharedArrayBuffer;
  readonly tables: SharedArrayBuffer;
  readonly groups: SharedArrayBuffer;
  readonly buckets: SharedArrayBuffer;
  readonly meters: SharedArrayBuffer;
  readonly bands: SharedArrayBuffer;
  readonly queues: SharedArrayBuffer;
}
