import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { encode } from '../codec/codec.ts';
import { Role } from '../codec/messages.ts';
import type { PortDesc } from '../codec/stats.ts';
import type { DatapathEvents, FlowRemovedEvent, PacketInEvent } from '../datapath/datapath.ts';
import { Awake } from './awake.ts';
import { Connection } from './connection.ts';
import { ControllerLink } from './controller-link.ts';
import { FailState } from './fail-mode.ts';
import {
  type ChannelEvent,
  type ChannelLimits,
  type ChannelOptions,
  type ChannelRow,
  type ChannelStatus,
  DEFAULT_LIMITS,
} from './options.ts';
import { PacketBuffers } from './packet-buffers.ts';
import { PacketIns } from './packet-ins.ts';
import { Requests } from './requests.ts';
import { Roles } from './roles.ts';
import { Session } from './session.ts';
import { parseTarget, type Target } from './target.ts';
import { SYSTEM_TIMERS, type Timers } from './timers.ts';
import { listenAt } from './transport.ts';

/** Silence after which a peer is asked for a sign of life, and the time for its answer. A client may be busy, or stopped by its user. */
const CONTROLLER_MS = 5000;
const CLIENT_MS = { idleMs: 30_000, answerMs: 30_000 };
const ROLES = { [Role.Equal]: 'equal', [Role.Master]: 'master', [Role.Slave]: 'slave' } as const;

interface Peer {
  readonly name: string;
  readonly session: Session;
  readonly sinceMs: number;
  /** Index of the controller, null for a client. */
  readonly controller: number | null;
}

/**
 * A datapath's OpenFlow channel: connections to controllers and from clients, and what goes over them. It belongs to the main thread.
 * Source: 1.3.5, section 6.
 */
export class Channel implements DatapathEvents {
  readonly #options: ChannelOptions;
  readonly #limits: ChannelLimits;
  readonly #timers: Timers;
  readonly #listening: readonly Target[];
  readonly #servers: Server[] = [];
  readonly #links: readonly ControllerLink[];
  readonly #peers = new Set<Peer>();
  readonly #requests: Requests;
  readonly #packetIns: PacketIns;
  readonly #fail: FailState;

  /** @throws TargetError when an address cannot be read */
  constructor(options: ChannelOptions) {
    const { datapath, listen, controllers, failMode, tls, timers = SYSTEM_TIMERS } = options;
    this.#options = options;
    this.#timers = timers;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#listening = listen.map((text) => parseTarget(text, true));
    this.#links = controllers.map((text, controller) => {
      const target = parseTarget(text, false);
      return new ControllerLink(target, tls, timers, {
        connected: (stream, ended) => this.#serve(stream, text, controller, ended),
        failed: (reason) => this.#failed(controller, text, reason),
      });
    });
    const limits = this.#limits;
    const buffers = new PacketBuffers(limits, () => timers.nowMs());
    const { software = 'Tapyard' } = options;
    const sessions = () => this.#sessions();
    const awake = new Awake(() => timers.nowMs());
    this.#requests = new Requests({ datapath, roles: new Roles(), buffers, limits, sessions, awake, software });
    this.#packetIns = new PacketIns(buffers, limits, () => timers.nowMs());
    this.#fail = new FailState(failMode, controllers.length, (on) => {
      datapath.standalone = on;
      this.#tell({ kind: 'standalone', on });
    });
  }

  /** Listens, and begins to connect. @throws UserError when an address cannot be listened at; nothing is left behind then */
  async start(): Promise<void> {
    try {
      for (const target of this.#listening) {
        const refused = (reason: string) => this.#tell({ kind: 'refused', peer: target.text, reason });
        const accept = (stream: Duplex) => this.#accept(stream, target);
        this.#servers.push(await listenAt(target, this.#options.tls, accept, refused));
        this.#tell({ kind: 'listening', target: target.text });
      }
      for (const link of this.#links) link.start();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#options.datapath.listeners.add(this);
  }

  /** Hangs up. What the datapath holds stays. */
  async close(): Promise<void> {
    this.#options.datapath.listeners.delete(this);
    for (const link of this.#links) link.close('the switch stops');
    for (const { session } of this.#peers) session.connection.close('the switch stops');
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** TCP ports that it listens at, by the order of `listen`; null for a unix socket. */
  get ports(): readonly (number | null)[] {
    return this.#servers.map((server) => {
      const address = server.address();
      return address === null || typeof address === 'string' ? null : address.port;
    });
  }

  status(): ChannelStatus {
    const rows = this.#links.map((link, controller): ChannelRow => {
      const peer = [...this.#peers].find((one) => one.controller === controller);
      if (peer !== undefined) return this.#rowOf(peer, link.lastFailure);
      const nothing = { ageMs: 0, received: 0, sent: 0, errors: 0, packetInsDropped: 0 };
      const state = link.state === 'connected' ? 'greeting' : link.state;
      return {
        peer: link.target.text,
        kind: 'controller',
        state,
        role: null,
        ...nothing,
        lastFailure: link.lastFailure,
      };
    });
    for (const peer of this.#peers) if (peer.controller === null) rows.push(this.#rowOf(peer, null));
    return {
      listening: this.#listening.map(({ text }) => text),
      standalone: this.#fail.standalone,
      rows,
      packetInsDropped: { ...this.#packetIns.dropped },
      packetOutsDropped: this.#options.datapath.log.packetOutsDropped,
    };
  }

  // What the datapath tells.

  packetIn(event: PacketInEvent): void {
    this.#packetIns.send(event, this.#sessions());
  }

  removed({ rule, reason, packets, bytes, durationMs }: FlowRemovedEvent): void {
    const { cookie, priority, table, idleTimeout, hardTimeout, match } = rule;
    const message = {
      ...({ type: 'flow_removed', cookie, priority, reason, table, idleTimeout, hardTimeout, match } as const),
      ...{ durationSec: Math.floor(durationMs / 1000), durationNsec: Math.floor((durationMs % 1000) * 1e6) },
      ...{ packets: BigInt(packets), bytes: BigInt(bytes) },
    };
    this.#spread('flowRemoved', reason, () => encode(message, 0));
  }

  port(reason: number, port: PortDesc): void {
    this.#spread('portStatus', reason, () => encode({ type: 'port_status', mod: { reason, port } }, 0));
  }

  #spread(kind: 'flowRemoved' | 'portStatus', reason: number, make: () => Uint8Array): void {
    let bytes: Uint8Array | null = null;
    for (const session of this.#sessions())
      if (session.wants(kind, reason)) session.connection.sendBytes((bytes ??= make()));
  }

  #sessions(): Session[] {
    return [...this.#peers].map(({ session }) => session);
  }

  #accept(stream: Duplex, target: Target): void {
    const clients = [...this.#peers].filter(({ controller }) => controller === null).length;
    if (clients >= this.#limits.connections) {
      this.#tell({ kind: 'refused', peer: target.text, reason: `there are ${clients} connections already` });
      stream.destroy();
      return;
    }
    this.#tell({ kind: 'accepted', peer: target.text });
    this.#serve(stream, target.text, null, () => undefined);
  }

  /** @returns how to close it */
  #serve(
    stream: Duplex,
    name: string,
    controller: number | null,
    ended: (reason: string, worked: boolean) => void,
  ): (reason: string) => void {
    const { probeMs = CONTROLLER_MS } = this.#options;
    const times = controller === null ? CLIENT_MS : { idleMs: probeMs, answerMs: probeMs };
    const connection = new Connection(
      stream,
      {
        greeted: () => {
          if (controller === null) return;
          this.#tell({ kind: 'connected', peer: name });
          this.#fail.set(controller, true);
        },
        message: (envelope, bytes) => this.#requests.answer(peer.session, envelope, bytes),
        closed: (reason) => {
          this.#peers.delete(peer);
          this.#tell({ kind: 'closed', peer: name, reason });
          ended(reason, connection.greeted);
        },
      },
      { timers: this.#timers, limits: this.#limits, ...times },
    );
    const session = new Session(connection, controller !== null, this.#limits, this.#timers);
    const peer: Peer = { name, session, sinceMs: this.#timers.nowMs(), controller };
    this.#peers.add(peer);
    return (reason) => connection.close(reason);
  }

  #failed(controller: number, peer: string, reason: string): void {
    this.#tell({ kind: 'unreachable', peer, reason });
    this.#fail.set(controller, false);
  }

  #rowOf({ name, session, sinceMs, controller }: Peer, lastFailure: string | null): ChannelRow {
    const { connection, role, packetInsDropped } = session;
    const { received, sent, errors, greeted } = connection;
    return {
      peer: name,
      kind: controller === null ? 'client' : 'controller',
      state: greeted ? 'connected' : 'greeting',
      role: greeted ? (ROLES[role as keyof typeof ROLES] ?? null) : null,
      ...{ ageMs: this.#timers.nowMs() - sinceMs, received, sent, errors, packetInsDropped, lastFailure },
    };
  }

  #tell(event: ChannelEvent): void {
    this.#options.onEvent?.(event);
  }
}
