import type { Envelope } from '../codec/codec.ts';
import { decode } from '../codec/codec.ts';
import { BundleError, refuse, refuseBundle } from '../codec/errors.ts';
import { type FlowMod, type Message, type MultipartRequest, ONF } from '../codec/messages.ts';
import { TABLES } from '../datapath/check.ts';
import type { Datapath } from '../datapath/datapath.ts';
import { NO_BUFFER, OpenFlowError, type PacketOut, Ports } from '../model.ts';
import type { Awake } from './awake.ts';
import type { MessageLog } from './message-log.ts';
import { answerMultipart } from './multiparts.ts';
import type { ChannelLimits } from './options.ts';
import type { PacketBuffers } from './packet-buffers.ts';
import type { Roles } from './roles.ts';
import type { Session } from './session.ts';

/** OFPC_FLOW_STATS, TABLE_STATS, PORT_STATS, GROUP_STATS, QUEUE_STATS. Source: 1.3.5, section 7.3.1. */
const CAPABILITIES = 0x4f;

export interface RequestContext {
  readonly datapath: Datapath;
  readonly roles: Roles;
  readonly buffers: PacketBuffers;
  readonly limits: ChannelLimits;
  readonly sessions: () => Iterable<Session>;
  readonly awake: Awake;
  /** Name and version, for the description. */
  readonly software: string;
}

type MessageOf<Type extends Message['type']> = Extract<Message, { type: Type }>;

/** What a slave may not say. Source: 1.3.5, section 6.3.5; meters and bundles alike, which it forgot. */
const WRITES: ReadonlySet<string> = new Set<Message['type']>([
  ...(['packet_out', 'flow_mod', 'group_mod', 'port_mod', 'table_mod', 'meter_mod'] as const),
  ...(['bundle_control', 'bundle_add'] as const),
]);

/** What is answered by a walk over all rules or ports. */
const WALKS: ReadonlySet<string> = new Set<MultipartRequest['kind']>(['flow', 'aggregate', 'port_stats']);

/**
 * A change must fit into the replies that will tell of it, whose headers are longer; flow-mods and group-mods of nearly 64 KiB do not.
 */
const LONGEST_CHANGE = 65_000;

/** Answers what controllers say: the messages of section 7.3, each with what a datapath makes of it. */
export class Requests {
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  /**
   * @returns what the messages behind this one must wait for
   * @throws OpenFlowError to be answered with
   */
  answer(session: Session, { message, xid }: Envelope, bytes: Uint8Array): Promise<void> | null {
    const { awake, datapath, limits, software } = this.#context;
    const { connection } = session;
    awake.worked();
    const reply = (answer: Message): null => {
      connection.send(answer, xid);
      return null;
    };
    if (session.isSlave && WRITES.has(message.type))
      throw refuse('BAD_REQUEST', 'IS_SLAVE', 'this connection is a slave');
    if (bytes.length > LONGEST_CHANGE && (message.type === 'flow_mod' || message.type === 'group_mod'))
      throw refuse('BAD_REQUEST', 'BAD_LEN', `a change has ${LONGEST_CHANGE} bytes at most`);
    switch (message.type) {
      case 'features_request':
        return reply({
          type: 'features_reply',
          ...{ datapathId: datapath.id, buffers: limits.buffers, tables: TABLES, auxiliaryId: 0 },
          capabilities: CAPABILITIES,
        });
      case 'get_config_request':
        return reply({
          type: 'get_config_reply',
          flags: datapath.config.flags,
          missSendLength: session.missSendLength,
        });
      case 'set_config':
        this.#setConfig(session, message);
        return null;
      case 'barrier_request':
        return this.#barrier(session, xid);
      case 'multipart_request': {
        const whole = session.assembler.take(message, xid);
        if (whole === null) return null;
        const answer = () =>
          connection.sendAll(answerMultipart(datapath, whole, xid, { isSlave: session.isSlave, software }));
        return (WALKS.has(whole.kind) ? session.walks.turn()?.then(answer) : null) ?? answer();
      }
      case 'queue_get_config_request':
        return reply({
          type: 'queue_get_config_reply',
          port: message.port,
          queues: datapath.statistics.queueConfigs(message.port),
        });
      case 'role_request':
        return reply(this.#takeRole(session, message));
      case 'get_async_request':
        return reply({ type: 'get_async_reply', ...session.async });
      case 'set_async': {
        const { packetIn, portStatus, flowRemoved } = message;
        session.async = { packetIn, portStatus, flowRemoved };
        session.attentive = true;
        return null;
      }
      case 'packet_out':
        this.#packetOut(message.mod);
        return datapath.log.room();
      case 'flow_mod':
        this.#flowMod(message.mod);
        return datapath.log.room();
      case 'group_mod':
      case 'meter_mod':
      case 'port_mod':
      case 'table_mod':
        this.#change(message);
        return datapath.log.room();
      case 'bundle_add':
        session.bundles.add(message, xid);
        return null;
      case 'bundle_control': {
        const { bundle, control, flags } = message;
        const messages = session.bundles.control(message);
        const answer = { type: 'bundle_control', bundle, control: control + 1, flags } as const;
        if (messages === null) return reply(answer);
        this.#commit(session, messages);
        // Every frame that comes later sees it.
        return datapath.barrier()?.then(() => connection.send(answer, xid)) ?? reply(answer);
      }
      case 'error':
        return null;
      case 'experimenter':
        if (message.experimenter === ONF)
          throw refuse('BAD_REQUEST', 'BAD_EXP_TYPE', `nobody knows the message ${message.experimenterType} of ONF`);
        throw refuse('BAD_REQUEST', 'BAD_EXPERIMENTER', `nobody knows the experimenter ${message.experimenter}`);
      default:
        throw refuse('BAD_REQUEST', 'BAD_TYPE', `${message.type} is for a switch to say (${bytes[1]})`);
    }
  }

  #barrier({ connection }: Session, xid: number): Promise<void> | null {
    const { awake, datapath } = this.#context;
    const reply = () => {
      connection.send({ type: 'barrier_reply' }, xid);
      awake.stay();
    };
    const passed = datapath.barrier();
    if (passed !== null) return passed.then(reply);
    reply();
    return null;
  }

  #setConfig(session: Session, { flags, missSendLength }: MessageOf<'set_config'>): void {
    const { datapath } = this.#context;
    if (session.isSlave && flags !== datapath.config.flags)
      throw refuse('SWITCH_CONFIG_FAILED', 'EPERM', 'a slave does not say what becomes of fragments');
    datapath.setConfig(flags, missSendLength);
    session.missSendLength = missSendLength;
    session.attentive ||= missSendLength > 0;
  }

  #takeRole(session: Session, { role, generationId }: MessageOf<'role_request'>): Message {
    const { roles, sessions } = this.#context;
    roles.request(session, role, generationId, sessions());
    session.attentive = true;
    return { type: 'role_reply', role: session.role, generationId: roles.generationId };
  }

  #change(message: MessageOf<'group_mod' | 'meter_mod' | 'port_mod' | 'table_mod'>): void {
    const { datapath } = this.#context;
    switch (message.type) {
      case 'group_mod':
        datapath.groupMod(message.mod, 'controller');
        break;
      case 'meter_mod':
        datapath.meterMod(message.mod, 'controller');
        break;
      case 'port_mod':
        datapath.portMod(message.mod);
        break;
      default:
        datapath.tableMod(message.mod);
    }
  }

  /** The rule is made even if the frame that it should begin with is gone, as in Open vSwitch; the error tells of the frame. */
  #flowMod(mod: FlowMod): void {
    const { datapath, buffers } = this.#context;
    datapath.flowMod(mod, 'controller');
    if (mod.buffer === NO_BUFFER || mod.command === 'delete' || mod.command === 'delete_strict') return;
    const { inPort, frame } = buffers.find(mod.buffer);
    const actions = [{ type: 'output', port: Ports.Table, maxLength: 0xffff }] as const;
    datapath.packetOut({ buffer: NO_BUFFER, inPort, actions, frame }, frame);
    buffers.free(mod.buffer);
  }

  #packetOut(mod: PacketOut): void {
    const { datapath, buffers } = this.#context;
    if (mod.buffer === NO_BUFFER) {
      datapath.packetOut(mod, mod.frame);
      return;
    }
    datapath.packetOut(mod, buffers.find(mod.buffer).frame);
    buffers.free(mod.buffer);
  }

  /** Carries a bundle out, all of it or nothing. The message that was refused is answered, and the commit with that it has failed. */
  #commit(session: Session, messages: MessageLog): void {
    let current: Uint8Array = new Uint8Array();
    try {
      this.#context.datapath.together(() => {
        for (const bytes of messages) {
          current = bytes;
          const { message } = decode(bytes);
          if (message.type === 'flow_mod') this.#flowMod(message.mod);
          else if (message.type === 'packet_out') this.#packetOut(message.mod);
          else this.#change(message as MessageOf<'group_mod'>);
        }
      });
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error;
      session.connection.sendError(error, current);
      throw refuseBundle(BundleError.MsgFailed, 'a message of the bundle was refused');
    }
  }
}
