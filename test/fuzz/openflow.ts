import { setImmediate as turn } from 'node:timers/promises';
import { Awake } from '../../src/openflow/channel/awake.ts';
import { Connection } from '../../src/openflow/channel/connection.ts';
import { DEFAULT_LIMITS } from '../../src/openflow/channel/options.ts';
import { PacketBuffers } from '../../src/openflow/channel/packet-buffers.ts';
import { Requests } from '../../src/openflow/channel/requests.ts';
import { Roles } from '../../src/openflow/channel/roles.ts';
import { Session } from '../../src/openflow/channel/session.ts';
import { encode } from '../../src/openflow/codec/codec.ts';
import { REQUESTS } from '../support/openflow-messages.ts';
import { HandTimers, streamPair } from '../support/openflow-peer.ts';
import { OpenFlowRig } from '../support/openflow-rig.ts';
import type { Random } from './random.ts';

const TEMPLATES = REQUESTS.map((message, k) => encode(message, message.type === 'bundle_add' ? 7 : k));
const HELLO = TEMPLATES[0];
/** Values that lengths, types and numbers are set to. */
const EDGES = [0, 1, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xfe, 0xff];

/** A message that is given, changed in some bytes; seldom in its length, since behind a wrong one the stream is lost. */
export function randomMessage(random: Random): Uint8Array {
  const bytes = Uint8Array.from(TEMPLATES[random.below(TEMPLATES.length)]);
  if (bytes.length > 8) {
    for (let changes = random.below(5); changes > 0; changes--)
      bytes[8 + random.below(bytes.length - 8)] =
        random.below(2) === 0 ? EDGES[random.below(EDGES.length)] : random.below(256);
    if (random.below(20) === 0) return cut(bytes, 8 + random.below(bytes.length - 8));
  }
  if (random.below(50) === 0) bytes[1] = random.below(40);
  if (random.below(1000) === 0) bytes[random.below(4)] = random.below(256);
  return bytes;
}

/** Shorter, with a length that says so. */
function cut(bytes: Uint8Array, length: number): Uint8Array {
  const part = bytes.slice(0, length);
  new DataView(part.buffer).setUint16(2, length);
  return part;
}

export interface FuzzResult {
  readonly messages: number;
  readonly connections: number;
  readonly errors: number;
  /** Why connections ended, for reasons of ours: none is the only good answer. */
  readonly faults: readonly string[];
  readonly rules: number;
}

/** Sends random messages, in random pieces, over connections in memory, one after the other, to one datapath. */
export async function fuzzMessages(random: Random, count: number): Promise<FuzzResult> {
  const rig = new OpenFlowRig({ mostRules: 500 });
  const timers = new HandTimers();
  // No clock is turned while messages are sent, so nothing may wait for it.
  const limits = { ...DEFAULT_LIMITS, walkMs: 0 };
  const buffers = new PacketBuffers(limits, () => timers.nowMs());
  const sessions: Session[] = [];
  const awake = new Awake(() => timers.nowMs());
  const context = { datapath: rig.datapath, roles: new Roles(), buffers, limits, awake, software: 'fuzz' };
  const requests = new Requests({ ...context, sessions: () => sessions });
  const faults: string[] = [];
  let connections = 0;
  let errors = 0;
  let sent = 0;
  while (sent < count) {
    connections++;
    const [ours, theirs] = streamPair();
    theirs.resume();
    const connection: Connection = new Connection(
      ours,
      {
        greeted: () => undefined,
        message: (envelope, bytes) => requests.answer(session, envelope, bytes),
        closed: (reason) => {
          if (reason.startsWith('internal')) faults.push(reason);
        },
      },
      { timers, limits, idleMs: 1e9, answerMs: 1e9 },
    );
    const session = new Session(connection, true, limits, timers);
    sessions.splice(0, sessions.length, session);
    theirs.write(HELLO);
    for (let k = 0; k < 2000 && connection.open && sent < count; k++, sent++) {
      const bytes = randomMessage(random);
      const at = random.below(bytes.length);
      if (random.below(4) === 0) {
        theirs.write(bytes.subarray(0, at));
        await turn();
        theirs.write(bytes.subarray(at));
      } else theirs.write(bytes);
      if (k % 32 === 31) {
        rig.nowMs += 100;
        rig.datapath.tick();
        while (connection.open && theirs.writableLength > 0) await turn();
      }
    }
    for (let k = 0; k < 50; k++) await turn();
    errors += connection.errors;
    connection.close('done');
    await timers.pass(2000);
  }
  return { messages: sent, connections, errors, faults, rules: rig.datapath.flows.size };
}
