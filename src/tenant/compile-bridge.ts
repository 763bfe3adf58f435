import type { AclModel, AclTarget, BridgeModel, PortModel, PortSecurity } from '../control/config/model.ts';
import { type BridgeImage, PortMode, Reserved, type SecurityImage } from '../path/image.ts';
import type { MacTable } from '../table/mac-table.ts';
import { fourWords, lengthOf128 } from '../wire/address.ts';
import { parseMac } from '../wire/ethernet.ts';
import { Tpid } from '../wire/vlan.ts';
import type { Numbers } from './numbers.ts';
import type { TenantPolicers } from './policers.ts';
import { sharedOctets, sharedWords } from './shared-arrays.ts';

const VLANS = 4096;
const WORDS_A_PORT = VLANS / 32;
/** At the number of a port that is gone. */
const NO_DEVICE = -1;

/** Where a port's frames come from in the workers. */
export interface Attachment {
  readonly device: number;
  /** VID and TPID of the outer tag on a shared uplink, 0 otherwise. */
  readonly outerVlan: number;
  readonly outerTpid: number;
}

/** What the columns of a bridge are compiled from. */
export interface BridgeParts {
  readonly model: BridgeModel;
  readonly acls: readonly AclModel[];
  /** Numbers of the ports. */
  readonly numbers: Numbers;
  /** By port number. */
  readonly attachments: readonly (Attachment | undefined)[];
  readonly macs: MacTable;
  readonly policers: TenantPolicers;
}

/** Compiles a bridge's ports, VLANs and their ACLs. */
export function compileBridge({ model, acls, numbers, attachments, macs, policers }: BridgeParts): BridgeImage {
  const { ports } = model;
  const count = numbers.size;
  const securities: SecurityImage[] = [];
  const image = {
    ports: count,
    names: Array.from({ length: count }, (_, number) => numbers.at(number) ?? ''),
    device: sharedWords(count, NO_DEVICE),
    outerVlan: sharedWords(count),
    outerTpid: sharedWords(count, Tpid.Customer),
    mode: sharedOctets(count),
    pvid: sharedWords(count),
    allowed: new Uint32Array(new SharedArrayBuffer(count * WORDS_A_PORT * 4)),
    mtu: sharedWords(count),
    security: sharedWords(count, -1),
    securities,
    packetPolicer: sharedWords(count, -1),
    bitPolicer: sharedWords(count, -1),
    storm: sharedWords(count, -1),
    aclIn: sharedWords(count, -1),
    aclOut: sharedWords(count, -1),
    vlanAclIn: sharedWords(VLANS, -1),
    vlanAclOut: sharedWords(VLANS, -1),
    macs: macs.handles(),
    forwardReserved: model.forwardReserved.reduce((bits, name) => bits | RESERVED[name], 0),
  };
  for (const port of ports) {
    const i = numbers.of(port.name);
    const attachment = attachments[i];
    if (attachment === undefined) throw new Error(`port ${port.name} has no device`);
    image.device[i] = attachment.device;
    image.outerVlan[i] = attachment.outerVlan;
    image.outerTpid[i] = attachment.outerTpid;
    image.mtu[i] = port.mtu;
    compileVlans(port, i, image.mode, image.pvid, image.allowed);
    image.packetPolicer[i] = policers.bucket('packets', port.name, port.pps);
    image.bitPolicer[i] = policers.bucket('bits', port.name, port.rate);
    image.storm[i] = policers.bucket('storm', port.name, port.storm);
    if (port.security !== null) {
      image.security[i] = securities.length;
      securities.push(compileSecurity(port.security));
    }
  }
  bindAcls(numbers, acls, image);
  return { ...image, ...vlanMembers(count, image.allowed) };
}

const RESERVED = { lldp: Reserved.Lldp, lacp: Reserved.Lacp, stp: Reserved.Stp } as const;

function compileVlans(port: PortModel, i: number, mode: Uint8Array, pvid: Int32Array, allowed: Uint32Array): void {
  const { vlan } = port;
  const carry = (vid: number) => {
    allowed[i * WORDS_A_PORT + (vid >> 5)] |= 1 << (vid & 31);
  };
  if (vlan.mode === 'trunk') {
    mode[i] = PortMode.Trunk;
    pvid[i] = vlan.native ?? 0;
    vlan.allowed.forEach(carry);
  } else {
    mode[i] = vlan.mode === 'access' ? PortMode.Access : PortMode.Tunnel;
    pvid[i] = vlan.vlan;
    carry(vlan.vlan);
  }
}

function compileSecurity({ macs, addresses }: PortSecurity): SecurityImage {
  return {
    macs: Int32Array.from(macs.map(parseMac).flatMap(({ high, low }) => [high, low])),
    prefixes: Int32Array.from(
      addresses.flatMap((prefix) => [...fourWords(prefix.words), lengthOf128(prefix.family, prefix.length)]),
    ),
  };
}

/** For each VLAN the list of ports that carry it: where its frames are flooded to. */
function vlanMembers(count: number, allowed: Uint32Array): Pick<BridgeImage, 'vlans' | 'members'> {
  const vlans = sharedWords(VLANS, -1);
  const lists: number[] = [];
  for (let vid = 1; vid < VLANS; vid++) {
    const ports: number[] = [];
    for (let i = 0; i < count; i++) {
      if (((allowed[i * WORDS_A_PORT + (vid >> 5)] >>> (vid & 31)) & 1) === 1) ports.push(i);
    }
    if (ports.length === 0) continue;
    vlans[vid] = lists.length;
    lists.push(ports.length, ...ports);
  }
  const members = sharedWords(lists.length);
  members.set(lists);
  return { vlans, members };
}

interface Bindings {
  readonly aclIn: Int32Array;
  readonly aclOut: Int32Array;
  readonly vlanAclIn: Int32Array;
  readonly vlanAclOut: Int32Array;
}

function bindAcls(ports: Numbers, acls: readonly AclModel[], image: Bindings): void {
  const bind = (targets: readonly AclTarget[], acl: number, ofPort: Int32Array, ofVlan: Int32Array) => {
    for (const target of targets) {
      if (target.kind === 'port') ofPort[ports.of(target.port)] = acl;
      else if (target.kind === 'vlan') ofVlan[target.vlan] = acl;
    }
  };
  acls.forEach((acl, index) => {
    bind(acl.ingress, index, image.aclIn, image.vlanAclIn);
    bind(acl.egress, index, image.aclOut, image.vlanAclOut);
  });
}
