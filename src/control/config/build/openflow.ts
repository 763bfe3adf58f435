import { resolve } from 'node:path';
import { automaticDatapathId } from '../datapath-id.ts';
import type { OpenFlowEndpoint, OpenFlowModel } from '../model.ts';
import type { OpenFlowConfig } from '../schema/openflow.ts';

export function buildOpenflow(tenant: string, keys: OpenFlowConfig, folder: string): OpenFlowModel {
  const { meters, groups, flows, tls } = keys;
  return {
    dpid: keys.dpid ?? automaticDatapathId(tenant),
    listen: keys.listen.map((end) => absolute(end, folder)),
    controllers: keys.controllers.map((end) => absolute(end, folder)),
    failMode: keys.fail_mode,
    probeSeconds: keys.probe,
    tls:
      tls === undefined
        ? null
        : { key: resolve(folder, tls.key), cert: resolve(folder, tls.cert), ca: resolve(folder, tls.ca) },
    meters,
    groups,
    flows,
    queues: Object.entries(keys.queues).flatMap(([port, queues]) =>
      Object.entries(queues).map(([id, { rate }]) => ({ port, id: Number(id), rate })),
    ),
  };
}

function absolute(end: OpenFlowEndpoint, folder: string): OpenFlowEndpoint {
  return end.kind === 'unix' ? { ...end, path: resolve(folder, end.path) } : end;
}
