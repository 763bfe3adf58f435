import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decode, type Envelope, encode, xidOf } from '../codec/codec.ts';
import { EXPERIMENTER_ERROR, refuse } from '../codec/errors.ts';
import { type Message, ONF, VERSION } from '../codec/messages.ts';
import { FrameSplitter } from '../codec/splitter.ts';
import { OpenFlowError } from '../model.ts';
import { negotiate } from './hello.ts';
import { KeepAlive } from './keep-alive.ts';
import type { ChannelLimits } from './options.ts';
import { Outbox } from './outbox.ts';
import type { Timers } from './timers.ts';

const HELLO = 0;
const GREETING_MS = 10_000;
/** Bytes of an offending message that go back with the error: what the specification asks for. */
const ECHOED = 64;
/** Messages after which the event loop has its turn, if so much time has gone by. */
const SLICE = 64;
const SLICE_MS = 5;

/** What a connection is told of. */
export interface ConnectionEvents {
  /** Both have said hello. */
  greeted(): void;
  /**
   * Answers a message; those behind it wait for the promise.
   * @throws OpenFlowError to be answered with
   */
  message(envelope: Envelope, bytes: Uint8Array): Promise<void> | null;
  /** Once, whatever happened. */
  closed(reason: string): void;
}

export interface ConnectionOptions {
  readonly timers: Timers;
  readonly limits: ChannelLimits;
  readonly idleMs: number;
  readonly answerMs: number;
}

/**
 * One connection: messages out of the stream, one after the other in their order, and into it; hello and echo; errors. A peer is read
 * from only as fast as its messages are carried out and their answers read: what it may make us keep is bounded.
 * Source: 1.3.5, section 6.3.
 */
export class Connection {
  readonly #stream: Duplex;
  readonly #events: ConnectionEvents;
  readonly #timers: Timers;
  readonly #limits: ChannelLimits;
  readonly #outbox: Outbox;
  readonly #keepAlive: KeepAlive;
  readonly #splitter = new FrameSplitter();
  readonly #greeting: () => void;
  #inbox: Uint8Array[] = [];
  #busy = false;
  #greeted = false;
  #closed = false;
  #xid = 0;
  received = 0;
  sent = 0;
  errors = 0;

  constructor(stream: Duplex, events: ConnectionEvents, { timers, limits, idleMs, answerMs }: ConnectionOptions) {
    this.#stream = stream;
    this.#events = events;
    this.#timers = timers;
    this.#limits = limits;
    this.#outbox = new Outbox(stream);
    this.#keepAlive = new KeepAlive(timers, {
      idleMs,
      answerMs,
      probe: () => this.send({ type: 'echo_request', data: new Uint8Array() }),
      dead: () => this.close('no answer to an echo request'),
      // Before the hello another clock runs. Later its answer may lie among what we have not read: then it is ours to go on, unless it
      // does not read either.
      excused: () => !this.#greeted || (this.#busy && this.waiting === 0),
    });
    this.#greeting = timers.after(GREETING_MS, () => {
      if (!this.#greeted) this.close('no hello');
    });
    stream.on('data', (chunk: Uint8Array) => this.#take(chunk));
    stream.on('error', (error) => this.close(error.message));
    stream.on('end', () => this.close('closed by the peer'));
    stream.on('close', () => this.close('closed by the peer'));
    this.send({ type: 'hello', versions: [VERSION] });
  }

  get greeted(): boolean {
    return this.#greeted;
  }

  get open(): boolean {
    return !this.#closed;
  }

  /** Bytes that the peer has not taken. */
  get waiting(): number {
    return this.#outbox.waiting;
  }

  send(message: Message, xid: number = this.#nextXid()): void {
    this.sendBytes(encode(message, xid));
  }

  /** @param bytes of a whole message */
  sendBytes(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.waiting > this.#limits.mostBytes) {
      this.close('it does not read what it is sent');
      return;
    }
    this.sent++;
    this.#outbox.write(bytes);
  }

  /** Sends message after message, as fast as the peer reads. */
  async sendAll(messages: Iterable<Uint8Array>): Promise<void> {
    for (const bytes of messages) {
      this.sendBytes(bytes);
      if (this.#closed) return;
      await this.#outbox.roomFor(this.#limits.replyBytes);
    }
  }

  /** @param bytes the message that was wrong, or its beginning; its transaction is answered */
  sendError({ type, code }: { readonly type: number; readonly code: number }, bytes: Uint8Array): void {
    const start = bytes.subarray(0, ECHOED);
    const data = type === EXPERIMENTER_ERROR ? Buffer.concat([onf(), start]) : start;
    this.errors++;
    this.send({ type: 'error', errorType: type, code, data }, bytes.length < 8 ? 0 : xidOf(bytes));
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#greeting();
    this.#keepAlive.stop();
    this.#inbox = [];
    // What was said last, an error say, still goes out, if the peer takes it; reading is over.
    this.#stream.removeAllListeners('data');
    this.#stream.end();
    this.#stream.resume();
    this.#timers.after(1000, () => this.#stream.destroy());
    if (this.waiting === 0) this.#stream.once('finish', () => this.#stream.destroy());
    this.#events.closed(reason);
  }

  #nextXid(): number {
    this.#xid = (this.#xid + 1) >>> 0;
    return this.#xid;
  }

  #take(chunk: Uint8Array): void {
    if (this.#closed) return;
    this.#keepAlive.heard();
    try {
      this.#splitter.push(chunk, (message) => this.#inbox.push(message));
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error;
      this.sendError(error, new Uint8Array());
      this.close(error.message);
      return;
    }
    if (this.#busy) this.#stream.pause();
    else this.#work(0);
  }

  /** Carries out what has come, in order, from message `at` on. Nothing more is read while something of it waits. */
  #work(at: number): void {
    this.#busy = true;
    const began = this.#timers.nowMs();
    for (let next = at; next < this.#inbox.length && !this.#closed; next++) {
      const waiting = this.#handle(this.#inbox[next]) ?? this.#outbox.roomFor(this.#limits.replyBytes);
      const due = next % SLICE === SLICE - 1 && this.#timers.nowMs() - began > SLICE_MS;
      if (waiting === null && !due) continue;
      this.#stream.pause();
      void (waiting ?? nextTurn()).then(() => this.#work(next + 1));
      return;
    }
    this.#inbox = [];
    this.#busy = false;
    if (!this.#closed) this.#stream.resume();
  }

  /** @returns what the messages behind this one wait for */
  #handle(bytes: Uint8Array): Promise<void> | null {
    this.received++;
    try {
      if (!this.#greeted) {
        this.#greet(bytes);
        return null;
      }
      if (bytes[1] !== HELLO && bytes[0] !== VERSION)
        throw refuse('BAD_REQUEST', 'BAD_VERSION', `version ${bytes[0]} was not agreed on`);
      const envelope = decode(bytes);
      const answered = this.#answer(envelope, bytes);
      return answered === null ? null : answered.catch((error: unknown) => this.#failed(error, bytes));
    } catch (error) {
      this.#failed(error, bytes);
      return null;
    }
  }

  #answer(envelope: Envelope, bytes: Uint8Array): Promise<void> | null {
    const { message, xid } = envelope;
    switch (message.type) {
      case 'echo_request':
        this.send({ type: 'echo_reply', data: message.data }, xid);
        return null;
      case 'hello':
      case 'echo_reply':
        return null;
      default:
        return this.#events.message(envelope, bytes);
    }
  }

  #failed(error: unknown, bytes: Uint8Array): void {
    if (error instanceof OpenFlowError) {
      this.sendError(error, bytes);
      return;
    }
    // A fault of ours, which costs the peer its connection and nobody else anything.
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.close(`internal error: ${why}`);
  }

  #greet(bytes: Uint8Array): void {
    const hello = bytes[1] === HELLO ? decode(bytes).message : null;
    const agreed = hello?.type === 'hello' ? negotiate(bytes[0], hello.versions) : null;
    if (agreed !== null) {
      this.#greeted = true;
      this.#greeting();
      this.#events.greeted();
      return;
    }
    const text =
      hello === null ? 'The first message must be a hello.' : 'This switch speaks OpenFlow 1.3 (version 4) alone.';
    this.send({ type: 'error', errorType: 0, code: 0, data: Buffer.from(text) }, xidOf(bytes));
    this.close(hello === null ? 'the first message was no hello' : `it speaks no OpenFlow 1.3 (version ${bytes[0]})`);
  }
}

function onf(): Uint8Array {
  return Uint8Array.of(ONF >>> 24, (ONF >>> 16) & 0xff, (ONF >>> 8) & 0xff, ONF & 0xff);
}
