import type { Duplex } from 'node:stream';
import { encode } from '../openflow/codec/codec.ts';
import { type Message, MULTIPART_REPLY } from '../openflow/codec/messages.ts';
import { FrameSplitter } from '../openflow/codec/splitter.ts';
import { Ports } from '../openflow/model.ts';
import { parseFlow } from '../openflow/text/flow.ts';
import { CHURNED_RULES, churnedFlow } from './attacks.ts';

export type Storm = 'rules' | 'packet-ins' | 'questions';

/** Message types; source: OpenFlow 1.3.5, section 7.1, ofp_type. */
const ECHO_REQUEST = 2;
const PACKET_IN = 10;
const BARRIER_REPLY = 21;
/** Flags of a multipart message. */
const FLAGS_AT = 10;
/** Changes that may be under way: whoever is slower is sent no more than it takes. */
const MOST_UNANSWERED = 30_000;
const WHOLE = 0xffff;

/** What a storm did. */
export interface StormReport {
  /** Rule changes that were due by the clock, sent, and carried out as barriers tell. */
  readonly due: number;
  readonly sent: number;
  readonly done: number;
  readonly packetIns: number;
  /** Times that all rules were told. */
  readonly answers: number;
}

/**
 * A controller that asks too much: rules added and deleted by the clock, or all rules asked for over and over, or frames taken as
 * they come. It speaks just as much of OpenFlow 1.3 as that takes.
 */
export class StormController {
  readonly #stream: Duplex;
  readonly #storm: Storm;
  readonly #perSecond: number;
  readonly #adds: readonly Uint8Array[];
  readonly #deletes: readonly Uint8Array[];
  readonly #barriers: number[] = [];
  #xid = 1;
  #startedMs = -1;
  #due = 0;
  #sent = 0;
  #done = 0;
  #packetIns = 0;
  #answers = 0;

  /** @param perSecond rule changes */
  constructor(stream: Duplex, storm: Storm, perSecond: number) {
    const bytes = (command: 'add' | 'delete_strict') =>
      Array.from({ length: CHURNED_RULES }, (_, i) => {
        const text = command === 'add' ? churnedFlow(i) : churnedFlow(i).replace(/,actions=.*/, '');
        return encode({ type: 'flow_mod', mod: parseFlow(text, command) }, 0);
      });
    this.#stream = stream;
    this.#storm = storm;
    this.#perSecond = perSecond;
    this.#adds = storm === 'packet-ins' ? [] : bytes('add');
    this.#deletes = storm === 'rules' ? bytes('delete_strict') : [];
    const splitter = new FrameSplitter();
    stream.on('data', (chunk: Uint8Array) => splitter.push(chunk, (message) => this.#hear(message)));
    this.#send({ type: 'hello', versions: [4] });
    // Who sets a configuration is told of frames.
    this.#send({ type: 'set_config', flags: 0, missSendLength: WHOLE });
    if (storm === 'questions') {
      for (const add of this.#adds) stream.write(add);
      this.#ask();
    }
  }

  get report(): StormReport {
    const [due, sent, done] = [this.#due, this.#sent, this.#done];
    return { due, sent, done, packetIns: this.#packetIns, answers: this.#answers };
  }

  /** Sends the changes that are due by now, in one piece, with a barrier behind them. */
  tick(nowMs: number): void {
    if (this.#storm !== 'rules') return;
    if (this.#startedMs < 0) this.#startedMs = nowMs;
    this.#due = Math.floor(((nowMs - this.#startedMs) * this.#perSecond) / 1000);
    const until = Math.min(this.#due, this.#done + MOST_UNANSWERED);
    if (until <= this.#sent) return;
    const pieces: Uint8Array[] = [];
    // The oldest half of the rules goes while the other comes: half of them are there at any time.
    for (; this.#sent < until; this.#sent++) {
      const turn = this.#sent >> 1;
      const isAdd = this.#sent % 2 === 0;
      pieces.push(isAdd ? this.#adds[turn % CHURNED_RULES] : this.#deletes[(turn + CHURNED_RULES / 2) % CHURNED_RULES]);
    }
    pieces.push(encode({ type: 'barrier_request' }, this.#xid++));
    this.#barriers.push(this.#sent);
    this.#stream.write(Buffer.concat(pieces));
  }

  #hear(message: Uint8Array): void {
    switch (message[1]) {
      case ECHO_REQUEST:
        this.#send({ type: 'echo_reply', data: message.subarray(8) });
        break;
      case PACKET_IN:
        this.#packetIns++;
        break;
      case BARRIER_REPLY:
        this.#done = this.#barriers.shift() ?? this.#done;
        break;
      case MULTIPART_REPLY:
        if ((message[FLAGS_AT + 1] & 1) === 1) break;
        this.#answers++;
        this.#ask();
        break;
      default:
    }
  }

  #ask(): void {
    const all = { table: 0xff, outPort: Ports.Any, outGroup: Ports.Any, cookie: 0n, cookieMask: 0n, match: [] };
    this.#send({ type: 'multipart_request', kind: 'flow', more: false, body: all });
  }

  #send(message: Message): void {
    this.#stream.write(encode(message, this.#xid++));
  }
}
