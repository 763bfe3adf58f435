import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { type Diagnostic, type ErrorCode, errorCodes, UserError } from '../errors.ts';
import type { Json } from '../json.ts';
import { isStream, type Stream, sendStream } from './rpc-stream.ts';

/**
 * The control socket: JSON-RPC 2.0 (jsonrpc.org/specification) over a unix stream socket, a message a line. The file has mode
 * 0600, so that who may open it is decided by the file system alone.
 */
export type Params = { readonly [key: string]: Json };
export type Methods = Readonly<Record<string, (params: Params) => Json | Stream | Promise<Json | Stream>>>;

export const DEFAULT_SOCKET = '/run/tapyard.sock';

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;
/** A request is a few words, or a file of rules: 100,000 take some 15 MB. */
const LONGEST_LINE = 32 << 20;
const MOST_CLIENTS = 64;
/** How long a client waits for an answer: a switch at work answers within milliseconds. */
const PATIENCE_MS = 10_000;

export class RpcServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();

  /**
   * A socket that nobody answers on is a dead one's, and replaced.
   * @throws UserError when another switch answers on it, or it cannot be made
   */
  static async listen(path: string, methods: Methods): Promise<RpcServer> {
    if (existsSync(path)) {
      if (!lstatSync(path).isSocket()) throw new UserError('usage', `${path} is there, and no socket`, ELSEWHERE);
      if (await answers(path)) {
        throw new UserError('already-running', `Another switch answers on ${path}`, `stop it, or ${ELSEWHERE}`);
      }
    }
    // The kernel's word for it is lost: libuv calls it EACCES.
    if (!existsSync(dirname(path))) throw new UserError('usage', `There is no folder ${dirname(path)}`, ELSEWHERE);
    const made = new RpcServer(path, methods);
    try {
      if (existsSync(path)) unlinkSync(path);
      await made.#listen();
      chmodSync(path, 0o600);
    } catch (error) {
      throw cannotListen(path, error);
    }
    return made;
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // Nobody else may connect between the making of the file and the change of its mode.
      const before = process.umask(0o177);
      try {
        this.#server.listen(this.#path, resolve);
      } finally {
        process.umask(before);
      }
    });
  }

  private constructor(path: string, methods: Methods) {
    this.#path = path;
    // Who has enough of an answer that goes on shuts down his half of the connection.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#serve(socket, methods));
    this.#server.maxConnections = MOST_CLIENTS;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (existsSync(this.#path)) unlinkSync(this.#path);
  }

  /** Answers one client, line after line; who does not read the answers is not read from either. */
  async #serve(socket: Socket, methods: Methods): Promise<void> {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setEncoding('utf8');
    // The beginning of a line, in the pieces that it came in.
    let pending: string[] = [];
    let length = 0;
    try {
      for await (const text of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
        const lines = text.split('\n');
        const rest = lines.pop() ?? '';
        if (lines.length > 0) {
          lines[0] = pending.join('') + lines[0];
          pending = [];
          length = 0;
        }
        pending.push(rest);
        length += rest.length;
        if (length > LONGEST_LINE) break;
        for (const line of lines) {
          if (line.trim() === '') continue;
          const { text: reply, stream } = await answer(line, methods);
          if (!socket.write(reply)) await once(socket, 'drain');
          if (stream === null) continue;
          await sendStream(socket, stream);
          return;
        }
      }
    } catch {
      // The client went away.
    } finally {
      socket.destroySoon();
    }
  }
}

const ELSEWHERE = 'give another --socket';

function cannotListen(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new UserError(
      'not-permitted',
      `The control socket ${path} cannot be made (${code})`,
      `run as root, or ${ELSEWHERE}`,
    );
  }
  return new UserError('usage', `The control socket ${path} cannot be made (${code})`, ELSEWHERE);
}

interface Answer {
  readonly text: string;
  /** What goes on after it. */
  readonly stream: Stream | null;
}

async function answer(line: string, methods: Methods): Promise<Answer> {
  const reply = (id: Json, rest: object, stream: Stream | null = null): Answer => ({
    text: `${JSON.stringify({ jsonrpc: '2.0', id, ...rest })}\n`,
    stream,
  });
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return reply(null, { error: { code: PARSE_ERROR, message: 'The line is not JSON' } });
  }
  if (!isRequest(request)) {
    return reply(null, { error: { code: INVALID_REQUEST, message: 'The line is not a JSON-RPC 2.0 request' } });
  }
  const { id = null, method, params = {} } = request;
  const work = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (work === undefined) {
    const known = Object.keys(methods).join(', ');
    return reply(id, {
      error: { code: METHOD_NOT_FOUND, message: `There is no method ${method}; there are: ${known}` },
    });
  }
  try {
    const result = await work(params);
    if (!isStream(result)) return reply(id, { result });
    await result.begin();
    return reply(id, { result: result.head }, result);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return reply(id, { error: { code: INTERNAL_ERROR, message, data: dataOf(error) } });
  }
}

/** What of an error its reader can act on. */
function dataOf(error: unknown): object | undefined {
  if (error instanceof UserError) return { code: error.code, cure: error.cure, diagnostics: error.diagnostics };
  // Errors of the kernel's calls have a code and a cure too.
  if (!(error instanceof Error) || !('cure' in error)) return undefined;
  return { code: 'device-unusable', cure: error.cure };
}

interface Request {
  readonly id?: Json;
  readonly method: string;
  readonly params?: Params;
}

function isRequest(value: unknown): value is Request {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { method, params } = value as { method?: unknown; params?: unknown };
  return typeof method === 'string' && (params === undefined || (typeof params === 'object' && params !== null));
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Calls one method of a running switch. @param patienceMs how long it may say nothing @throws UserError when none answers, or with what it says went wrong */
export async function call(path: string, method: string, params: Params = {}, patienceMs = PATIENCE_MS): Promise<Json> {
  return resultOf(await ask(path, requestLine(method, params), patienceMs));
}

export function requestLine(method: string, params: Params): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`;
}

/** @throws UserError with what the reply says went wrong */
export function resultOf(line: string): Json {
  const reply = JSON.parse(line) as {
    result?: Json;
    error?: { message: string; data?: { code?: string; cure?: string; diagnostics?: readonly Diagnostic[] } };
  };
  if (reply.error === undefined) return reply.result ?? null;
  const { message, data } = reply.error;
  const code = data?.code !== undefined && Object.hasOwn(errorCodes, data.code) ? (data.code as ErrorCode) : 'usage';
  throw new UserError(code, message, data?.cure ?? 'see tapyard --help', { diagnostics: data?.diagnostics ?? [] });
}

/** @param cause why no connection was made, or why it broke */
export function cannotReach(path: string, cause: unknown): UserError {
  if ((cause as NodeJS.ErrnoException).code === 'EACCES')
    return new UserError('not-permitted', `${path} may not be opened`, 'run as the user of the switch', { cause });
  const cure = 'start one with tapyard up FILE, or give its --socket';
  return new UserError('not-running', `No switch answers on ${path}`, cure, { cause });
}

/** @returns the first line of the answer */
function ask(path: string, request: string, patienceMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const texts: string[] = [];
    const socket = createConnection(path, () => socket.write(request));
    const fail = (what: string, cure: string) => {
      socket.destroy();
      reject(new UserError('not-running', what, cure));
    };
    socket.setEncoding('utf8');
    socket.on('error', (error) => {
      socket.destroy();
      reject(cannotReach(path, error));
    });
    socket.on('data', (text: string) => {
      const end = text.indexOf('\n');
      texts.push(end < 0 ? text : text.slice(0, end));
      if (end < 0) return;
      socket.destroy();
      resolve(texts.join(''));
    });
    socket.on('end', () => fail(`The switch on ${path} ended before it had answered`, 'try again'));
    socket.setTimeout(patienceMs, () => fail(`The switch on ${path} does not answer`, 'try again, or stop it'));
  });
}
