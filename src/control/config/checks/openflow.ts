import { dirname, resolve } from 'node:path';
import { parseTarget, TargetError } from '../../../openflow/channel/target.ts';
import { configure } from '../../../openflow/configured.ts';
import { createRulesImage } from '../../../openflow/datapath/counters.ts';
import { Datapath } from '../../../openflow/datapath/datapath.ts';
import { absoluteTarget } from '../build/openflow.ts';
import { automaticDatapathId } from '../datapath-id.ts';
import type { Reporter } from '../diagnostics.ts';
import type { Path } from '../place.ts';
import { numberPorts } from '../port-numbers.ts';
import type { PortEntry } from '../ports.ts';
import { queueRange } from '../schema/openflow.ts';
import type { Config, TenantConfig } from '../schema.ts';
import { checkPort } from './bridge.ts';
import type { World } from './checks.ts';

/** So many are enough to see what is wrong with a list of rules. */
const MOST_FAULTS = 100;

/** A tenant's datapath: port numbers, connections, queues, and rules, which are tried on a datapath that nothing reads. */
export function checkOpenflow(
  name: string,
  tenant: TenantConfig,
  ports: readonly PortEntry[],
  reporter: Reporter,
  world: World,
): void {
  checkNumbers(ports, reporter);
  checkPaths(name, tenant, reporter, world);
  checkTls(name, tenant, reporter, world);
  checkQueues(name, tenant, ports, reporter);
  checkRules(name, tenant, ports, reporter);
}

function checkNumbers(ports: readonly PortEntry[], reporter: Reporter): void {
  const taken = new Map<number, Path>();
  for (const { keys, path } of ports) {
    if (keys.ofport === undefined) continue;
    const at = [...path, 'ofport'];
    const first = taken.get(keys.ofport);
    if (first === undefined) taken.set(keys.ofport, at);
    else
      reporter.report('config-taken', at, `port number ${keys.ofport} is already another port's`, 'choose another', {
        related: { message: 'first used', path: first },
      });
  }
}

/** Paths of sockets are short, and have become longer with the folder. */
function checkPaths(name: string, { openflow }: TenantConfig, reporter: Reporter, world: World): void {
  for (const key of ['listen', 'controllers'] as const) {
    for (const [index, target] of openflow[key].entries()) {
      try {
        parseTarget(absoluteTarget(target, dirname(world.file)), key === 'listen');
      } catch (error) {
        if (!(error instanceof TargetError)) throw error;
        reporter.report('config-value', ['tenants', name, 'openflow', key, index], error.message, error.cure);
      }
    }
  }
}

function checkTls(name: string, { openflow }: TenantConfig, reporter: Reporter, world: World): void {
  const path = ['tenants', name, 'openflow'];
  const { tls } = openflow;
  for (const key of ['listen', 'controllers'] as const) {
    const index = openflow[key].findIndex(({ kind }) => kind === 'ssl');
    if (index < 0 || tls !== undefined || !reporter.intact(...path, 'tls')) continue;
    const cure = 'add tls: {key: FILE, cert: FILE, ca: FILE} beside it';
    reporter.report('config-missing-key', [...path, key, index], 'ssl needs certificates', cure);
  }
  for (const [key, file] of Object.entries(tls ?? {})) {
    const absolute = resolve(dirname(world.file), file);
    if (world.exists(absolute)) continue;
    const cure = "paths are relative to the configuration's folder";
    reporter.report('config-file', [...path, 'tls', key], `there is no file ${absolute}`, cure);
  }
}

function checkQueues(name: string, tenant: TenantConfig, ports: readonly PortEntry[], reporter: Reporter): void {
  const names = new Map(ports.map((port) => [port.name, port]));
  for (const [port, queues] of Object.entries(tenant.openflow.queues)) {
    const path = ['tenants', name, 'openflow', 'queues', port];
    checkPort(port, path, name, names, reporter);
    for (const id of Object.keys(queues)) {
      if (!/^\d{1,10}$/.test(id) || Number(id) > queueRange.max)
        reporter.report('config-value', [...path, id], `'${id}' is no number of a queue`, 'write 0, 1, 2 …', {
          part: 'key',
        });
    }
  }
}

function checkRules(name: string, tenant: TenantConfig, ports: readonly PortEntry[], reporter: Reporter): void {
  const path = ['tenants', name, 'openflow'];
  const { openflow, quota } = tenant;
  const entries = ports.map(({ name: port, keys }) => ({ name: port, ofport: keys.ofport ?? null }));
  const numbers = numberPorts(entries);
  const host = { nowMs: () => 0, wake: () => {}, portCounts: () => NO_COUNTS };
  // Beyond its quota it is refused once, not a rule at a time.
  const most = Math.max(quota.rules, openflow.flows.length);
  const datapath = new Datapath(0n, name, createRulesImage(0), host, most);
  const readable = reporter.intact('tenants', name, 'bridge', 'ports') && reporter.intact('uplinks');
  for (const { kind, index, offset, length, message, cure, first } of configure(datapath, openflow, numbers).slice(
    0,
    MOST_FAULTS,
  )) {
    // What a part of the file that could not be read defines must not be missed.
    if (!readable || !reporter.intact(...path, 'groups') || !reporter.intact(...path, 'meters')) continue;
    reporter.report(first === null ? 'config-flow' : 'config-taken', [...path, kind, index], message, cure, {
      ...(length === null ? {} : { within: { offset, length } }),
      ...(first === null ? {} : { related: { message: 'first said', path: [...path, kind, first] } }),
    });
  }
}

const NO_COUNTS = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, rxDropped: 0 };

/** Numbers of datapaths: one each. */
export function checkDatapathIds(config: Config, reporter: Reporter): void {
  const taken = new Map<string, string>();
  const tenants = Object.entries(config.tenants);
  // Those that the file gives come first: they can be changed.
  for (const [name, { openflow }] of tenants)
    if (openflow.dpid === undefined) taken.set(automaticDatapathId(name), name);
  for (const [name, { openflow }] of tenants) {
    if (openflow.dpid === undefined) continue;
    const first = taken.get(openflow.dpid);
    if (first === undefined) taken.set(openflow.dpid, name);
    else
      reporter.report(
        'config-taken',
        ['tenants', name, 'openflow', 'dpid'],
        `datapath ${openflow.dpid} is that of tenant '${first}'`,
        'choose another',
      );
  }
}

/** Addresses to listen on: one each. */
export function checkListeners(config: Config, reporter: Reporter, world: World): void {
  const taken = new Map<string, Path>();
  for (const [name, { openflow }] of Object.entries(config.tenants)) {
    for (const [index, end] of openflow.listen.entries()) {
      const path = ['tenants', name, 'openflow', 'listen', index];
      const where = end.kind === 'unix' ? absoluteTarget(end, dirname(world.file)) : `${end.host}:${end.port}`;
      const first = taken.get(where);
      if (first === undefined) taken.set(where, path);
      else
        reporter.report('config-taken', path, `${where} is used twice`, 'choose another', {
          related: { message: 'first used', path: first },
        });
    }
  }
}
