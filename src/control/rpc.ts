import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { UserError } from '../errors.ts';

/**
 * The control socket: JSON-RPC 2.0 (jsonrpc.org/specification) over a unix stream socket, a message a line. The file has mode
 * 0600, so that who may open it is decided by the file system alone.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Params = { readonly [key: string]: Json };
export type Methods = Readonly<Record<string, (params: Params) => Json | Promise<Json>>>;

export const DEFAULT_SOCKET = '/run/tapyard.sock';

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INTERNAL_ERROR = -32603;
/** A request is a few words; what is longer is no request. */
const LONGEST_LINE = 64 * 1024;

export class RpcServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();

  /** @throws UserError when another switch answers on the socket. A socket that nobody answers on is a dead one's, and replaced. */
  static async listen(path: string, methods: Methods): Promise<RpcServer> {
    if (existsSync(path)) {
      if (await answers(path)) {
        throw new UserError('already-running', `Another switch answers on ${path}`, 'stop it, or give another --socket');
      }
      unlinkSync(path);
    }
    const made = new RpcServer(path, methods);
    await new Promise<void>((resolve, reject) => {
      made.#server.once('error', reject);
      // Nobody else may connect between the making of the file and the change of its mode.
      const before = process.umask(0o177);
      made.#server.listen(path, resolve);
      process.umask(before);
    });
    chmodSync(path, 0o600);
    return made;
  }

  private constructor(path: string, methods: Methods) {
    this.#path = path;
    this.#server = createServer((socket) => this.#serve(socket, methods));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (existsSync(this.#path)) unlinkSync(this.#path);
  }

  #serve(socket: Socket, methods: Methods): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let pending = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      pending += text;
      const lines = pending.split('\n');
      pending = lines.pop() ?? '';
      if (pending.length > LONGEST_LINE) socket.destroy();
      for (const line of lines) if (line.trim() !== '') void answer(line, methods).then((reply) => socket.write(reply));
    });
  }
}

async function answer(line: string, methods: Methods): Promise<string> {
  const reply = (id: Json, rest: object) => `${JSON.stringify({ jsonrpc: '2.0', id, ...rest })}\n`;
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
    return reply(id, { error: { code: METHOD_NOT_FOUND, message: `There is no method ${method}; there are: ${known}` } });
  }
  try {
    return reply(id, { result: await work(params) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const data = error instanceof UserError ? { code: error.code, cure: error.cure } : undefined;
    return reply(id, { error: { code: INTERNAL_ERROR, message, data } });
  }
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

/** Calls one method of a running switch. @throws UserError when none answers, or with what it says went wrong */
export function call(path: string, method: string, params: Params = {}): Promise<Json> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.on('error', () =>
      reject(new UserError('not-running', `No switch answers on ${path}`, 'start one with tapyard up FILE, or give its --socket')),
    );
    socket.on('connect', () => socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`));
    createInterface({ input: socket }).once('line', (line) => {
      socket.destroy();
      const reply = JSON.parse(line) as { result?: Json; error?: { message: string; data?: { cure?: string } } };
      if (reply.error === undefined) resolve(reply.result ?? null);
      else reject(new UserError('usage', reply.error.message, reply.error.data?.cure ?? 'see tapyard --help'));
    });
  });
}
