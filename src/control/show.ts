import type { Json } from '../json.ts';
import { DROP_REASONS } from '../observe/drop.ts';
import { Column, type Ledger } from '../observe/ledger.ts';
import { WorkCount } from '../path/image.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { Params } from './rpc.ts';
import type { Switch } from './switch.ts';

/** What `tapyard show` can show: rows of plain JSON, the same for people and for `--json`. */
export type Row = { readonly [column: string]: Json };
export type View = (running: Switch, params: Params) => readonly Row[] | Promise<readonly Row[]>;

const ROUTES_MOST = 1000;

/** Sum over workers of one cell. */
function total(ledgers: readonly Ledger[], row: number, column: number): number {
  let sum = 0;
  for (const ledger of ledgers) sum += ledger.get(row, column);
  return sum;
}

/** Sum over all rows of a tenant, of ports that are gone too. */
function totalOf({ books }: Tenant, column: number): number {
  return books.total(column);
}

function droppedBy(ledgers: readonly Ledger[], row: number): number {
  let sum = 0;
  for (let reason = 0; reason < DROP_REASONS.length; reason++) sum += total(ledgers, row, Column.Drops + reason);
  return sum;
}

/** Sum over workers of one thing that they count of their work. */
function worked({ work }: Tenant, which: number): number {
  return work.reduce((sum, counts) => sum + counts[which], 0);
}

function chosen(running: Switch, { tenant }: Params): readonly Tenant[] {
  return tenant === undefined || tenant === null
    ? running.tenants
    : running.tenants.filter((one) => one.model.name === tenant);
}

const tenants: View = (running, params) =>
  chosen(running, params).map((tenant) => ({
    tenant: tenant.model.name,
    router: tenant.model.router?.hostname ?? null,
    ports: tenant.model.bridge.ports.length,
    interfaces: tenant.model.router?.interfaces.length ?? 0,
    macs: tenant.macs.count,
    received: totalOf(tenant, Column.Received),
    sent: totalOf(tenant, Column.Sent),
    generated: totalOf(tenant, Column.Generated),
    cloned: totalOf(tenant, Column.Cloned),
    segments: totalOf(tenant, Column.Segments),
    consumed: totalOf(tenant, Column.Consumed),
    held: tenant.books.held,
    leaked_in: totalOf(tenant, Column.LeakedIn),
    leaked_out: totalOf(tenant, Column.LeakedOut),
    dropped: DROP_REASONS.reduce((sum, _, reason) => sum + totalOf(tenant, Column.Drops + reason), 0),
    cached: worked(tenant, WorkCount.Carried),
    busy_us: Math.round(worked(tenant, WorkCount.BusyUs)),
  }));

/** OpenFlow number of a port. */
function numberOf({ datapath }: Tenant, row: number): number | null {
  return [...datapath.ports.values()].find((port) => port.row === row)?.number ?? null;
}

const ports: View = (running, params) =>
  chosen(running, params).flatMap((tenant) =>
    tenant.model.bridge.ports.map((port) => {
      const row = tenant.ports.of(port.name);
      const device = tenant.attachment(port.name)?.device ?? -1;
      const { vlan } = port;
      return {
        tenant: tenant.model.name,
        port: port.name,
        ofport: numberOf(tenant, row),
        kind: port.kind,
        device: port.kind === 'uplink' ? `${port.uplink}.${port.outerVlan}` : (running.deviceName(device) ?? '?'),
        link: running.isUp(device) ? 'up' : 'down',
        vlan:
          vlan.mode === 'trunk'
            ? `trunk${vlan.native === null ? '' : ` native ${vlan.native}`}`
            : `${vlan.mode} ${vlan.vlan}`,
        rx_frames: total(tenant.ledgers, row, Column.Received),
        rx_bytes: total(tenant.ledgers, row, Column.ReceivedBytes),
        tx_frames: total(tenant.ledgers, row, Column.Transmitted),
        tx_bytes: total(tenant.ledgers, row, Column.TransmittedBytes),
        dropped: droppedBy(tenant.ledgers, row),
      };
    }),
  );

const macs: View = (running, params) =>
  chosen(running, params).flatMap((tenant) =>
    [...tenant.macs.entries((running.clockUs() / 1000) | 0)].map((entry) => ({
      tenant: tenant.model.name,
      vlan: entry.vlan,
      mac: entry.mac,
      port: tenant.ports.at(entry.port) ?? '?',
      age_s: entry.static ? null : Math.round(entry.ageMs / 1000),
      static: entry.static,
      moves: entry.moves,
    })),
  );

const routes: View = (running, params) => {
  const limit = typeof params['limit'] === 'number' ? params['limit'] : ROUTES_MOST;
  const rows: Row[] = [];
  for (const tenant of chosen(running, params)) {
    for (const { to, how } of tenant.routeRows()) {
      if (rows.length >= limit) return rows;
      rows.push({ tenant: tenant.model.name, to, via: how });
    }
  }
  return rows;
};

const neighbors: View = (running, params) =>
  chosen(running, params).flatMap((tenant) =>
    tenant.neighborRows().map((entry) => ({ tenant: tenant.model.name, ...entry })),
  );

const acls: View = (running, params) => chosen(running, params).flatMap((tenant) => tenant.aclRows());

const drops: View = (running, params) => {
  const rows: Row[] = [];
  const report = (tenant: string, port: string, ledgers: readonly Ledger[], row: number) => {
    DROP_REASONS.forEach(({ name, text }, reason) => {
      const frames = total(ledgers, row, Column.Drops + reason);
      if (frames > 0) rows.push({ tenant, port, reason: name, frames, meaning: text });
    });
  };
  for (const tenant of chosen(running, params)) {
    for (const row of tenant.rows) {
      report(tenant.model.name, tenant.rowName(row), tenant.ledgers, row);
    }
    DROP_REASONS.forEach(({ name, text }, reason) => {
      const frames = tenant.books.retired[Column.Drops + reason];
      if (frames > 0) rows.push({ tenant: tenant.model.name, port: '(removed)', reason: name, frames, meaning: text });
    });
  }
  if (params['tenant'] === undefined || params['tenant'] === null) {
    const ledgers = running.workers.map((worker) => worker.uplinks);
    for (const { name } of running.model.uplinks) report('-', name, ledgers, running.uplinkRow(name));
  }
  return rows;
};

const quota: View = async (running, params) => {
  return chosen(running, params).flatMap((tenant) => {
    const name = tenant.model.name;
    const { quota } = tenant.model;
    return [
      { tenant: name, quota: 'frames', used: tenant.books.held, limit: quota.frames },
      { tenant: name, quota: 'macs', used: tenant.macs.count, limit: quota.macs },
      { tenant: name, quota: 'neighbors', used: tenant.neighborRows().length, limit: quota.neighbors },
      { tenant: name, quota: 'routes', used: tenant.routeCount, limit: quota.routes },
      {
        tenant: name,
        quota: 'acl_rules',
        used: tenant.model.acls.reduce((sum, acl) => sum + acl.rules.length, 0),
        limit: quota.aclRules,
      },
      { tenant: name, quota: 'rules', used: tenant.datapath.flows.size, limit: quota.rules },
      { tenant: name, quota: 'pps', used: null, limit: quota.pps },
      { tenant: name, quota: 'rate', used: null, limit: quota.rate },
      { tenant: name, quota: 'weight', used: null, limit: quota.weight },
    ];
  });
};

/** The flow cache, then the ordered lists of stages that a tenant's frames run through. */
const path: View = (running, params) =>
  chosen(running, params).flatMap((tenant) =>
    tenant.stageNames().map(({ code, ...stage }, order) => ({
      tenant: tenant.model.name,
      order,
      ...stage,
      ...(params['code'] === true && code !== undefined ? { code } : {}),
    })),
  );

/** What each stage takes, measured from the first time that somebody asks until nobody has for ten seconds. */
const stages: View = async (running, params) => {
  const times = await running.stageTimes.read(chosen(running, params), running.tenants);
  return times.map(({ tenant, stage, frames, us }) => ({
    ...{ tenant, stage, frames, busy_us: Math.round(us) },
    ns_a_frame: Math.round((us * 1000) / frames),
  }));
};

const workers: View = async (running) => {
  const audits = await running.audit();
  return running.workers.map((worker, i) => ({
    worker: i,
    io: worker.io,
    fallback: worker.fallback,
    restarts: worker.restarts,
    turns: worker.turns.all,
    idle_turns: worker.turns.idle,
    heads_free: audits[i]?.freeHeads ?? null,
    heads: audits[i]?.heads ?? null,
    bodies_free: audits[i]?.freeBodies ?? null,
    bodies: audits[i]?.bodies ?? null,
  }));
};

/** What the slow path did for each tenant: a row a counter. */
const slow: View = (running, params) => {
  const counters = running.slowPath.counters();
  return chosen(running, params).flatMap(({ model: { name } }) =>
    Object.entries(counters.get(name) ?? {}).map(([counter, count]) => ({
      tenant: name,
      counter: counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      count,
    })),
  );
};

/** Datapaths, and who is or should be connected to them. */
const openflow: View = (running, params) =>
  chosen(running, params).flatMap((tenant) => {
    const { model, datapath } = tenant;
    const { dpid, failMode } = model.openflow;
    const status = running.datapaths.channel(tenant)?.status();
    const none = { role: null, age_s: null, received: null, sent: null, errors: null, last_failure: null };
    const lost = status?.packetInsDropped;
    const own = {
      tenant: model.name,
      peer: `datapath ${dpid}`,
      kind: model.openflow.controllers.length === 0 ? 'rules' : failMode,
      state: datapath.standalone ? 'standalone' : `${datapath.flows.size} rules`,
      ...none,
      dropped: datapath.unheard + (lost === undefined ? 0 : lost.nobody + lost.rate + lost.slow),
    };
    const listening = (status?.listening ?? []).map((peer) => ({
      ...{ tenant: model.name, peer, kind: 'listener', state: 'listening', ...none, dropped: null },
    }));
    const connections = (status?.rows ?? []).map((row) => ({
      ...{ tenant: model.name, peer: row.peer, kind: row.kind, state: row.state, role: row.role },
      age_s: row.state === 'connected' ? Math.round(row.ageMs / 1000) : null,
      ...{ received: row.received, sent: row.sent, errors: row.errors, last_failure: row.lastFailure },
      dropped: row.packetInsDropped,
    }));
    return [own, ...listening, ...connections];
  });

export const views = {
  tenants,
  ports,
  macs,
  routes,
  neighbors,
  acls,
  drops,
  quota,
  path,
  stages,
  workers,
  slow,
  openflow,
} as const;
export type ViewName = keyof typeof views;
