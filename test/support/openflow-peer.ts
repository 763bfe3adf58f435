import { createConnection, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Timers } from '../../src/openflow/channel/timers.ts';
import { decode, type Envelope, encode } from '../../src/openflow/codec/codec.ts';
import type { Message } from '../../src/openflow/codec/messages.ts';
import { FrameSplitter } from '../../src/openflow/codec/splitter.ts';

export type Of<Type extends Message['type']> = Extract<Message, { type: Type }>;

/** The other side of a connection, in a test's hand. */
export class OpenFlowPeer {
  readonly stream: Duplex;
  readonly received: Envelope[] = [];
  closed = false;
  #waiting: (() => void)[] = [];
  #xid = 100;

  static async connect(to: number | string): Promise<OpenFlowPeer> {
    const socket: Socket = typeof to === 'number' ? createConnection(to, '127.0.0.1') : createConnection(to);
    return new OpenFlowPeer(socket);
  }

  constructor(stream: Duplex) {
    this.stream = stream;
    const splitter = new FrameSplitter();
    stream.on('data', (chunk: Uint8Array) => {
      splitter.push(chunk, (bytes) => this.received.push(decode(bytes)));
      this.#wake();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.closed = true;
      this.#wake();
    });
    stream.on('end', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** @returns number of the transaction */
  send(message: Message, xid: number = this.#xid++): number {
    this.stream.write(encode(message, xid));
    return xid;
  }

  greet(): this {
    this.send({ type: 'hello', versions: [4] });
    return this;
  }

  /** The oldest message of a type that has not been taken, when it is there. */
  async next<Type extends Message['type']>(type: Type): Promise<Of<Type> & { readonly xid: number }> {
    for (;;) {
      const at = this.received.findIndex(({ message }) => message.type === type);
      if (at >= 0) {
        const [{ message, xid }] = this.received.splice(at, 1);
        return { ...(message as Of<Type>), xid };
      }
      if (this.closed) throw new Error(`closed before a ${type} came`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Sends, and waits until everything before it has been answered. @returns types of what came besides */
  async settle(): Promise<string[]> {
    const xid = this.send({ type: 'barrier_request' });
    while ((await this.next('barrier_reply')).xid !== xid);
    return this.received.splice(0).map(({ message }) => message.type);
  }

  /** Whether the connection is over. */
  async ended(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Two ends of a stream in memory. */
export const streamPair = (): [Duplex, Duplex] => duplexPair() as [Duplex, Duplex];

/** A clock that stands until it is turned. */
export class HandTimers implements Timers {
  #nowMs = 0;
  #due: { readonly atMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { atMs: this.#nowMs + ms, run };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((one) => one !== entry);
    };
  }

  random(): number {
    return 0.5;
  }

  /** Lets time pass, and streams run. */
  async pass(ms: number): Promise<void> {
    await settled();
    const until = this.#nowMs + ms;
    for (;;) {
      const next = this.#due.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((one) => one !== next);
      this.#nowMs = next.atMs;
      next.run();
      await settled();
    }
    this.#nowMs = until;
    await settled();
  }
}

/** Some turns of the event loop: what streams in memory need to hand everything over. */
export async function settled(): Promise<void> {
  for (let k = 0; k < 6; k++) await turn();
}
