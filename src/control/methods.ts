import { UserError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Tenant } from '../tenant/tenant.ts';
import { eventAsJson } from './event-json.ts';
import { openflowMethods } from './openflow/methods.ts';
import type { Methods } from './rpc.ts';
import { changeMethods } from './running/methods.ts';
import type { Running } from './running/running.ts';
import { type ViewName, views } from './show.ts';
import type { Switch } from './switch.ts';
import { describedFrame } from './trace/described.ts';

function noTenant(running: Switch, name: string): UserError {
  const names = running.tenants.map((one) => one.model.name).join(', ');
  return new UserError('usage', `There is no tenant ${name}`, `it is one of ${names}`);
}

/** @throws UserError */
function tenantOf(running: Switch, name: Json | undefined): Tenant {
  const one = typeof name === 'string' ? running.tenant(name) : undefined;
  if (one === undefined) throw noTenant(running, String(name));
  return one;
}

/** What the control socket of a running switch answers. */
export function methods(running: Switch, configuration: Running, stop: () => void): Methods {
  return {
    show: async (params) => {
      const { what, tenant } = params;
      if (typeof what !== 'string' || !Object.hasOwn(views, what)) {
        throw new UserError(
          'usage',
          `There is no view ${JSON.stringify(what ?? null)}`,
          `it is one of ${Object.keys(views).join(', ')}`,
        );
      }
      if (typeof tenant === 'string' && running.tenant(tenant) === undefined) {
        throw noTenant(running, tenant);
      }
      return views[what as ViewName](running, params);
    },
    status: () => ({
      pid: process.pid,
      file: running.model.file,
      tenants: running.tenants.map((tenant) => tenant.model.name),
      workers: running.workers.length,
      uptime_s: Math.round((Date.now() - running.startedAt) / 1000),
    }),
    trace: ({ tenant, port, frame, filter }) => {
      const one = tenantOf(running, tenant);
      if (typeof filter === 'string') {
        const made = describedFrame(
          one,
          filter,
          port === undefined ? undefined : String(port),
          (running.clockUs() / 1000) | 0,
        );
        const bytes = Buffer.from(made.frame).toString('hex');
        return { ...made, frame: bytes, ...running.trace(one, made.port, made.frame) } as unknown as Json;
      }
      if (typeof frame !== 'string' || !/^(?:[0-9a-f]{2})+$/i.test(frame))
        throw new UserError('usage', 'The frame is no hex', 'give its bytes, two digits each');
      const found = running.trace(one, String(port), Buffer.from(frame, 'hex'));
      return { port: String(port), frame, assumed: [], ...found } as unknown as Json;
    },
    'trace-live': (params) => running.traceLive(tenantOf(running, params['tenant']), params),
    capture: (params) => running.capture(params),
    events: ({ after }) =>
      running.events
        .after(typeof after === 'number' ? after : 0)
        .map(({ number, at, event }) => ({ number, at, event: eventAsJson(event) })),
    ...openflowMethods(running, ({ tenant }) => tenantOf(running, tenant)),
    ...changeMethods(configuration),
    stop: () => {
      setImmediate(stop);
      return null;
    },
  };
}
