import type { TenantImage } from '../path/image.ts';

interface Parts {
  readonly image: TenantImage | null;
  readonly portsLeft: readonly number[];
  readonly faults: readonly string[];
  readonly settle: () => Promise<TenantImage | null>;
}

/**
 * A change of a tenant under way. The control side lets no worker read ports that have left, gives all workers `image`, and then calls
 * `settle`, which changes the tables that workers share; where these needed more room, workers get the image that it returns.
 */
export class Change {
  /** null: workers go on with the one that they have. */
  readonly image: TenantImage | null;
  /** Numbers of ports that are gone: their devices may be closed when all workers have the image. */
  readonly portsLeft: readonly number[];
  readonly settle: () => Promise<TenantImage | null>;

  /** What the datapath has refused of the configuration's rules, once settled. */
  readonly faults: readonly string[];

  constructor({ image, portsLeft, faults, settle }: Parts) {
    this.faults = faults;
    this.image = image;
    this.portsLeft = portsLeft;
    this.settle = settle;
  }
}
