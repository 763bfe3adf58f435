import type { Methods } from '../control/rpc.ts';
import type { Row, ViewName } from '../control/show.ts';
import type { Trace } from '../control/trace/tracer.ts';
import type { Cable } from './cable.ts';
import { Rules } from './rules.ts';

/** A tenant of a running switch. */
export class TenantHandle {
  readonly name: string;
  readonly flows: Rules;
  readonly groups: Rules;
  readonly meters: Rules;
  readonly #methods: Methods;
  readonly #cable: (port: string) => Cable;

  /** @internal */
  constructor(name: string, methods: Methods, cable: (port: string) => Cable) {
    this.name = name;
    this.#methods = methods;
    this.#cable = cable;
    this.flows = new Rules('flows', name, methods);
    this.groups = new Rules('groups', name, methods);
    this.meters = new Rules('meters', name, methods);
  }

  /** The far end of a memory port. @throws UserError `port-unusable` */
  port(name: string): Cable {
    return this.#cable(name);
  }

  /** What `tapyard show WHAT TENANT --json` prints. */
  async show(what: ViewName): Promise<readonly Row[]> {
    return (await this.#methods['show']({ what, tenant: this.name })) as readonly Row[];
  }

  /**
   * What would happen to a frame that a port received now, stage by stage; nothing is sent, learned or counted.
   * @throws UserError when the port is not there or the frame too long
   */
  async trace(port: string, frame: Uint8Array): Promise<Trace> {
    const hex = Buffer.from(frame).toString('hex');
    return (await this.#methods['trace']({ tenant: this.name, port, frame: hex })) as unknown as Trace;
  }
}
