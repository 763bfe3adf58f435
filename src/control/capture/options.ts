import { UserError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import { Point } from '../../path/tap/record.ts';
import type { Tenant } from '../../tenant/tenant.ts';
import type { Params } from '../rpc.ts';
import { filterWords, readMatch } from './filter.ts';
import type { CaptureFormat } from './settings.ts';

/** What is to be captured, as it was asked for. */
export interface CaptureOptions {
  readonly tenant: Tenant;
  /** Row of the one port, or -1. */
  readonly row: number;
  readonly points: number;
  readonly filter: Int32Array;
  readonly snap: number | null;
  readonly most: number | null;
  readonly format: CaptureFormat;
  /** Bytes of each worker's ring. */
  readonly ring: number;
}

const POINTS: Readonly<Record<string, number>> = {
  ingress: 1 << Point.Ingress,
  egress: 1 << Point.Egress,
  drop: 1 << Point.Drop,
};
const FORMATS: readonly CaptureFormat[] = ['pcapng', 'text', 'json'];
const MIB = 1 << 20;
const DEFAULT_MIB = 8;
const MOST_MIB = 1024;

/** @throws UserError */
export function captureOptions(params: Params, tenants: readonly Tenant[]): CaptureOptions {
  const { tenant, row } = find(String(params['what']), tenants);
  const { datapath } = tenant;
  const filter = typeof params['filter'] === 'string' ? params['filter'] : '';
  const format = FORMATS.find((one) => one === (params['format'] ?? 'pcapng'));
  if (format === undefined)
    throw new UserError('usage', 'There is no such format', `it is one of ${FORMATS.join(', ')}`);
  return {
    tenant,
    row,
    points: pointsOf(params['points']),
    filter: filterWords(readMatch(filter, datapath), datapath),
    snap: whole(params, 'snaplen', 1 << 20),
    most: whole(params, 'count', Number.MAX_SAFE_INTEGER),
    format,
    ring: 2 ** Math.ceil(Math.log2((whole(params, 'buffer', MOST_MIB) ?? DEFAULT_MIB) * MIB)),
  };
}

/** A tenant by its name, or a port: `red/web1`, or `web1` where one tenant alone has such a port. */
function find(what: string, tenants: readonly Tenant[]): { readonly tenant: Tenant; readonly row: number } {
  const whole = tenants.find(({ model }) => model.name === what);
  if (whole !== undefined) return { tenant: whole, row: -1 };
  const ports = tenants.flatMap((tenant) =>
    tenant.model.bridge.ports
      .filter(({ name }) => name === what || `${tenant.model.name}/${name}` === what)
      .map(({ name }) => ({ tenant, row: tenant.ports.of(name) })),
  );
  if (ports.length === 1) return ports[0];
  const names = tenants.map(({ model }) => model.name).join(', ');
  if (ports.length === 0)
    throw new UserError(
      'usage',
      `There is no tenant or port ${what}`,
      `name a tenant (${names}), or a port as TENANT/PORT`,
    );
  const places = ports.map(({ tenant }) => `${tenant.model.name}/${what}`);
  throw new UserError('usage', `Several tenants have a port ${what}`, `say ${places.join(' or ')}`);
}

function pointsOf(value: Json | undefined): number {
  if (value === undefined || value === null) return POINTS['ingress'] | POINTS['egress'] | POINTS['drop'];
  let points = 0;
  for (const word of String(value).split(',')) {
    if (!Object.hasOwn(POINTS, word))
      throw new UserError('usage', `There is no point ${word}`, `they are ${Object.keys(POINTS).join(', ')}`);
    points |= POINTS[word];
  }
  return points;
}

function whole(params: Params, key: string, most: number): number | null {
  const value = params[key];
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UserError('usage', `${key} is no number that can be`, `give a whole number from 1 to ${most}`);
}
