import { createServer, type Server } from 'node:net';
import { cleanUpAfterDead } from '../../native-free/last-will.ts';
import { withNetns } from '../../native-free/netns.ts';
import { runTool } from '../../native-free/tool.ts';
import { Switch } from '../control/switch.ts';
import { UserError } from '../errors.ts';
import {
  BLOCKED_PORT,
  demoConfig,
  HOSTS,
  type Host,
  type HostName,
  hostOf,
  readModel,
  SERVICE_PORT,
  TENANTS,
  type TenantName,
} from './plan.ts';
import { allowEcho } from './traffic/echo.ts';

/** The demo's lab while it runs: the switch, its hosts in their namespaces, and a server on each host that says who it is. */
export class Lab {
  readonly running: Switch;
  /** What killed instances had left, and was removed first. */
  readonly removed: readonly string[];
  /** Whether hosts may send ICMP echo requests; else reachability is tried with UDP. */
  readonly echo: boolean;
  readonly #servers: Server[] = [];

  /** @param onFailure the switch forwards no more. @throws UserError, LinuxError; nothing is left behind then */
  static async start(onFailure: (error: Error) => void): Promise<Lab> {
    checkMachine();
    const removed = cleanUpAfterDead();
    const model = readModel(demoConfig(), 'demo');
    const running = await Switch.start(model, { io: process.env['TAPYARD_IO'] ?? null, onFailure });
    try {
      return new Lab(running, removed);
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  private constructor(running: Switch, removed: readonly string[]) {
    this.running = running;
    this.removed = removed;
    this.echo = this.hosts()
      .map(({ netns }) => withNetns(netns, allowEcho))
      .every(Boolean);
    for (const { tenant, name, netns } of this.hosts()) {
      for (const port of [SERVICE_PORT, BLOCKED_PORT]) this.#servers.push(serve(netns, port, `${tenant}-${name}`));
    }
  }

  hosts(): Host[] {
    return TENANTS.flatMap((tenant) => HOSTS.map((name) => this.host(tenant, name)));
  }

  host(tenant: TenantName, name: HostName): Host {
    return hostOf(tenant, name);
  }

  /** Takes everything down, namespaces included. Idempotent. */
  async stop(): Promise<void> {
    for (const server of this.#servers.splice(0)) server.close();
    await this.running.stop();
  }
}

/** @throws UserError where the demo cannot run, before anything is touched; LinuxError without iproute2 */
function checkMachine(): void {
  if (process.geteuid?.() !== 0) {
    throw new UserError(
      'not-permitted',
      'The demo makes network namespaces and TAP devices, which needs root',
      'run it as root (sudo)',
    );
  }
  runTool('ip', ['-V']);
}

/** A server that greets with a host's name. Without an address `listen` opens its socket at once, so inside the namespace. */
function serve(netns: string, port: number, greeting: string): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`${greeting}\n`);
  });
  withNetns(netns, () => server.listen(port));
  return server;
}
