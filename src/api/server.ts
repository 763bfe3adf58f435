import { createServer, type Server } from 'node:http';
import { UserError } from '../errors.ts';
import { CONTENT_TYPE, type Family, formatOf, render } from './exposition.ts';

/** Where to listen: `127.0.0.1:9476`, `[::1]:9476`. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const CONNECTIONS = 16;
const PATIENCE_MS = 5000;

/** Serves `/metrics` over HTTP, to anybody who may reach the address: nothing can be changed by it. */
export class MetricsServer {
  readonly #server: Server;

  /** @throws UserError when the address cannot be listened on */
  static async listen({ host, port }: Endpoint, families: () => Iterable<Family>): Promise<MetricsServer> {
    const made = new MetricsServer(families);
    await new Promise<void>((resolve, reject) => {
      made.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new UserError(
            'already-running',
            `cannot listen on ${host}:${port} for metrics: ${cause.code ?? cause.message}`,
            'choose another address',
            { cause },
          ),
        ),
      );
      made.#server.listen(port, host, resolve);
    });
    return made;
  }

  private constructor(families: () => Iterable<Family>) {
    this.#server = createServer({ requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS }, (request, response) => {
      const path = request.url?.split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end();
        return;
      }
      if (path !== '/metrics') {
        response.writeHead(404, { 'content-type': 'text/plain' }).end('There is /metrics here.\n');
        return;
      }
      const format = formatOf(request.headers.accept);
      const body = render(families(), format);
      response.writeHead(200, { 'content-type': CONTENT_TYPE[format], 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    this.#server.maxConnections = CONNECTIONS;
    // It must not keep a process alive that has nothing else to do.
    this.#server.unref();
  }

  /** Port that it listens on: the one that the system chose where 0 was asked for. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
