import type { MessagePort } from 'node:worker_threads';

export type CaptureFormat = 'pcapng' | 'text' | 'json';

/** What the thread of a capture begins with. */
export interface CaptureThreadSettings {
  readonly tenant: string;
  /** Names of the tenant's ports, by row of its books. */
  readonly names: ReadonlyMap<number, string>;
  /** Those that are captured from the beginning. */
  readonly rows: readonly number[];
  /** Of each worker: memory of the ring of records, and of the counters. */
  readonly rings: readonly SharedArrayBuffer[];
  readonly counts: readonly SharedArrayBuffer[];
  readonly format: CaptureFormat;
  /** Most bytes of a frame, and most frames; null: all. */
  readonly snap: number | null;
  readonly most: number | null;
  /** Nanoseconds since 1970 at which the workers' clock was 0. */
  readonly originNs: bigint;
  /** When the capture began, by that clock, microseconds. */
  readonly beganUs: number;
  readonly application: string;
  readonly channel: MessagePort;
}

export type ToCapture =
  /** A piece has been written: another may be sent. */
  | { readonly type: 'written' }
  | { readonly type: 'names'; readonly names: ReadonlyMap<number, string> }
  /** Workers write no more: what is in the rings is the rest. */
  | { readonly type: 'finish' };

/** What has become of the frames that a capture saw: seen = written + lost + left, where `left` came after the last that was asked for. */
export interface Tally {
  readonly seen: number;
  readonly written: number;
  readonly lost: number;
  readonly left: number;
}

export type FromCapture =
  | { readonly type: 'piece'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** As many frames as were asked for have been written. */
  | { readonly type: 'enough' }
  | { readonly type: 'end'; readonly tally: Tally };
