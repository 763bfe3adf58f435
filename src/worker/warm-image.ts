import { Ring } from '../frame/ring.ts';
import { COLUMNS } from '../observe/ledger.ts';
import { MOST_PORTS, PortMode, type TenantImage, WorkCount } from '../path/image.ts';
import { MacTable } from '../table/mac-table.ts';

const VLANS = 4096;
const PORTS = 2;
const MTU = 1500;

const words = (count: number, fill: number) => new Int32Array(count).fill(fill);

/**
 * A bridge of two ports, devices 0 and 1, of a tenant that nobody else has heard of. It is made as one that came in a message, its
 * properties in the order of src/tenant: to V8 an object that was made otherwise is of another kind.
 */
export function warmImage(index: number): TenantImage {
  const vlans = words(VLANS, -1);
  vlans[1] = 0;
  const allowed = new Uint32Array((PORTS * VLANS) / 32);
  for (let port = 0; port < PORTS; port++) allowed[(port * VLANS) / 32] = 2;
  const image: TenantImage = {
    index,
    name: 'warm',
    weight: 1,
    frames: 32,
    policer: { packets: -1, bits: -1 },
    bridge: {
      ports: PORTS,
      names: ['a', 'b'],
      device: Int32Array.of(0, 1),
      outerVlan: words(PORTS, 0),
      outerTpid: words(PORTS, 0x8100),
      mode: new Uint8Array(PORTS).fill(PortMode.Access),
      pvid: words(PORTS, 1),
      allowed,
      mtu: words(PORTS, MTU),
      security: words(PORTS, -1),
      securities: [],
      packetPolicer: words(PORTS, -1),
      bitPolicer: words(PORTS, -1),
      storm: words(PORTS, -1),
      aclIn: words(PORTS, -1),
      aclOut: words(PORTS, -1),
      vlanAclIn: words(VLANS, -1),
      vlanAclOut: words(VLANS, -1),
      macs: MacTable.create(16).handles(),
      forwardReserved: 0,
      vlans,
      members: Int32Array.of(PORTS, 0, 1),
    },
    router: null,
    acls: [],
    rules: null,
    workers: [
      {
        ledger: new SharedArrayBuffer((MOST_PORTS + 1) * COLUMNS * 8),
        punt: Ring.create(1 << 12).memory,
        inject: Ring.create(1 << 12).memory,
        work: new SharedArrayBuffer(WorkCount.WIDTH * 8),
      },
    ],
  };
  return structuredClone(image);
}
