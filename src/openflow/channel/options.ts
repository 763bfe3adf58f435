import type { Datapath } from '../datapath/datapath.ts';
import type { Timers } from './timers.ts';

/** Certificates for `ssl:` addresses, as PEM text. */
export interface ChannelTls {
  readonly privateKey: string;
  readonly certificate: string;
  /** Whoever is on the other side must show a certificate that this authority signed; names in it are not looked at. */
  readonly authority: string;
}

/** Bounds on what peers can make a channel keep or do. */
export interface ChannelLimits {
  /** Connections from listeners at a time. */
  readonly connections: number;
  /** Packet-ins a second over all connections, and at once. */
  readonly packetInRate: number;
  readonly packetInBurst: number;
  /** Frames kept for controllers, their bytes, and for how long, in milliseconds. */
  readonly buffers: number;
  readonly bufferBytes: number;
  readonly bufferAgeMs: number;
  /** Bytes that wait for a slow reader: from where on packet-ins are dropped, its requests wait, its connection is closed. */
  readonly packetInBytes: number;
  readonly replyBytes: number;
  readonly mostBytes: number;
  /** Open bundles a connection, their messages together and the bytes of those. */
  readonly bundles: number;
  readonly bundleMessages: number;
  readonly bundleBytes: number;
  /**
   * Milliseconds from one walk over rules or ports for a connection to the next: the main thread, which does it, is the slow path of all
   * tenants too. Whoever watches through another switch needs it too: Open vSwitch forwards by its new rules up to
   * 5 ms after it has answered the barrier.
   */
  readonly walkMs: number;
}

export const DEFAULT_LIMITS: ChannelLimits = {
  connections: 32,
  packetInRate: 10_000,
  packetInBurst: 4096,
  buffers: 256,
  bufferBytes: 4 << 20,
  bufferAgeMs: 5000,
  packetInBytes: 512 << 10,
  replyBytes: 1 << 20,
  mostBytes: 32 << 20,
  bundles: 16,
  bundleMessages: 200_000,
  bundleBytes: 64 << 20,
  walkMs: 10,
};

/** What happened to a channel, for the log of events. */
export type ChannelEvent =
  | { readonly kind: 'listening'; readonly target: string }
  | { readonly kind: 'connected' | 'accepted'; readonly peer: string }
  | { readonly kind: 'closed' | 'unreachable'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'refused'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'standalone'; readonly on: boolean };

export type FailMode = 'standalone' | 'secure';

export interface ChannelOptions {
  readonly datapath: Datapath;
  /** Addresses to listen at, as `parseTarget` reads them. */
  readonly listen: readonly string[];
  /** Addresses of controllers to connect to. */
  readonly controllers: readonly string[];
  readonly failMode: FailMode;
  /** Silence after which a controller is asked for a sign of life, and the time for its answer; 5 s unless given. */
  readonly probeMs?: number;
  readonly tls?: ChannelTls;
  readonly limits?: Partial<ChannelLimits>;
  readonly timers?: Timers;
  /** Name and version, for controllers that ask. */
  readonly software?: string;
  readonly onEvent?: (event: ChannelEvent) => void;
}

/** A connection, or a controller that there is none to. */
export interface ChannelRow {
  readonly peer: string;
  readonly kind: 'controller' | 'client';
  readonly state: 'connecting' | 'waiting' | 'greeting' | 'connected';
  readonly role: 'equal' | 'master' | 'slave' | null;
  /** Of the connection that there is: milliseconds since it began, messages each way, errors answered, packet-ins dropped. */
  readonly ageMs: number;
  readonly received: number;
  readonly sent: number;
  readonly errors: number;
  readonly packetInsDropped: number;
  /** Why the last connection ended, or could not be made. */
  readonly lastFailure: string | null;
}

export interface ChannelStatus {
  readonly listening: readonly string[];
  readonly standalone: boolean;
  readonly rows: readonly ChannelRow[];
  /** Packet-ins dropped: nobody to send them to; over the rate; a reader too slow. */
  readonly packetInsDropped: { readonly nobody: number; readonly rate: number; readonly slow: number };
  /** Packet-outs for which the workers had no room. */
  readonly packetOutsDropped: number;
}
