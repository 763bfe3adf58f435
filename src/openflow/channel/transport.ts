import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
  connect as tlsConnect,
} from 'node:tls';
import { UserError } from '../../errors.ts';
import type { ChannelTls } from './options.ts';
import type { Target } from './target.ts';

/** Streams of bytes to and from peers: TCP, unix sockets, TLS both sides of which show certificates. */

const secrets = ({ privateKey, certificate, authority }: ChannelTls): SecureContextOptions => ({
  key: privateKey,
  cert: certificate,
  ca: authority,
  minVersion: 'TLSv1.2',
});

/**
 * Begins to connect. @param ready called once, when bytes may be sent
 * @returns the stream; it emits `error` and `close` as sockets do
 */
export function openStream(target: Target, tls: ChannelTls | undefined, ready: () => void): Duplex {
  if (target.kind === 'unix') return createConnection({ path: target.path }).once('connect', ready);
  const { host, port } = target;
  if (target.kind === 'tcp')
    return createConnection({ host, port, noDelay: true, keepAlive: true }).once('connect', ready);
  if (tls === undefined) throw needsTls(target.text);
  // As in Open vSwitch: the authority is the network's own, and what it has signed is trusted by whatever name it is reached.
  const options = { host, port, ...secrets(tls), checkServerIdentity: () => undefined };
  return tlsConnect(options).once('secureConnect', ready);
}

function needsTls(text: string): UserError {
  return new UserError(
    'openflow-listen',
    `${text} needs certificates`,
    'give a private key, a certificate and an authority',
  );
}

/** Why nobody could be spoken with over TLS, for people: Node's words, and that it is the certificate where it is. */
export function tlsFailure(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'it shows no certificate';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_HTTP_REQUEST') return 'it does not speak TLS';
  if (code !== undefined && OF_CERTIFICATES.test(code))
    return `its certificate is not accepted: ${error.message} (${code})`;
  if (code !== undefined && /^ERR_SSL_.*ALERT/.test(code))
    return `it does not accept our certificate (${code
      .replace(/^ERR_SSL_/, '')
      .toLowerCase()
      .replaceAll('_', ' ')})`;
  return error.message || String(error);
}

/** Codes of OpenSSL's X509_verify_cert_error, as Node names them. */
const OF_CERTIFICATES = /CERT|_CHAIN|LEAF_SIGNATURE|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/;

/** Tells of everybody who was turned away at the handshake. */
function watchHandshakes(server: TlsServer, refused: (reason: string) => void): void {
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    // Of a certificate that was looked at and not accepted the error itself says only that the connection ended.
    const code: unknown = socket.authorizationError;
    const why = typeof code === 'string' ? `its certificate is not accepted (${code})` : tlsFailure(error);
    refused(`a client was turned away: ${why}`);
  });
}

/**
 * Listens. A unix socket has mode 0600, so that the file system alone decides who may change rules; one that nobody answers on is a dead
 * switch's, and replaced.
 * @param refused is told why somebody was turned away before a byte of OpenFlow was read
 * @throws UserError when the address cannot be had
 */
export async function listenAt(
  target: Target,
  tls: ChannelTls | undefined,
  accept: (stream: Socket) => void,
  refused: (reason: string) => void,
): Promise<Server> {
  if (target.kind === 'ssl' && tls === undefined) throw needsTls(target.text);
  if (target.kind === 'unix') await clearPath(target.path);
  let server: Server;
  if (target.kind === 'ssl' && tls !== undefined) {
    const options = { ...secrets(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: 10_000 };
    const secure = createTlsServer(options, accept);
    watchHandshakes(secure, refused);
    server = secure;
  } else server = createServer({ noDelay: true }, accept);
  // Nobody else may connect between the making of the file and the change of its mode.
  const before = target.kind === 'unix' ? process.umask(0o177) : null;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (target.kind === 'unix') server.listen(target.path, resolve);
      else server.listen({ host: target.host, port: target.port }, resolve);
      if (before !== null) process.umask(before);
    });
    if (target.kind === 'unix') chmodSync(target.path, 0o600);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError('openflow-listen', `Cannot listen at ${target.text}: ${why}`, 'take another address', {
      cause: error,
    });
  }
  // A connection that broke before it was accepted is no trouble of the listener's.
  server.on('error', () => undefined);
  return server;
}

async function clearPath(path: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket())
    throw new UserError('openflow-listen', `${path} is there, and no socket`, 'take another path');
  const answered = await new Promise<boolean>((resolve) => {
    const socket = createConnection(path, () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
  if (answered)
    throw new UserError('openflow-listen', `Another switch answers on ${path}`, 'stop it, or take another path');
  unlinkSync(path);
}
