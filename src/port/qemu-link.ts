import { acceptUnix, hangUp, SocketAddress } from '../../native-free/unix-socket.ts';
import type { Io, Watch } from './io.ts';

/** How a port finds its virtual machine: at a socket that the main thread has opened for listening, or by connecting to a path. */
export type QemuEndpoint = { readonly listen: number } | { readonly connect: string };

/** After a connection has ended, or could not be had, the next is tried so much later: a peer that misbehaves costs no more. */
export const RETRY_US = 200_000;

/**
 * The one connection of a port: made, and after its end made again, without ever waiting. Who connects while there is a connection
 * is turned away.
 */
export class QemuLink {
  /** The connection, and what tells of it; -1 and null while there is none. */
  fd = -1;
  watch: Watch | null = null;
  readonly #io: Io;
  readonly #listening: number;
  readonly #listener: Watch | null;
  readonly #address: SocketAddress | null;
  #retryUs = 0;

  constructor(endpoint: QemuEndpoint, io: Io) {
    this.#io = io;
    const listens = 'listen' in endpoint;
    this.#listening = listens ? endpoint.listen : -1;
    this.#listener = listens ? io.watch(endpoint.listen) : null;
    this.#address = listens ? null : new SocketAddress(endpoint.connect);
  }

  /** Whether somebody asks for a connection, or we would. */
  get wanted(): boolean {
    return this.#listener === null ? this.fd < 0 : this.#listener.ready;
  }

  /** The clock's microseconds at which the next attempt is due; infinity while nothing is to be tried. */
  get dueUs(): number {
    return this.fd < 0 && this.wanted ? this.#retryUs : Number.POSITIVE_INFINITY;
  }

  /** Makes a connection if one can be had now. @returns whether there is one */
  connect(nowUs: number): boolean {
    if (nowUs < this.#retryUs) return false;
    const fd = this.#address === null ? this.#accept() : this.#address.connect();
    if (fd < 0) {
      this.#retryUs = nowUs + RETRY_US;
      return false;
    }
    this.fd = fd;
    this.watch = this.#io.watch(fd);
    return true;
  }

  /** Turns away one of those who wait while there is a connection. @returns whether one did */
  refuse(): boolean {
    const fd = this.#accept();
    if (fd < 0) return false;
    hangUp(fd);
    return true;
  }

  #accept(): number {
    const fd = acceptUnix(this.#listening);
    if (fd < 0 && this.#listener !== null) this.#listener.ready = false;
    return fd;
  }

  /** Ends the connection; the next is made no sooner than a while later. */
  drop(nowUs: number): void {
    this.watch?.end();
    this.watch = null;
    if (this.fd >= 0) hangUp(this.fd);
    this.fd = -1;
    this.#retryUs = nowUs + RETRY_US;
  }

  /** Ends everything but the listening socket, which is the main thread's. */
  close(): void {
    this.drop(Number.POSITIVE_INFINITY);
    this.#listener?.end();
  }
}
