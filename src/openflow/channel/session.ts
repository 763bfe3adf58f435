import { Role } from '../codec/messages.ts';
import { RequestAssembler } from '../codec/multipart.ts';
import { type AsyncConfig, type AsyncKind, DEFAULT_ASYNC } from './asynchronous.ts';
import { Bundles } from './bundles.ts';
import type { Connection } from './connection.ts';
import type { ChannelLimits } from './options.ts';
import { Pace } from './pace.ts';
import type { Timers } from './timers.ts';

/** OFP_DEFAULT_MISS_SEND_LEN. */
const MISS_SEND_LENGTH = 128;

/** What a datapath knows of one connection. */
export class Session {
  readonly connection: Connection;
  readonly assembler = new RequestAssembler();
  readonly bundles: Bundles;
  /** Of what walks over rules or ports. */
  readonly walks: Pace;
  role: number = Role.Equal;
  async: AsyncConfig = DEFAULT_ASYNC;
  missSendLength = MISS_SEND_LENGTH;
  /**
   * Whether it is told what it did not ask for. A controller is; a client that has come to a listener is when it has shown that it means
   * to stay: by a configuration, a role or a filter of its own. So `ovs-ofctl dump-flows` gets its answer and no frames.
   */
  attentive: boolean;
  packetInsDropped = 0;

  constructor(connection: Connection, attentive: boolean, limits: ChannelLimits, timers: Timers) {
    this.connection = connection;
    this.attentive = attentive;
    this.bundles = new Bundles(limits);
    this.walks = new Pace(timers, limits.walkMs);
  }

  get isSlave(): boolean {
    return this.role === Role.Slave;
  }

  /** Whether it is told of something that happened for this reason. */
  wants(kind: AsyncKind, reason: number): boolean {
    const { master, slave } = this.async[kind];
    return this.attentive && this.connection.greeted && (((this.isSlave ? slave : master) >>> reason) & 1) === 1;
  }
}
