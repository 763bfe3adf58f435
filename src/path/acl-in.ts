import { type Batch, Fate } from '../frame/batch.ts';
import { Drop } from '../observe/drop.ts';
import type { Acls } from './acl.ts';
import type { BridgeImage } from './image.ts';
import type { Stage } from './stage.ts';

/** Ingress ACLs of the port, then of the VLAN. */
export class AclIn implements Stage {
  readonly name = 'acl-in';
  readonly #acls: Acls;
  readonly #bridge: BridgeImage;

  constructor(acls: Acls, bridge: BridgeImage) {
    this.#acls = acls;
    this.#bridge = bridge;
  }

  run(batch: Batch): void {
    const { count, fate, port, vlan, start } = batch;
    const { aclIn, vlanAclIn } = this.#bridge;
    const acls = this.#acls;
    for (let i = 0; i < count; i++) {
      if (fate[i] !== Fate.Live) continue;
      const ofPort = aclIn[port[i]];
      const ofVlan = vlanAclIn[vlan[i]];
      if (ofPort >= 0 && !acls.permits(batch, i, ofPort, start[i], false)) batch.drop(i, Drop.AclIn);
      else if (ofVlan >= 0 && !acls.permits(batch, i, ofVlan, start[i], false)) batch.drop(i, Drop.AclIn);
    }
  }
}
