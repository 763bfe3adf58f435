/** OFP_TCP_PORT, and that of TLS alike. Source: 1.3.5, section 6.3.1. */
const DEFAULT_PORT = 6653;
/** Bytes of `sun_path`, without the zero at the end. Source: unix(7). */
const LONGEST_PATH = 107;

/** An address of a controller, or one to listen at. */
export type Target =
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number; readonly text: string }
  | { readonly kind: 'unix'; readonly path: string; readonly text: string };

/** An address that cannot be read: what is wrong with it, and the cure. Neither ends in a full stop. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
  readonly cure: string;

  constructor(message: string, cure: string) {
    super(message);
    this.cure = cure;
  }
}

/**
 * Reads `tcp:HOST[:PORT]`, `ssl:HOST[:PORT]` or `unix:PATH`; an IPv6 address stands in brackets. For listening also Open vSwitch's
 * `ptcp:[PORT][:HOST]`, `pssl:[PORT][:HOST]` and `punix:PATH`; without a host those listen on 127.0.0.1 alone.
 * @throws TargetError
 */
export function parseTarget(text: string, listening: boolean): Target {
  const form = listening
    ? 'tcp:127.0.0.1:6654, ssl:[::1]:6653 or unix:PATH'
    : 'tcp:HOST:6653, ssl:HOST:6653 or unix:PATH';
  const [, passive, kind, rest] = /^(p?)(tcp|ssl|unix):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) throw new TargetError(`"${text}" is no address of OpenFlow`, `write ${form}`);
  if (passive === 'p' && !listening)
    throw new TargetError(`"${text}" is an address to listen at, not one of a controller`, `write ${form}`);
  if (kind === 'unix') return { kind, path: checkedPath(rest, text), text };
  const scheme = kind === 'tcp' ? ('tcp' as const) : ('ssl' as const);
  const ip = String.raw`\[([0-9A-Fa-f:.%\w]+)\]|([^:[\]]*)`;
  const found =
    passive === 'p'
      ? new RegExp(`^(?<port>\\d*)(?::(?:${ip}))?$`).exec(rest)
      : new RegExp(`^(?:${ip})(?::(?<port>\\d+))?$`).exec(rest);
  if (found === null) throw new TargetError(`"${text}" is no address of OpenFlow`, `write ${form}`);
  const [six, plain] = passive === 'p' ? [found[2], found[3]] : [found[1], found[2]];
  const host = six || plain || (passive === 'p' ? '127.0.0.1' : '');
  if (host === '') throw new TargetError(`"${text}" names no host`, `write ${form}`);
  const said = found.groups?.['port'] ?? '';
  const port = said === '' ? DEFAULT_PORT : Number(said);
  if (port > 65535 || (port === 0 && !listening))
    throw new TargetError(`${said} is no port in "${text}"`, 'take one from 1 to 65535');
  return { kind: scheme, host, port, text };
}

function checkedPath(path: string, text: string): string {
  if (path === '' || path.includes('\0')) throw new TargetError(`"${text}" names no path`, 'write unix:PATH');
  if (Buffer.byteLength(path) > LONGEST_PATH)
    throw new TargetError(`the path of "${text}" is too long`, `a path of a socket has at most ${LONGEST_PATH} bytes`);
  return path;
}
