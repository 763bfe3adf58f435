import { refuse } from '../codec/errors.ts';
import type { MultipartRequest } from '../codec/messages.ts';
import { encodeReply, encodeRows } from '../codec/multipart.ts';
import type { Datapath } from '../datapath/datapath.ts';
import { checkTableFeatures, groupFeatures, meterFeatures } from '../datapath/features.ts';
import { describe } from './description.ts';

/**
 * Answers a request for a description or for statistics, in as many messages as it takes, made one at a time while they are sent.
 * Source: 1.3.5, section 7.3.5.
 * @param isSlave may read, and change nothing @param software name and version
 * @throws OpenFlowError to be answered with, before the first message
 */
export function answerMultipart(
  datapath: Datapath,
  request: MultipartRequest,
  xid: number,
  { isSlave, software }: { readonly isSlave: boolean; readonly software: string },
): Iterable<Uint8Array> {
  const { statistics } = datapath;
  switch (request.kind) {
    case 'desc':
      return [encodeReply('desc', describe(datapath, software), xid)];
    case 'flow':
      return encodeRows('flow', statistics.flowStats(request.body), xid);
    case 'aggregate':
      return [encodeReply('aggregate', statistics.aggregate(request.body), xid)];
    case 'table':
      return encodeRows('table', statistics.tableStats(), xid);
    case 'port_stats':
      return encodeRows('port_stats', statistics.portStats(request.body.port), xid);
    case 'queue':
      return encodeRows('queue', statistics.queueStats(request.body.port, request.body.queue), xid);
    case 'group':
      return encodeRows('group', statistics.groupStats(request.body.group), xid);
    case 'group_desc':
      return encodeRows(
        'group_desc',
        statistics.groupDescs().map(({ type, id: group, buckets }) => ({ type, group, buckets })),
        xid,
      );
    case 'group_features':
      return [encodeReply('group_features', groupFeatures(), xid)];
    case 'meter':
      return encodeRows('meter', statistics.meterStats(request.body.meter), xid);
    case 'meter_config':
      return encodeRows('meter_config', statistics.meterConfigs(request.body.meter), xid);
    case 'meter_features':
      return [encodeReply('meter_features', meterFeatures(), xid)];
    case 'table_features': {
      if (request.body.length > 0) {
        if (isSlave) throw refuse('BAD_REQUEST', 'IS_SLAVE', 'this connection is a slave');
        checkTableFeatures(request.body, statistics.tableFeatures());
      }
      return encodeRows('table_features', statistics.tableFeatures(), xid);
    }
    case 'port_desc':
      return encodeRows('port_desc', statistics.portDescs(), xid);
    default:
      throw refuse('BAD_REQUEST', 'BAD_EXPERIMENTER', `nobody knows the experimenter ${request.body.experimenter}`);
  }
}
