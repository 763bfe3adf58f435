import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { UserError } from '../../errors.ts';
import { Channel } from '../../openflow/channel/channel.ts';
import type { ChannelEvent, ChannelTls } from '../../openflow/channel/options.ts';
import type { Datapath } from '../../openflow/datapath/datapath.ts';
import type { OpenFlowModel, TlsModel } from '../config/model.ts';

/**
 * Opens the channel that a configuration asks for.
 * @returns null when it asks for none
 * @throws UserError when an address cannot be listened at, or a certificate cannot be read
 */
export async function openChannel(
  datapath: Datapath,
  model: OpenFlowModel,
  onEvent: (event: ChannelEvent) => void,
): Promise<Channel | null> {
  const { listen, controllers, failMode, probeSeconds, tls } = model;
  if (listen.length === 0 && controllers.length === 0) return null;
  // A socket may be the first thing in its folder.
  for (const target of listen)
    if (target.startsWith('unix:')) mkdirSync(dirname(target.slice('unix:'.length)), { recursive: true });
  const channel = new Channel({
    ...{ datapath, listen, controllers, failMode },
    probeMs: probeSeconds * 1000,
    ...(tls === null ? {} : { tls: readTls(tls) }),
    onEvent: newsOf(listen, onEvent),
  });
  await channel.start();
  return channel;
}

function readTls({ key, cert, ca }: TlsModel): ChannelTls {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new UserError('config-file', `${path} cannot be read (${code})`, 'make it readable', { cause });
    }
  };
  const made = { privateKey: read(key), certificate: read(cert), authority: read(ca) };
  try {
    createSecureContext({ key: made.privateKey, cert: made.certificate, ca: made.authority });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${key}, ${cert} and ${ca} make no TLS identity: ${why}`;
    throw new UserError('config-file', message, 'give a PEM key, the certificate made for it, and the authority’s', {
      cause,
    });
  }
  return made;
}

/**
 * Passes on what is news: not every client that asks something and goes, not every attempt at a controller that is not there, and not
 * everyone who is turned away for the same reason as the one before.
 */
function newsOf(listen: readonly string[], tell: (event: ChannelEvent) => void): (event: ChannelEvent) => void {
  const failures = new Map<string, string>();
  return (event) => {
    if (event.kind === 'accepted') failures.delete(event.peer);
    if (event.kind === 'accepted' || (event.kind === 'closed' && listen.includes(event.peer))) return;
    if (event.kind === 'connected') failures.delete(event.peer);
    if (event.kind === 'closed') failures.set(event.peer, event.reason);
    if (event.kind === 'unreachable' || event.kind === 'refused') {
      if (failures.get(event.peer) === event.reason) return;
      failures.set(event.peer, event.reason);
    }
    tell(event);
  };
}
