import { type Batch, Kind } from '../../frame/batch.ts';
import type { Pool } from '../../frame/pool.ts';
import { Drop } from '../../observe/drop.ts';
import type { MacTable } from '../../table/mac-table.ts';
import type { Acls } from '../acl.ts';
import { plainHash4, plainHash6 } from '../flow-hash.ts';
import { AclAction, type AclImage, type BridgeImage, HopKind, type TenantImage } from '../image.ts';
import { isMartian4, isMartian6, isMulticast4 } from '../martian.ts';
import type { RouterParts } from '../router-parts.ts';
import { Decision as D, type Decisions, Does, EACH, MOST_COUNTS } from './decision.ts';
import { isStillFlooded } from './flooded.ts';

/** Link headers and decisions that are remembered: in all 96 KiB, which stay in a second-level cache. */
const LINKS = 1 << 9;
const LINES = 1 << 11;

/** Words of what is remembered of a link header. */
const Link = {
  /** Port that it came by, plus 1; 0: nothing is remembered. */
  From: 0,
  /** MACs, type and tag as they lie in the frame. */
  Header: 1,
  /** Tells it from others that were remembered at its place. */
  Serial: 6,
  /** The source MAC's slot and version; slot -1: nobody has asked. */
  Slot: 7,
  Version: 8,
  Vlan: 9,
  /** Router's interface that it is addressed to; -1: none. */
  Interface: 10,
  /** Lists of the port, the VLAN and the interface; -1: none. */
  PortList: 11,
  VlanList: 12,
  InterfaceList: 13,
  /** What is behind the header. */
  Kind: 14,
  WIDTH: 16,
} as const;

/** Words of what is remembered of a decision, besides the decision's own: what has led there. */
const Line = { Serial: 0, Set: 1, Hop: 2, Host: 3, Decision: 4, WIDTH: 8 } as const;

/** Words of what leads a frame to its decision: set of next hops, next hop (-1: not routed), host on a connected link, and which rules it has met. */
const Lead = { Set: 0, Hop: 1, Host: 2, Denied: 3, Hits: 4, FirstHit: 5, WIDTH: 5 + MOST_COUNTS } as const;

const LAST_SERIAL = 1 << 30;

export interface MemoContext {
  readonly pool: Pool;
  readonly image: TenantImage;
  readonly acls: Acls;
  readonly macs: MacTable;
  readonly router: RouterParts | null;
  readonly decisions: Decisions;
}

/**
 * What the decider has decided for a frame holds for every other frame with the same link header that the same rules and the same next
 * hop are found for. So a flow that is met for the first time need not be decided from the beginning: its lists are asked and its
 * destination is looked up, and what follows from that is remembered. Versions prove, as they do for entries of the flow cache,
 * that addresses and neighbours are what they were; rules and next hops are found anew each time.
 *
 * Bounded: two tables with one place for each; what it does not know, the decider is asked, which it learns from.
 */
export class DecisionMemo {
  readonly #words: Int32Array;
  readonly #bytes: DataView;
  readonly #bridge: BridgeImage;
  readonly #lists: readonly AclImage[];
  readonly #acls: Acls;
  readonly #macs: MacTable;
  readonly #router: RouterParts | null;
  readonly #decisions: Int32Array;
  readonly #draft: number;
  readonly #source: Int32Array;
  readonly #lead = new Int32Array(Lead.WIDTH);
  #links = new Int32Array(0);
  #lines = new Int32Array(0);
  #serial = 0;
  /** Links of serials up to here are forgotten. */
  #floor = 0;

  constructor({ pool, image, acls, macs, router, decisions }: MemoContext) {
    this.#words = new Int32Array(pool.memory);
    this.#bytes = pool.bytes;
    this.#bridge = image.bridge;
    this.#lists = image.acls;
    this.#acls = acls;
    this.#macs = macs;
    this.#router = router;
    this.#decisions = decisions.words;
    this.#draft = decisions.draft;
    this.#source = decisions.source;
  }

  /** Decisions are others from now on: as they are with every change of a tenant's rules, so nothing is cleared for it. */
  forget(): void {
    this.#floor = this.#serial;
    if (this.#serial < LAST_SERIAL) return;
    this.#serial = this.#floor = 0;
    this.#links.fill(0);
    this.#lines.fill(0);
  }

  /**
   * The decision of a plain packet (the flow cache's word for: IPv4 or IPv6 without options, extension headers or fragments, TCP, UDP or ICMP in
   * a head of its own), and its source as `Decisions.source`.
   * @param at word of the pool that the frame begins in the middle of @param from row that it came by
   * @returns position of the decision; 0: not known
   */
  find(at: number, from: number, nowMs: number): number {
    const links = this.#links;
    if (links.length === 0) return 0;
    const link = this.#linkPlace(at, from);
    if (!this.#isLink(link, at, from) || !this.#follow(link, at)) return 0;
    const lead = this.#lead;
    const lines = this.#lines;
    const line = this.#linePlace(links[link + Link.Serial]);
    if (
      lines[line] !== links[link + Link.Serial] ||
      lines[line + Line.Set] !== lead[Lead.Set] ||
      lines[line + Line.Hop] !== lead[Lead.Hop] ||
      lines[line + Line.Host] !== lead[Lead.Host]
    )
      return 0;
    const d = lines[line + Line.Decision];
    if (!this.#isMet(d) || !this.#isProved(d, at)) return 0;
    const source = this.#source;
    if (lead[Lead.Denied] !== 0) {
      source[0] = -1;
      return d;
    }
    const slot = links[link + Link.Slot];
    const version = links[link + Link.Version];
    if (slot < 0 || this.#macs.version(slot) !== version) return 0;
    this.#macs.touch(slot, nowMs);
    source[0] = slot;
    source[1] = version;
    return d;
  }

  /** Remembers what was decided for frame i of a batch: the decision that was made last, whose draft is still there. */
  learn(batch: Batch, i: number, d: number): void {
    if (this.#links.length === 0) {
      this.#links = new Int32Array(LINKS * Link.WIDTH);
      this.#lines = new Int32Array(LINES * Line.WIDTH);
    }
    const at = batch.start[i] >> 2;
    const from = batch.port[i];
    if (this.#serial === LAST_SERIAL) this.forget();
    const link = this.#linkPlace(at, from);
    if (!this.#isLink(link, at, from)) this.#writeLink(link, at, from, batch, i);
    const links = this.#links;
    const source = this.#source;
    if (source[0] >= 0) {
      links[link + Link.Slot] = source[0];
      links[link + Link.Version] = source[1];
    }
    if (!this.#follow(link, at) || !this.#isMet(d) || this.#leavesByList(links[link + Link.Vlan])) return;
    const lead = this.#lead;
    const lines = this.#lines;
    const line = this.#linePlace(links[link + Link.Serial]);
    lines[line] = links[link + Link.Serial];
    lines[line + Line.Set] = lead[Lead.Set];
    lines[line + Line.Hop] = lead[Lead.Hop];
    lines[line + Line.Host] = lead[Lead.Host];
    lines[line + Line.Decision] = d;
  }

  #linkPlace(at: number, from: number): number {
    const words = this.#words;
    const sum =
      Math.imul(words[at + 1], 0x9e3779b1) +
      Math.imul(words[at + 2], 0x85ebca6b) +
      Math.imul(words[at + 3], 0xc2b2ae35);
    const hash = (sum + Math.imul(from, 0x27d4eb2f)) | 0;
    return ((hash >>> 16) & (LINKS - 1)) * Link.WIDTH;
  }

  #isLink(link: number, at: number, from: number): boolean {
    const words = this.#words;
    const links = this.#links;
    return (
      links[link + Link.Serial] > this.#floor &&
      links[link] === from + 1 &&
      links[link + Link.Header] === words[at] >>> 16 &&
      links[link + Link.Header + 1] === words[at + 1] &&
      links[link + Link.Header + 2] === words[at + 2] &&
      links[link + Link.Header + 3] === words[at + 3] &&
      (links[link + Link.Header + 4] === words[at + 4] || !isTagged(words[at + 3]))
    );
  }

  #writeLink(link: number, at: number, from: number, batch: Batch, i: number): void {
    const words = this.#words;
    const links = this.#links;
    const vlan = batch.vlan[i];
    const image = this.#router?.image;
    const start = batch.start[i];
    const to = image === undefined ? -1 : image.vlanInterface[vlan];
    const high = this.#bytes.getUint16(start);
    const low = this.#bytes.getInt32(start + 2);
    const routed = image !== undefined && to >= 0 && image.macHigh[to] === high && image.macLow[to] === low;
    links[link] = from + 1;
    links[link + Link.Header] = words[at] >>> 16;
    for (let k = 1; k < 5; k++) links[link + Link.Header + k] = words[at + k];
    links[link + Link.Serial] = ++this.#serial;
    links[link + Link.Slot] = -1;
    links[link + Link.Vlan] = vlan;
    links[link + Link.Interface] = routed ? to : -1;
    links[link + Link.PortList] = this.#bridge.aclIn[from];
    links[link + Link.VlanList] = this.#bridge.vlanAclIn[vlan];
    links[link + Link.InterfaceList] = routed ? image.aclIn[to] : -1;
    links[link + Link.Kind] = batch.kind[i];
  }

  /** Finds the lead of a frame whose link header is remembered. @returns false: it is for the decider */
  #follow(link: number, at: number): boolean {
    const links = this.#links;
    const lead = this.#lead;
    lead[Lead.Set] = -1;
    lead[Lead.Hop] = -1;
    lead[Lead.Host] = 0;
    lead[Lead.Denied] = 0;
    lead[Lead.Hits] = 0;
    const kind = links[link + Link.Kind];
    if (kind !== Kind.Ipv4 && kind !== Kind.Ipv6) return false;
    const start = (at << 2) + 2;
    const l3 = isTagged(this.#words[at + 3]) ? start + 18 : start + 14;
    if (this.#lists.length > 0) {
      this.#acls.showPlain(start, l3, kind === Kind.Ipv4, links[link + Link.Vlan]);
      if (!this.#meets(links[link + Link.PortList]) || !this.#meets(links[link + Link.VlanList])) {
        lead[Lead.Denied] = 1;
        return lead[Lead.Hits] >= 0;
      }
    }
    const router = this.#router;
    if (router === null || links[link + Link.Interface] < 0) return true;
    if (!this.#meets(links[link + Link.InterfaceList])) return lead[Lead.Hits] >= 0;
    return kind === Kind.Ipv4 ? this.#route4(router, l3) : this.#route6(router, l3);
  }

  /** Asks a list about the packet that was shown. @returns whether it goes on; if not, no hits (-1) mean that it is for the decider */
  #meets(acl: number): boolean {
    if (acl < 0) return true;
    const rule = this.#acls.matchPacket(acl);
    if (rule < 0) return true;
    const lead = this.#lead;
    const { action, log } = this.#lists[acl];
    const listed = rule < action.length;
    const verdict = listed ? action[rule] : AclAction.Deny;
    const count = lead[Lead.Hits];
    if ((listed && log[rule] === 1) || verdict === AclAction.Reject || count === MOST_COUNTS) {
      lead[Lead.Hits] = -1;
      return false;
    }
    lead[Lead.FirstHit + count] = (acl << 20) | rule;
    lead[Lead.Hits] = count + 1;
    return verdict === AclAction.Allow;
  }

  #route4({ image, fib }: RouterParts, l3: number): boolean {
    const bytes = this.#bytes;
    const from = bytes.getInt32(l3 + 12);
    const to = bytes.getInt32(l3 + 16);
    if (isMartian4(from, to) || isMulticast4(to)) return false;
    const set = fib.lookup4(to);
    if (set < 0) return false;
    const hash = fib.isMultipath(set) ? plainHash4(bytes, l3, image.hashKeys) : 0;
    const hop = fib.hop(set, hash);
    const kind = image.hopKind[hop];
    const lead = this.#lead;
    lead[Lead.Set] = set;
    lead[Lead.Hop] = hop;
    if (kind === HopKind.Connected) lead[Lead.Host] = to;
    return kind === HopKind.Connected || kind === HopKind.Via || kind === HopKind.Blackhole;
  }

  /** Hosts on a link are for the decider: they are as many as senders like, and four words long. */
  #route6({ image, fib }: RouterParts, l3: number): boolean {
    const bytes = this.#bytes;
    if (bytes.getUint8(l3 + 24) === 0xff || isMartian6(bytes, l3)) return false;
    const set = fib.lookup6(
      bytes.getInt32(l3 + 24),
      bytes.getInt32(l3 + 28),
      bytes.getInt32(l3 + 32),
      bytes.getInt32(l3 + 36),
    );
    if (set < 0) return false;
    const hash = fib.isMultipath(set) ? plainHash6(bytes, l3, image.hashKeys) : 0;
    const hop = fib.hop(set, hash);
    const kind = image.hopKind[hop];
    this.#lead[Lead.Set] = set;
    this.#lead[Lead.Hop] = hop;
    return kind === HopKind.Via || kind === HopKind.Blackhole;
  }

  /** Place of the decision that the lead of a frame with a link header leads to. */
  #linePlace(serial: number): number {
    const lead = this.#lead;
    let sum =
      Math.imul(serial, 0x9e3779b1) + Math.imul(lead[Lead.Hop], 0x85ebca6b) + Math.imul(lead[Lead.Host], 0xc2b2ae35);
    const end = Lead.FirstHit + lead[Lead.Hits];
    for (let k = Lead.FirstHit as number; k < end; k++) sum = Math.imul((sum + lead[k]) | 0, 0x27d4eb2f);
    return (((sum >>> 13) ^ (sum >>> 2)) & (LINES - 1)) * Line.WIDTH;
  }

  /** Whether a decision counts for the very rules that the frame has met. */
  #isMet(d: number): boolean {
    const decisions = this.#decisions;
    const lead = this.#lead;
    const hits = lead[Lead.Hits];
    if (decisions[d + D.Hits] !== hits) return false;
    for (let k = 0; k < hits; k++) if (decisions[d + D.FirstHit + k * EACH] !== lead[Lead.FirstHit + k]) return false;
    return true;
  }

  /** Whether the addresses that a decision leads to are what they were; the neighbour is used. */
  #isProved(d: number, at: number): boolean {
    const decisions = this.#decisions;
    if (!isStillFlooded(this.#macs, decisions, d, this.#words, at)) return false;
    const slot = decisions[d + D.MacSlot];
    if (slot >= 0 && this.#macs.version(slot) !== decisions[d + D.MacVersion]) return false;
    const neighbor = decisions[d + D.NeighborSlot];
    const router = this.#router;
    if (neighbor < 0 || router === null) return true;
    if (router.neighbors.version(neighbor) !== decisions[d + D.NeighborVersion]) return false;
    router.neighbors.markUsed(neighbor);
    return true;
  }

  /** Whether lists on the way out had a say in the draft: the lead tells nothing of them. @param vlan that the frame came by */
  #leavesByList(vlan: number): boolean {
    const decisions = this.#decisions;
    const draft = this.#draft;
    const lead = this.#lead;
    if (decisions[draft + D.Reason] === Drop.AclOut) return true;
    if ((decisions[draft + D.Flags] & Does.Forward) === 0) return false;
    const { aclOut, vlanAclOut } = this.#bridge;
    const image = this.#router?.image;
    const hop = lead[Lead.Hop];
    if (image === undefined || hop < 0) return vlanAclOut[vlan] >= 0 || aclOut[decisions[draft + D.Port]] >= 0;
    const out = image.hopInterface[hop];
    return image.aclOut[out] >= 0 || vlanAclOut[image.vlan[out]] >= 0 || aclOut[decisions[draft + D.Port]] >= 0;
  }
}

/** Whether the word with the type, as it lies in a frame, has a tag's there. */
function isTagged(word: number): boolean {
  const type = word >>> 16;
  return type === 0x0081 || type === 0xa888;
}
