import { setTimeout as sleep } from 'node:timers/promises';
import { Errno, errnoName } from '../../native-free/errors.ts';
import { echoRequest, isEchoReply } from './traffic/echo.ts';
import { Socket, SocketOption } from './traffic/sockets.ts';

/**
 * Who reaches whom, tried from any namespace by the process of the lab itself: sockets belong to the namespace they were opened in.
 * Nothing here blocks, since the switch's slow path lives on the same thread.
 */
const EINPROGRESS = 115;
const ECONNREFUSED = 111;
/** A port that nobody listens on (traceroute's): who gets a datagram for it answers with ICMP port unreachable. */
const CLOSED_PORT = 33_434;
/** How long to look without a pause: most answers come sooner than a timer can tell. */
const EAGER_MS = 3;

export interface PingOptions {
  /** false: UDP to a closed port instead of ICMP echo; the ICMP error is the answer. */
  readonly echo: boolean;
  readonly count?: number;
  readonly timeoutMs?: number;
  readonly hopLimit?: number;
  readonly signal: AbortSignal;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** Median round trip; null when nothing came back. */
  readonly ms: number | null;
  /** Errors that came instead of answers, by their names. */
  readonly errors: readonly string[];
}

/** Waits until `look` gives something. @returns undefined when the time is up */
async function until<Found>(
  look: () => Found | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const start = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const found = look();
    if (found !== undefined) return found;
    const waited = performance.now() - start;
    if (waited > timeoutMs) return undefined;
    if (waited < EAGER_MS) await new Promise((resolve) => setImmediate(resolve));
    else await sleep(1);
  }
}

/** @param netns where from @param to an address, IPv4 or IPv6 */
export async function ping(netns: string, to: string, options: PingOptions): Promise<PingResult> {
  const { echo, count = 5, timeoutMs = 1000, signal } = options;
  const family = to.includes(':') ? 6 : 4;
  const socket = new Socket(echo ? 'echo' : 'udp', family, netns);
  const times: number[] = [];
  const errors: string[] = [];
  try {
    socket.set(family === 4 ? SocketOption.ReceiveErrors : SocketOption.ReceiveErrors6, 1);
    if (options.hopLimit !== undefined) {
      socket.set(family === 4 ? SocketOption.Ttl : SocketOption.HopLimit6, options.hopLimit);
    }
    const refused = socket.connect(to, echo ? 0 : CLOSED_PORT);
    if (refused < 0) return { sent: 0, received: 0, ms: null, errors: [errnoName(-refused)] };
    for (let sequence = 1; sequence <= count; sequence++) {
      const start = performance.now();
      socket.send(echo ? echoRequest(family, sequence) : new Uint8Array(18));
      const answer = await until(() => answerOf(socket, echo, family, sequence), timeoutMs, signal);
      if (answer === true) times.push(performance.now() - start);
      else if (answer !== undefined) errors.push(answer);
    }
  } finally {
    socket.close();
  }
  times.sort((a, b) => a - b);
  return { sent: count, received: times.length, ms: times.length === 0 ? null : times[times.length >> 1], errors };
}

/** @returns true for the answer, the name of an error, or undefined: nothing yet */
function answerOf(socket: Socket, echo: boolean, family: 4 | 6, sequence: number): true | string | undefined {
  const got = socket.receive();
  if (typeof got === 'number') {
    if (got === -Errno.EAGAIN) return undefined;
    return !echo && got === -ECONNREFUSED ? true : errnoName(-got);
  }
  return (echo && isEchoReply(got, family, sequence)) || undefined;
}

export interface TcpResult {
  readonly outcome: 'open' | 'refused' | 'silent' | 'error';
  /** First bytes that the server sent, or the error's name. */
  readonly said: string;
}

/** Connects, and reads what the server says first. */
export async function tryTcp(
  netns: string,
  to: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TcpResult> {
  const socket = new Socket('tcp', to.includes(':') ? 6 : 4, netns);
  try {
    const started = socket.connect(to, port);
    if (started < 0 && started !== -EINPROGRESS) return failed(-started);
    // Until it is connected, reading fails with EAGAIN, as it does while the server says nothing.
    const got = await until(
      () => {
        const error = socket.error();
        if (error !== 0) return error;
        const bytes = socket.receive();
        if (typeof bytes !== 'number') return Buffer.from(bytes).toString();
        return bytes === -Errno.EAGAIN ? undefined : -bytes;
      },
      timeoutMs,
      signal,
    );
    if (got === undefined) return { outcome: 'silent', said: '' };
    return typeof got === 'number' ? failed(got) : { outcome: 'open', said: got.trim() };
  } finally {
    socket.close();
  }
}

function failed(errno: number): TcpResult {
  return { outcome: errno === ECONNREFUSED ? 'refused' : 'error', said: errnoName(errno) };
}

/** A bound UDP socket that counts what comes by its first word. */
export class Listener {
  readonly heard = new Map<string, number>();
  readonly #socket: Socket;

  constructor(netns: string, port: number) {
    this.#socket = new Socket('udp', 4, netns);
    this.#socket.set(SocketOption.ReceiveBufferForce, 4 << 20);
    this.#socket.bind('0.0.0.0', port);
  }

  /** @returns how many datagrams with that text have come so far */
  count(text: string): number {
    for (;;) {
      const got = this.#socket.receive();
      if (typeof got === 'number') return this.heard.get(text) ?? 0;
      const said = Buffer.from(got).toString();
      this.heard.set(said, (this.heard.get(said) ?? 0) + 1);
    }
  }

  close(): void {
    this.#socket.close();
  }
}

/** Sends `count` datagrams with a text, a few at a time. */
export async function tell(
  netns: string,
  to: string,
  port: number,
  text: string,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const socket = new Socket('udp', 4, netns);
  try {
    socket.set(SocketOption.Broadcast, 1);
    socket.connect(to, port);
    for (let i = 0; i < count; i++) {
      socket.send(Buffer.from(text));
      if (i % 10 === 9) await sleep(2, undefined, { signal });
    }
  } finally {
    socket.close();
  }
}

export { until };
