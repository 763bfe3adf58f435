import { closeSync, openSync } from 'node:fs';
import { failpoint } from '../../native-free/failpoint.ts';
import { cleanUpAfterDead, removeAtDeath } from '../../native-free/last-will.ts';
import { metricsOf } from '../api/metrics.ts';
import { MetricsServer } from '../api/server.ts';
import { loadDocument } from '../control/config/load.ts';
import { methods } from '../control/methods.ts';
import { type Methods, RpcServer } from '../control/rpc.ts';
import { Running } from '../control/running/running.ts';
import { Service } from '../control/service.ts';
import { Switch } from '../control/switch.ts';
import { Servers } from '../lab/servers/servers.ts';
import { complain } from './complain.ts';
import { Log } from './log.ts';
import { planText } from './plan-text.ts';
import { version } from './version.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Runs a switch, and the servers of the file if they are wanted, in the foreground until SIGTERM, SIGINT, `stop` on the control socket,
 * or the failure of a worker. SIGHUP reads the file again and applies it; when the terminal has been closed, from which it was started,
 * it ends.
 */
export async function up(file: string, options: { socket: string; json?: true }, withServers = false): Promise<void> {
  const { model, tree } = await loadDocument(file);
  const atTerminal = hasTerminal();
  const json = options.json === true;
  const log = new Log(json);
  const ended = Promise.withResolvers<void>();
  const onSignal = () => ended.resolve();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Whoever waited for «ready» may go: the switch stays.
  process.stdout.on('error', () => {});
  // A worker may fail before anybody waits for it.
  ended.promise.catch(() => {});
  // First the socket, which tells whether we are alone, then the devices.
  let running: Switch | undefined;
  let configuration: Running | undefined;
  let exporter: MetricsServer | undefined;
  let servers: Servers | undefined;
  const onHangUp = () => {
    if (atTerminal && !hasTerminal()) onSignal();
    else if (running !== undefined) void reload(running);
  };
  const service = new Service();
  const isUp = (now: Switch) => service.ready(statusOf(now), () => now.workers.every(({ isAlive }) => isAlive));
  const reload = async (now: Switch) => {
    service.reloading();
    await reread(configuration, json);
    isUp(now);
  };
  process.on('SIGHUP', onHangUp);
  const server = await RpcServer.listen(options.socket, {
    ...lateMethods(
      () => running,
      () => configuration,
      onSignal,
    ),
    ...(withServers ? lateMethodsOfServers(() => servers) : {}),
  });
  failpoint('socket');
  const clause = removeAtDeath(options.socket);
  try {
    for (const what of cleanUpAfterDead()) process.stderr.write(`removed ${what}, which a killed process had left\n`);
    if (withServers) servers = Servers.prepare(model);
    else if (model.tenants.some((tenant) => tenant.servers.length > 0))
      process.stderr.write('The servers of this file are not started: tapyard lab up does that\n');
    running = await Switch.start(model, {
      io: process.env['TAPYARD_IO'] ?? null,
      onFailure: (error) => ended.reject(error),
    });
    configuration = new Running(running, tree);
    running.events.listen((event) => log.event(event));
    const { metrics } = model;
    if (metrics !== null) {
      const now = running;
      exporter = await MetricsServer.listen(metrics, () => metricsOf(now, version()));
    }
    for (const worker of running.workers)
      if (worker.fallback !== null) process.stderr.write(`worker ${worker.index}: ${worker.fallback}\n`);
    servers?.start(running.events);
    process.stdout.write('ready\n');
    isUp(running);
    failpoint('ready');
    await ended.promise;
  } finally {
    service.stopping();
    server.close();
    clause.strike();
    configuration?.close();
    process.off('SIGHUP', onHangUp);
    exporter?.close();
    await servers?.stop();
    await running?.stop();
    servers?.close();
    await log.close();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** Methods of a switch that is still starting: they answer once it runs. */
function lateMethods(
  running: () => Switch | undefined,
  configuration: () => Running | undefined,
  stop: () => void,
): ReturnType<typeof methods> {
  const names = [
    ...([
      'show',
      'status',
      'trace',
      'trace-live',
      'capture',
      'events',
      'flows',
      'groups',
      'meters',
      'tables',
      'change',
      'stop',
    ] as const),
    ...(['plan', 'apply', 'confirm', 'rollback', 'edit', 'export'] as const),
  ];
  return Object.fromEntries(
    names.map((name) => [
      name,
      (params) => {
        const [now, config] = [running(), configuration()];
        if (now === undefined || config === undefined) throw new Error('The switch is starting');
        return methods(now, config, stop)[name](params);
      },
    ]),
  );
}

function lateMethodsOfServers(servers: () => Servers | undefined): Methods {
  return Object.fromEntries(
    (['servers', 'console', 'type'] as const).map((name) => [
      name,
      (params) => {
        const now = servers();
        if (now === undefined) throw new Error('The lab is starting');
        return now.methods()[name](params);
      },
    ]),
  );
}

function statusOf({ tenants, workers }: Switch): string {
  const ports = tenants.reduce((sum, { model }) => sum + model.bridge.ports.length, 0);
  return `Forwarding: tenants ${tenants.length}, ports ${ports}, workers ${workers.length}`;
}

/** Whether the process has a terminal that can take it down with it (tty(4)). */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with the file is said, and nothing changes. */
async function reread(configuration: Running | undefined, json: boolean): Promise<void> {
  try {
    const changes = (await configuration?.apply()) ?? [];
    process.stderr.write(json ? `${JSON.stringify({ changes })}\n` : planText(changes));
  } catch (error) {
    complain(error, json);
  }
}
