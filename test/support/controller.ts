import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { ovsTls, type TlsFiles } from './certificates.ts';

/** A TCP port of 127.0.0.1 that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An OpenFlow controller as a process of its own, which ends with us. */
export class Controller {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  output = '';

  private constructor(command: string, words: readonly string[]) {
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** An app of `examples/os-ken`. */
  static osken(app: string, port: number): Controller {
    const file = new URL(`../../examples/os-ken/${app}.py`, import.meta.url).pathname;
    return new Controller('osken-manager', [
      '--ofp-listen-host',
      '127.0.0.1',
      '--ofp-tcp-listen-port',
      `${port}`,
      file,
    ]);
  }

  /** Open vSwitch's learning controller. @param tls what it shows, and asks for, when it is to speak TLS */
  static ovs(port: number, tls?: TlsFiles): Controller {
    const at = tls === undefined ? [`ptcp:${port}:127.0.0.1`] : [`pssl:${port}:127.0.0.1`, ...ovsTls(tls)];
    return new Controller('ovs-testcontroller', [...at, '-O', 'OpenFlow13', '--unixctl=none']);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
