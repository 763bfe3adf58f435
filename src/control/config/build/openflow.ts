import { resolve } from 'node:path';
import type { Target } from '../../../openflow/channel/target.ts';
import { automaticDatapathId } from '../datapath-id.ts';
import type { OpenFlowModel } from '../model.ts';
import type { OpenFlowConfig } from '../schema/openflow.ts';

export function buildOpenflow(tenant: string, keys: OpenFlowConfig, folder: string): OpenFlowModel {
  const { meters, groups, flows, tls } = keys;
  return {
    dpid: keys.dpid ?? automaticDatapathId(tenant),
    listen: keys.listen.map((target) => absoluteTarget(target, folder)),
    controllers: keys.controllers.map((target) => absoluteTarget(target, folder)),
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

/** A path of a socket is relative to the folder of the file. */
export function absoluteTarget(target: Target, folder: string): string {
  return target.kind === 'unix' ? `unix:${resolve(folder, target.path)}` : target.text;
}
