import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type SecureContextOptions, connect as tlsConnect } from 'node:tls';
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

/**
 * Listens. A unix socket has mode 0600, so that the file system alone decides who may change rules; one that nobody answers on is a dead
 * switch's, and replaced.
 * @throws UserError when the address cannot be had
 */
export async function listenAt(
  target: Target,
  tls: ChannelTls | undefined,
  accept: (stream: Socket) => void,
): Promise<Server> {
  if (target.kind === 'ssl' && tls === undefined) throw needsTls(target.text);
  if (target.kind === 'unix') await clearPath(target.path);
  const server =
    target.kind === 'ssl' && tls !== undefined
      ? createTlsServer(
          { ...secrets(tls), requestCert: true, rejectUnauthorized: true, handshakeTimeout: 10_000 },
          accept,
        )
      : createServer({ noDelay: true }, accept);
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
  server.on('tlsClientError', () => undefined);
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
