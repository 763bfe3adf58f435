import { UserError } from '../errors.ts';
import type { Tenant } from '../tenant/tenant.ts';
import type { ToWorker } from '../worker/messages.ts';

const MOST = 16;

/** Something that looks at frames of a tenant for a while: a capture, a live trace. */
export interface Look {
  /** The switch has changed: ports may have come, tenants may have gone. */
  follow(tenants: readonly Tenant[]): void;
  /** The workers end: they need not be told. */
  abandon(): void;
}

/** What looks need of the switch. */
export interface LookParts {
  readonly workers: {
    readonly count: number;
    tell(message: ToWorker): Promise<void>;
    tellEach(message: (worker: number) => ToWorker): Promise<void>;
  };
  /** The workers' clock: monotonic microseconds. */
  readonly clockUs: () => number;
  /** A time of that clock as milliseconds since 1970. */
  readonly atMs: (us: number) => number;
}

/** All who look at frames now. They are few. */
export class Looks {
  readonly #running = new Map<number, Look>();
  #id = 0;

  /** @param make with its number, which workers know it by, and what it calls when it has ended @throws UserError */
  start<One extends Look>(make: (id: number, onEnd: () => void) => One): One {
    if (this.#running.size >= MOST)
      throw new UserError('usage', `${MOST} captures and live traces run already`, 'end one of them');
    const id = ++this.#id;
    const look = make(id, () => this.#running.delete(id));
    this.#running.set(id, look);
    return look;
  }

  follow(tenants: readonly Tenant[]): void {
    for (const look of this.#running.values()) look.follow(tenants);
  }

  /** Ends all, when the workers end too. */
  close(): void {
    for (const look of this.#running.values()) look.abandon();
    this.#running.clear();
  }
}
