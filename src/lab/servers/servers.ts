import { owner } from '../../../native-free/last-will.ts';
import { openTap, type Tap } from '../../../native-free/tap.ts';
import type { SwitchModel, TenantModel } from '../../control/config/model.ts';
import type { Events } from '../../control/events.ts';
import type { Methods } from '../../control/rpc.ts';
import { UserError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import { Server } from './server.ts';

/**
 * All servers of a configuration. TAPs of virtual machines must be there before the switch opens its ports, and machines find
 * their sockets only after that: so first `prepare`, then the switch, then `start`; and back.
 *
 * The TAPs are ours, and machines get them as open files: they stay while a machine is started again, and are gone when we are.
 */
export class Servers {
  readonly #model: SwitchModel;
  readonly #taps = new Map<string, Tap>();
  readonly #servers: Server[] = [];
  readonly #onExit = () => {
    for (const server of this.#servers) server.kill();
  };

  /** @throws LinuxError; nothing is left behind then */
  static prepare(model: SwitchModel): Servers {
    const made = new Servers(model);
    try {
      for (const tenant of model.tenants) for (const server of tenant.servers) made.#makeTap(server);
      return made;
    } catch (error) {
      made.#closeTaps();
      throw error;
    }
  }

  private constructor(model: SwitchModel) {
    this.#model = model;
  }

  #makeTap(server: TenantModel['servers'][number]): void {
    if (server.kind !== 'qemu' || server.nic.kind !== 'tap') return;
    const { device, mtu } = server.nic;
    this.#taps.set(device, openTap({ name: device, mtu, alias: owner }));
  }

  /** Starts all of them; what becomes of each is told to the events. */
  start(events: Events): void {
    process.on('exit', this.#onExit);
    for (const tenant of this.#model.tenants) {
      for (const model of tenant.servers) {
        const tap = model.kind === 'qemu' && model.nic.kind === 'tap' ? this.#taps.get(model.nic.device) : undefined;
        const server = new Server(model, {
          tenant: tenant.name,
          tap: tap?.fds[0] ?? null,
          onState: (state, detail) =>
            events.add({ type: 'server', tenant: tenant.name, server: model.name, state, detail }),
          onTrouble: (message) => events.add({ type: 'trouble', message }),
        });
        this.#servers.push(server);
        server.start();
      }
    }
  }

  /** Ends all of them; called before the switch is stopped. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    process.off('exit', this.#onExit);
  }

  /** Takes the TAPs away; called after the switch has let go of them. Idempotent. */
  close(): void {
    this.#closeTaps();
  }

  #closeTaps(): void {
    for (const tap of this.#taps.values()) tap.close();
    this.#taps.clear();
  }

  /** What the control socket answers of them. */
  methods(): Methods {
    return {
      servers: () => this.#servers.map((server) => describe(server)),
      console: ({ server, from }) => ({ ...this.#find(server).console.since(typeof from === 'number' ? from : 0) }),
      type: ({ server, text }) => {
        const one = this.#find(server);
        if (!one.type(String(text)))
          throw new UserError('not-running', `${one.name} does not run`, 'see tapyard lab status');
        return null;
      },
    };
  }

  #find(name: Json | undefined): Server {
    const found = this.#servers.filter((one) => one.name === name || one.model.name === name);
    if (found.length === 1) return found[0];
    const names = (found.length > 0 ? found : this.#servers).map((one) => one.name).join(', ');
    const what = found.length > 1 ? `There are several servers ${name}` : `There is no server ${name}`;
    throw new UserError('usage', what, names === '' ? 'the configuration has no servers' : `name one of ${names}`);
  }
}

function describe(server: Server): { readonly [column: string]: Json } {
  const { model, state, pid, restarts } = server;
  return {
    server: server.name,
    kind: model.kind,
    port: model.port,
    state,
    pid,
    restarts,
    uptime_s: pid === null ? null : Math.round((Date.now() - server.startedAt) / 1000),
    cpu_share: server.share === null ? null : model.cpuShare,
    netns: model.kind === 'namespace' ? model.netns : null,
  };
}
