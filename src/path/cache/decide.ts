import { type Batch, Kind, Trait } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import type { Ledger } from '../../observe/ledger.ts';
import type { MacTable } from '../../table/mac-table.ts';
import { isChecksumRight, Protocol } from '../../wire/ipv4.ts';
import { isTpid, Tpid } from '../../wire/vlan.ts';
import type { Acls } from '../acl.ts';
import type { Fib } from '../fib.ts';
import { flowHash } from '../flow-hash.ts';
import { AclAction, type AclImage, type BridgeImage, HopKind, PortMode, type TenantImage } from '../image.ts';
import { isMartian4, isMartian6, isMulticast4 } from '../martian.ts';
import type { Parse } from '../parse.ts';
import type { PortSecurity } from '../port-security.ts';
import type { RouterParts } from '../router-parts.ts';
import type { Taps } from '../tap/tap.ts';
import { swap16, swap32 } from './bytes.ts';
import { Decision as D, type Decisions, Does } from './decision.ts';
import { type RuleDecider, Verdict } from './rule-decider.ts';

const MAPPED = 0xffff;
/** There is no other port in the VLAN. */
const NOBODY = -2;

export interface DeciderContext {
  readonly pool: Pool;
  readonly image: TenantImage;
  readonly ledger: Ledger;
  readonly parse: Parse;
  readonly security: PortSecurity | null;
  readonly acls: Acls;
  readonly macs: MacTable;
  readonly router: RouterParts | null;
  readonly decisions: Decisions;
  /** Null: the tenant has no rule tables. */
  readonly rules: RuleDecider | null;
  /** See what is dropped; null: nobody looks. */
  readonly taps: Taps | null;
}

/**
 * Decides one plain frame by the tables that the stages use, and writes the decision as a draft; changes neither the frame nor a
 * table. Whatever has effects beyond the frame (learning, floods by more than one port, logs, ICMP, waiting for a neighbour) or is rare
 * is left to the stages, whose order and rules this follows: they are its slow twin, and tests compare the two.
 */
export class Decider {
  readonly #source: Int32Array;
  readonly #pool: Pool;
  readonly #bytes: DataView;
  readonly #bridge: BridgeImage;
  readonly #lists: readonly AclImage[];
  readonly #ledger: Ledger;
  readonly #parse: Parse;
  readonly #security: PortSecurity | null;
  readonly #acls: Acls;
  readonly #macs: MacTable;
  readonly #router: RouterParts | null;
  readonly #decisions: Decisions;
  readonly #rules: RuleDecider | null;
  readonly #taps: Taps | null;
  readonly #words: Int32Array;
  readonly #draft: number;

  constructor(context: DeciderContext) {
    this.#pool = context.pool;
    this.#bytes = context.pool.bytes;
    this.#bridge = context.image.bridge;
    this.#lists = context.image.acls;
    this.#ledger = context.ledger;
    this.#parse = context.parse;
    this.#security = context.security;
    this.#acls = context.acls;
    this.#macs = context.macs;
    this.#router = context.router;
    this.#decisions = context.decisions;
    this.#rules = context.rules;
    this.#taps = context.taps;
    this.#source = context.decisions.source;
    this.#words = context.decisions.words;
    this.#draft = context.decisions.draft;
  }

  /** @returns false: the frame is for the stages */
  decide(batch: Batch, i: number): boolean {
    const bridge = this.#bridge;
    const from = batch.port[i];
    this.#source[0] = -1;
    if (from >= bridge.ports) return false;
    this.#parse.one(batch, i);
    if (batch.fate[i] !== 0 || (batch.traits[i] & (Trait.Opaque | Trait.Fragment)) !== 0) {
      batch.fate[i] = 0;
      return false;
    }
    if (this.#security !== null && !this.#security.permits(batch, i)) return false;
    this.#decisions.clear();
    if (this.#rules !== null) {
      const verdict = this.#rules.decide(batch, i);
      if (verdict !== Verdict.Normal) return verdict === Verdict.Decided;
    }
    if (bridge.mode[from] === PortMode.Tunnel || !this.#vlanIn(batch, i, from)) return false;
    const start = batch.start[i];
    const vlan = batch.vlan[i];
    const { aclIn, vlanAclIn } = bridge;
    if (this.#lists.length > 0) {
      this.#acls.show(batch, i, start);
      if (aclIn[from] >= 0 && !this.#allows(aclIn[from], batch, i, Drop.AclIn)) return this.#denied();
      if (vlanAclIn[vlan] >= 0 && !this.#allows(vlanAclIn[vlan], batch, i, Drop.AclIn)) return this.#denied();
    }
    if (!this.#isKnown(batch, i, from, vlan)) return false;
    const bytes = this.#bytes;
    const high = bytes.getUint16(start);
    const low = bytes.getInt32(start + 2);
    const router = this.#router;
    if (router !== null) {
      const { vlanInterface, macHigh, macLow } = router.image;
      const iface = vlanInterface[vlan];
      if (iface >= 0 && macHigh[iface] === high && macLow[iface] === low) return this.#route(batch, i, iface, router);
    }
    return this.#forward(batch, i, vlan, high, low, bytes.getUint16(start + 6), bytes.getInt32(start + 8), false);
  }

  /** Drops a frame that is plain for a reason that is not its decision's: a rate. */
  drop(batch: Batch, i: number, reason: number): void {
    this.#ledger.drop(batch.port[i], reason);
    this.#taps?.frame(batch, i, reason);
    this.#pool.release(batch.head[i]);
    this.#pool.release(batch.body[i]);
    batch.fate[i] = 3;
  }

  /** Lets a meter have frame i. @returns false: it was dropped */
  weigh(batch: Batch, i: number, meter: number, length: number): boolean {
    batch.spread();
    this.#parse.one(batch, i);
    if (this.#rules === null || this.#rules.metering.passes(batch, i, meter, length)) return true;
    this.drop(batch, i, Drop.Meter);
    return false;
  }

  /** Shows frame i, which a decision drops, to those who look. */
  show(batch: Batch, i: number, reason: number): void {
    this.#taps?.frame(batch, i, reason);
  }

  /** The set of next hops that the destination of frame i leads to now. */
  setOf(batch: Batch, i: number): number {
    const router = this.#router;
    if (router === null) return -1;
    const bytes = this.#bytes;
    const tagged = isTpid(bytes.getUint16(batch.start[i] + 12));
    const at = batch.start[i] + (tagged ? 18 : 14);
    if (bytes.getUint8(at) >>> 4 === 4) return router.fib.lookup4(bytes.getInt32(at + 16));
    return this.#lookup6(router.fib, at);
  }

  #lookup6(fib: Fib, at: number): number {
    const bytes = this.#bytes;
    return fib.lookup6(
      bytes.getInt32(at + 24),
      bytes.getInt32(at + 28),
      bytes.getInt32(at + 32),
      bytes.getInt32(at + 36),
    );
  }

  /** The frame's VLAN by the mode of its port; what the stage would change or drop is left to it. */
  #vlanIn(batch: Batch, i: number, from: number): boolean {
    const { mode, pvid, allowed } = this.#bridge;
    let vid = batch.vlan[i];
    if (batch.tagged[i] === 1) {
      if (vid === 0 || mode[from] === PortMode.Access || isTpid(batch.etherType[i])) return false;
    } else vid = pvid[from];
    batch.vlan[i] = vid;
    return vid > 0 && ((allowed[(from << 7) + (vid >> 5)] >>> (vid & 31)) & 1) === 1;
  }

  /** Asks a list about the frame that was shown. @returns whether it goes on; else `Reason` says why not, 0: it is for the stages */
  #allows(acl: number, batch: Batch, i: number, reason: number): boolean {
    const words = this.#words;
    const draft = this.#draft;
    const rule = this.#acls.match(acl, batch, i);
    if (rule < 0) return true;
    const { action, log } = this.#lists[acl];
    const listed = rule < action.length;
    const verdict = listed ? action[rule] : AclAction.Deny;
    if ((listed && log[rule] === 1) || verdict === AclAction.Reject || !this.#decisions.hit(acl, rule)) {
      words[draft + D.Reason] = 0;
      return false;
    }
    words[draft + D.Reason] = reason;
    return verdict === AclAction.Allow;
  }

  /** Whether a list that did not let the frame go on has dropped it, or left it to the stages. */
  #denied(): boolean {
    return this.#words[this.#draft + D.Reason] !== 0;
  }

  /** Whether the source is known to be behind this port. */
  #isKnown(batch: Batch, i: number, from: number, vlan: number): boolean {
    const bytes = this.#bytes;
    const macs = this.#macs;
    const at = batch.start[i] + 6;
    const slot = macs.lookup(bytes.getUint16(at), bytes.getInt32(at + 2), vlan);
    if (slot < 0 || macs.port(slot) !== from) return false;
    this.#source[0] = slot;
    this.#source[1] = macs.version(slot);
    macs.touch(slot, batch.nowMs);
    return true;
  }

  #route(batch: Batch, i: number, iface: number, router: RouterParts): boolean {
    const { image, fib, neighbors, hold } = router;
    const bytes = this.#bytes;
    const words = this.#words;
    const draft = this.#draft;
    const four = batch.kind[i] === Kind.Ipv4;
    const at = batch.l3[i];
    if (batch.ipLength[i] === 0) return false;
    if (!four && (batch.kind[i] !== Kind.Ipv6 || isDiscovery(batch, i))) return false;
    if (image.aclIn[iface] >= 0 && !this.#allows(image.aclIn[iface], batch, i, Drop.AclIn)) return this.#denied();
    const to = bytes.getInt32(at + 16);
    if (
      four
        ? !isChecksumRight(bytes, at) || isMartian4(bytes.getInt32(at + 12), to) || isMulticast4(to)
        : isMartian6(bytes, at)
    )
      return false;
    if (!four && bytes.getUint8(at + 24) === 0xff) return false;
    const set = four ? fib.lookup4(to) : this.#lookup6(fib, at);
    if (set < 0) return false;
    words[draft + D.Set] = set;
    const hop = fib.hop(set, fib.isMultipath(set) ? flowHash(batch, i, bytes, image.hashKeys) : 0);
    const kind = image.hopKind[hop];
    const family = four ? 0 : Does.Ipv6;
    words[draft + D.Flags] = Does.Verify | family;
    if (kind === HopKind.Blackhole) {
      words[draft + D.Reason] = Drop.Blackhole;
      return true;
    }
    if (kind !== HopKind.Connected && kind !== HopKind.Via) return false;
    const out = image.hopInterface[hop];
    words[draft + D.Flags] = Does.Ttl | Does.Verify | family;
    words[draft + D.Longest] = image.mtu[out] + (batch.tagged[i] === 1 ? 18 : 14);
    const acl = image.aclOut[out];
    if (acl >= 0 && !this.#allows(acl, batch, i, Drop.AclOut)) return this.#denied();
    const a = hop << 2;
    const { hopAddress } = image;
    const via = kind === HopKind.Via;
    const w0 = via ? hopAddress[a] : four ? 0 : bytes.getInt32(at + 24);
    const w1 = via ? hopAddress[a + 1] : four ? 0 : bytes.getInt32(at + 28);
    const w2 = via ? hopAddress[a + 2] : four ? MAPPED : bytes.getInt32(at + 32);
    const w3 = via ? hopAddress[a + 3] : four ? to : bytes.getInt32(at + 36);
    const neighbor = neighbors.find(out, w0, w1, w2, w3);
    if (neighbor < 0 || !neighbors.usable(neighbor) || hold.isBehind(out, w0, w1, w2, w3)) return false;
    neighbors.markUsed(neighbor);
    words[draft + D.NeighborSlot] = neighbor;
    words[draft + D.NeighborVersion] = neighbors.version(neighbor);
    words[draft + D.Flags] |= Does.To | Does.From;
    const { macHigh, macLow, vlan } = image;
    batch.tpid[i] = Tpid.Customer;
    return this.#forward(
      batch,
      i,
      vlan[out],
      neighbors.macHi(neighbor),
      neighbors.macLo(neighbor),
      macHigh[out],
      macLow[out],
      true,
    );
  }

  /** To the port of its destination, by what the tenant and its operator say about the way out. */
  #forward(
    batch: Batch,
    i: number,
    vlan: number,
    high: number,
    low: number,
    fromHigh: number,
    fromLow: number,
    routed: boolean,
  ): boolean {
    const bridge = this.#bridge;
    const words = this.#words;
    const draft = this.#draft;
    const macs = this.#macs;
    if ((high & 0x0100) !== 0) return false;
    const slot = macs.lookup(high, low, vlan);
    if (slot < 0) words[draft + D.Flooded] = vlan;
    else {
      words[draft + D.MacSlot] = slot;
      words[draft + D.MacVersion] = macs.version(slot);
    }
    const to = slot < 0 ? this.#onlyTaker(batch.port[i], vlan, routed) : macs.port(slot);
    if (to === NOBODY) {
      words[draft + D.Reason] = Drop.NoMember;
      return true;
    }
    if (to < 0 || to >= bridge.ports || ((bridge.allowed[(to << 7) + (vlan >> 5)] >>> (vlan & 31)) & 1) === 0)
      return false;
    if (bridge.mode[to] === PortMode.Tunnel || bridge.outerVlan[to] > 0) return false;
    const ofVlan = bridge.vlanAclOut[vlan];
    const ofPort = bridge.aclOut[to];
    if (to === batch.port[i] && !routed) {
      words[draft + D.Reason] = Drop.SamePort;
      return true;
    }
    if (ofVlan >= 0 || ofPort >= 0) {
      this.#acls.readdress(vlan, high, low, fromHigh, fromLow);
      if (ofVlan >= 0 && !this.#allows(ofVlan, batch, i, Drop.AclOut)) return this.#denied();
      if (ofPort >= 0 && !this.#allows(ofPort, batch, i, Drop.AclOut)) return this.#denied();
    }
    words[draft + D.Reason] = 0;
    words[draft + D.Port] = to;
    words[draft + D.Device] = bridge.device[to];
    if (routed) {
      words[draft + D.Mac0] = swap16(high) << 16;
      words[draft + D.Mac1] = swap32(low);
      words[draft + D.Mac2] = swap16(fromHigh) | (swap16(fromLow >>> 16) << 16);
      words[draft + D.Mac3] = swap16(fromLow & 0xffff);
    }
    return this.#tagOut(batch, i, vlan, to, routed);
  }

  /** The port that alone gets what is flooded, or `NOBODY`; -1: there are more, or floods are counted (storm control). */
  #onlyTaker(from: number, vlan: number, routed: boolean): number {
    const { vlans, members, storm } = this.#bridge;
    if (!routed && storm[from] >= 0) return -1;
    const list = vlans[vlan];
    const length = list < 0 ? 0 : members[list];
    let only: number = NOBODY;
    for (let k = 1; k <= length; k++) {
      const port = members[list + k];
      if (port === from && !routed) continue;
      if (only >= 0) return -1;
      only = port;
    }
    return only;
  }

  /** Which tag it leaves with, and how long a frame may be. */
  #tagOut(batch: Batch, i: number, vlan: number, to: number, routed: boolean): boolean {
    const { mode, pvid, mtu } = this.#bridge;
    const words = this.#words;
    const draft = this.#draft;
    const tagged = batch.tagged[i] === 1;
    const wants = mode[to] === PortMode.Trunk && pvid[to] !== vlan;
    let does = words[draft + D.Flags] | Does.Forward;
    if (wants) {
      words[draft + D.Tag] = (swap16(batch.tpid[i]) << 16) | swap16(batch.priority[i] | vlan);
      if (!tagged) does |= Does.Push;
      else if (routed) does |= Does.Retag;
      else words[draft + D.Tag] = 0;
    } else if (tagged) does |= Does.Pop;
    words[draft + D.Flags] = does;
    // What is behind the Ethernet header and one tag must fit the port, and, if it is routed, the next link.
    const header = tagged ? 18 : 14;
    const longest = mtu[to] + header;
    if (longest < words[draft + D.Longest]) words[draft + D.Longest] = longest;
    return true;
  }
}

function isDiscovery(batch: Batch, i: number): boolean {
  return batch.proto[i] === Protocol.Icmpv6 && batch.sport[i] >= 133 && batch.sport[i] <= 136;
}
