import { type Batch, Trait } from '../frame/batch.ts';
import { Drop } from '../observe/drop.ts';
import type { Acls } from './acl.ts';
import type { BridgeImage } from './image.ts';
import type { Outputs } from './outputs.ts';
import type { OutStage } from './stage.ts';
import type { Waste } from './waste.ts';

/** Egress ACLs of the VLAN, then of the port. What the router itself made is not held up by them. */
export class AclOut implements OutStage {
  readonly name = 'acl-out';
  readonly #acls: Acls;
  readonly #bridge: BridgeImage;
  readonly #waste: Waste;

  constructor(acls: Acls, bridge: BridgeImage, waste: Waste) {
    this.#acls = acls;
    this.#bridge = bridge;
    this.#waste = waste;
  }

  run(batch: Batch, outputs: Outputs): void {
    const { count, frame, port, start } = outputs;
    const { aclOut, vlanAclOut } = this.#bridge;
    const acls = this.#acls;
    for (let o = 0; o < count; o++) {
      if (port[o] < 0) continue;
      const i = frame[o];
      if ((batch.traits[i] & Trait.Generated) !== 0) continue;
      const ofVlan = vlanAclOut[batch.vlan[i]];
      const ofPort = aclOut[port[o]];
      if (ofVlan >= 0 && !acls.permits(batch, i, ofVlan, start[o], true))
        this.#waste.output(batch, outputs, o, Drop.AclOut);
      else if (ofPort >= 0 && !acls.permits(batch, i, ofPort, start[o], true))
        this.#waste.output(batch, outputs, o, Drop.AclOut);
    }
  }
}
