import type { Switch } from '../control/switch.ts';
import { DROP_REASONS } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { WorkCount } from '../path/image.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { Family, Sample } from './exposition.ts';

const NAMES = 'tapyard_';

/** A column of the books that is exported for every port. */
const COLUMNS = [
  ['port_receive_packets_total', Column.Received, 'Frames received by the port.'],
  ['port_receive_bytes_total', Column.ReceivedBytes, 'Bytes received by the port, FCS excluded.'],
  ['port_transmit_packets_total', Column.Transmitted, 'Frames transmitted by the port.'],
  ['port_transmit_bytes_total', Column.TransmittedBytes, 'Bytes transmitted by the port, FCS excluded.'],
  ['port_mac_moves_total', Column.Moves, 'Source MACs that moved to the port from another one.'],
  ['port_learn_full_total', Column.LearnFull, 'Source MACs that were not learned since the table was full.'],
] as const;

/** Everything that a running switch counts, for Prometheus. `version` is Tapyard's own. */
export function* metricsOf(running: Switch, version: string): Generator<Family> {
  yield gauge('build_info', 'Versions, as labels; always 1.', [
    { labels: { version, node: process.version }, value: 1 },
  ]);
  yield gauge('start_time_seconds', 'When the switch was started, since the epoch.', [
    { labels: {}, value: running.startedAt / 1000 },
  ]);
  for (const [name, column, help] of COLUMNS) yield counter(name, help, portSamples(running, column));
  yield counter('port_drop_total', 'Frames dropped, by the port they came from and the reason.', dropSamples(running));
  yield gauge('port_up', 'Whether the link of the port is up.', linkSamples(running));
  yield counter('acl_hits_total', 'Frames decided by a rule of an access control list.', aclSamples(running));
  yield gauge(
    'rules',
    'Rules of an OpenFlow table.',
    tableSamples(running, ({ active }) => active),
  );
  yield counter(
    'table_lookups_total',
    'Frames that were looked up in an OpenFlow table.',
    tableSamples(running, ({ lookups }) => Number(lookups)),
  );
  yield counter(
    'table_matches_total',
    'Frames that a rule of the table matched.',
    tableSamples(running, ({ matches }) => Number(matches)),
  );
  yield gauge('tenant_usage', 'What a tenant uses of its quotas.', usageSamples(running));
  yield gauge('tenant_quota', 'Quotas of a tenant.', quotaSamples(running));
  yield counter(
    'flow_cache_frames_total',
    'Frames that the flow cache carried out.',
    workSamples(running, WorkCount.Carried),
  );
  yield counter(
    'flow_cache_misses_total',
    'Frames that were decided anew for it.',
    workSamples(running, WorkCount.Decided),
  );
  yield counter(
    'flow_cache_passed_total',
    'Frames that the flow cache left to the stages.',
    workSamples(running, WorkCount.Passed),
  );
  yield counter(
    'tenant_busy_seconds_total',
    'Time that workers had for the frames of a tenant.',
    workSamples(running, WorkCount.BusyUs, 1e-6),
  );
  yield counter('slow_path_total', 'What the slow path did, by kind.', slowSamples(running));
  yield counter(
    'worker_restarts_total',
    'Times that a worker had died and was started again.',
    running.workers.map(({ index, restarts }) => ({ labels: { worker: String(index) }, value: restarts })),
  );
  yield counter('worker_turns_total', 'Turns of a worker.', workerSamples(running, 'all'));
  yield counter(
    'worker_idle_turns_total',
    'Turns of a worker that had no frame to handle.',
    workerSamples(running, 'idle'),
  );
}

type TableStats = ReturnType<Tenant['datapath']['statistics']['tableStats']>[number];

function gauge(name: string, help: string, samples: Iterable<Sample>): Family {
  return { name: NAMES + name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: Iterable<Sample>): Family {
  return { name: NAMES + name, type: 'counter', help, samples };
}

const total = (ledgers: readonly Ledger[], row: number, column: number): number =>
  ledgers.reduce((sum, ledger) => sum + ledger.get(row, column), 0);

/** Name of each row of a tenant's books: its ports, and the router. */
function* rowsOf(tenant: Tenant): Generator<readonly [row: number, port: string]> {
  for (const row of tenant.rows) yield [row, tenant.rowName(row)];
}

function* portSamples(running: Switch, column: number): Generator<Sample> {
  for (const tenant of running.tenants) {
    for (const [row, port] of rowsOf(tenant)) {
      if (tenant.ports.isLive(row))
        yield { labels: { tenant: tenant.model.name, port }, value: total(tenant.ledgers, row, column) };
    }
  }
}

function* dropSamples(running: Switch): Generator<Sample> {
  const report = function* (tenant: string, port: string, ledgers: readonly Ledger[], row: number): Generator<Sample> {
    for (const [number, { name: reason }] of DROP_REASONS.entries()) {
      const value = total(ledgers, row, Column.Drops + number);
      if (value > 0) yield { labels: { tenant, port, reason }, value };
    }
  };
  for (const tenant of running.tenants)
    for (const [row, port] of rowsOf(tenant)) yield* report(tenant.model.name, port, tenant.ledgers, row);
  const uplinks = running.workers.map((worker) => worker.uplinks);
  for (const { name } of running.model.uplinks) yield* report('', name, uplinks, running.uplinkRow(name));
}

function* linkSamples(running: Switch): Generator<Sample> {
  for (const tenant of running.tenants) {
    const { name, bridge } = tenant.model;
    for (const { name: port } of bridge.ports)
      yield { labels: { tenant: name, port }, value: running.isUp(tenant.attachment(port)?.device ?? -1) ? 1 : 0 };
  }
}

function* aclSamples(running: Switch): Generator<Sample> {
  for (const { model, acls } of running.tenants) {
    for (const [a, { name: acl, hits }] of acls.entries()) {
      const rules = model.acls[a].rules.length;
      for (let rule = 0; rule <= rules; rule++) {
        const value = hits.reduce((sum, counts) => sum + counts[rule], 0);
        yield { labels: { tenant: model.name, acl, rule: rule === rules ? 'default' : String(rule + 1) }, value };
      }
    }
  }
}

/** Tables that have a rule, or were looked up in. */
function* tableSamples(running: Switch, read: (table: TableStats) => number): Generator<Sample> {
  for (const { model, datapath } of running.tenants)
    for (const row of datapath.statistics.tableStats())
      if (row.active > 0 || row.lookups > 0n)
        yield { labels: { tenant: model.name, table: String(row.table) }, value: read(row) };
}

function* usageSamples(running: Switch): Generator<Sample> {
  for (const tenant of running.tenants) {
    const used = {
      frames: tenant.books.held,
      macs: tenant.macs.count,
      neighbors: tenant.neighbors.count,
      routes: tenant.routeCount,
      acl_rules: tenant.model.acls.reduce((sum, { rules }) => sum + rules.length, 0),
      rules: tenant.datapath.flows.size,
    };
    for (const [quota, value] of Object.entries(used)) yield { labels: { tenant: tenant.model.name, quota }, value };
  }
}

function* quotaSamples(running: Switch): Generator<Sample> {
  for (const { model } of running.tenants) {
    for (const [quota, value] of Object.entries(model.quota)) {
      const name = quota.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (typeof value === 'number') yield { labels: { tenant: model.name, quota: name }, value };
    }
  }
}

function* workSamples(running: Switch, which: number, scale = 1): Generator<Sample> {
  for (const { model, work } of running.tenants) {
    for (const [worker, counts] of work.entries())
      yield { labels: { tenant: model.name, worker: String(worker) }, value: counts[which] * scale };
  }
}

function* slowSamples(running: Switch): Generator<Sample> {
  for (const [tenant, counters] of running.slowPath.counters()) {
    for (const [name, value] of Object.entries(counters)) {
      const kind = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      if (typeof value === 'number') yield { labels: { tenant, kind }, value };
    }
  }
}

function* workerSamples(running: Switch, which: 'all' | 'idle'): Generator<Sample> {
  for (const { index, turns } of running.workers) yield { labels: { worker: String(index) }, value: turns[which] };
}
