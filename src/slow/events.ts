import { Rate } from './rate.ts';

/**
 * What the slow path tells the log. `suppressed`: events of the same kind that were left out since the last one. MACs and
 * addresses are text, as people read them.
 */
export type SlowEvent = { readonly tenant: string; readonly suppressed: number } & SlowEventBody;

export type SlowEventBody =
  | {
      readonly kind: 'neighbor-resolved' | 'neighbor-changed';
      readonly interface: string;
      readonly address: string;
      readonly mac: string;
      /** The MAC address before; null when there was none. */
      readonly before: string | null;
    }
  | { readonly kind: 'neighbor-failed' | 'neighbor-refused'; readonly interface: string; readonly address: string }
  | {
      /** Another station uses one of the router's own addresses (RFC 5227, section 2.4; RFC 4862, section 5.4.4). */
      readonly kind: 'address-conflict';
      readonly interface: string;
      readonly address: string;
      readonly mac: string;
      readonly defended: boolean;
    }
  | {
      /** It has moved; it moves more often than its bridge allows. */
      readonly kind: 'mac-move' | 'mac-flap';
      readonly vlan: number;
      readonly mac: string;
      /** Index of the tenant's port that the MAC was seen on just now. */
      readonly port: number;
    }
  | {
      readonly kind: 'acl-log';
      readonly acl: number;
      readonly rule: number;
      readonly egress: boolean;
      readonly port: number;
      readonly vlan: number;
      readonly interface: string | null;
      /** Length on the wire, and the beginning of the frame. */
      readonly frameLength: number;
      readonly frame: Uint8Array;
    }
  | { readonly kind: 'icmp-rate-limited' };

/** Lets at most `perSecond` events of each kind through and counts what it leaves out: a log must not be a way to fill a disc. */
export class EventGate {
  readonly #tenant: string;
  readonly #out: (event: SlowEvent) => void;
  readonly #perSecond: number;
  readonly #kinds = new Map<SlowEventBody['kind'], { readonly rate: Rate; suppressed: number }>();

  constructor(tenant: string, perSecond: number, out: (event: SlowEvent) => void) {
    this.#tenant = tenant;
    this.#perSecond = perSecond;
    this.#out = out;
  }

  emit(nowMs: number, body: SlowEventBody): void {
    let kind = this.#kinds.get(body.kind);
    if (kind === undefined) {
      kind = { rate: new Rate(this.#perSecond, this.#perSecond), suppressed: 0 };
      this.#kinds.set(body.kind, kind);
    }
    if (!kind.rate.take(nowMs)) {
      kind.suppressed++;
      return;
    }
    const { suppressed } = kind;
    kind.suppressed = 0;
    this.#out({ tenant: this.#tenant, suppressed, ...body });
  }
}
