import { type Batch, Fate, Trait } from '../frame/batch.ts';
import { Drop } from '../observe/drop.ts';
import type { Acls } from './acl.ts';
import type { RouterImage } from './image.ts';
import type { Stage } from './stage.ts';

/** Ingress ACLs of router interfaces, for packets that are to be routed or are for the router itself. */
export class InterfaceAclIn implements Stage {
  readonly name = 'interface-acl-in';
  readonly #acls: Acls;
  readonly #router: RouterImage;

  constructor(acls: Acls, router: RouterImage) {
    this.#acls = acls;
    this.#router = router;
  }

  run(batch: Batch): void {
    const { count, fate, inInterface, start } = batch;
    const { aclIn } = this.#router;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live || inInterface[i] < 0) continue;
      const acl = aclIn[inInterface[i]];
      if (acl >= 0 && !this.#acls.permits(batch, i, acl, start[i], false)) batch.drop(i, Drop.AclIn);
    }
  }
}

/** Egress ACLs of router interfaces. What the router itself made is not held up by them. */
export class InterfaceAclOut implements Stage {
  readonly name = 'interface-acl-out';
  readonly #acls: Acls;
  readonly #router: RouterImage;

  constructor(acls: Acls, router: RouterImage) {
    this.#acls = acls;
    this.#router = router;
  }

  run(batch: Batch): void {
    const { count, fate, outInterface, start, traits } = batch;
    const { aclOut } = this.#router;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live || outInterface[i] < 0 || (traits[i] & Trait.Generated) !== 0) continue;
      const acl = aclOut[outInterface[i]];
      if (acl >= 0 && !this.#acls.permits(batch, i, acl, start[i], true)) batch.drop(i, Drop.AclOut);
    }
  }
}
