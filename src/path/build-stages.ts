import type { Batch } from '../frame/batch.ts';
import type { Pool } from '../frame/pool.ts';
import type { Ledger } from '../observe/ledger.ts';
import type { MacTable } from '../table/mac-table.ts';
import { NeighborTable } from '../table/neighbor-table.ts';
import type { SharedBuckets } from '../table/shared-buckets.ts';
import type { Acls } from './acl.ts';
import { AclIn } from './acl-in.ts';
import { AclOut } from './acl-out.ts';
import { Adjacency } from './adjacency.ts';
import type { Devices } from './devices.ts';
import { Egress } from './egress.ts';
import { Emit } from './emit.ts';
import { Fib } from './fib.ts';
import { Forward } from './forward.ts';
import { GuardIn } from './guard-in.ts';
import { GuardOut } from './guard-out.ts';
import { Hold } from './hold.ts';
import { HopLimit } from './hop-limit.ts';
import { ROUTER_ROW, type TenantImage } from './image.ts';
import { InterfaceAclIn, InterfaceAclOut } from './interface-acl.ts';
import { Learn } from './learn.ts';
import { OffloadCheck } from './offload.ts';
import { wanted } from './order.ts';
import { Parse } from './parse.ts';
import { PortSecurity } from './port-security.ts';
import type { Punter } from './punter.ts';
import { ReservedAddresses } from './reserved.ts';
import { Route } from './route.ts';
import type { RouterParts } from './router-parts.ts';
import { RulesStage } from './rules/rules-stage.ts';
import type { RuleStore } from './rules/store.ts';
import type { Observer, OutStage, Stage } from './stage.ts';
import type { Watch } from './tap/watch.ts';
import { ToRouter } from './to-router.ts';
import { VlanIn } from './vlan-in.ts';
import { VlanOut } from './vlan-out.ts';
import { Waste } from './waste.ts';

const OUTPUTS = 1024;

export interface StageParts {
  readonly pool: Pool;
  readonly image: TenantImage;
  readonly worker: number;
  readonly devices: Devices;
  readonly buckets: SharedBuckets;
  readonly ledger: Ledger;
  readonly punter: Punter;
  readonly macs: MacTable;
  readonly acls: Acls;
  /** Null: the tenant has no rule tables. */
  readonly store: RuleStore | null;
  /** Null: nobody looks. */
  readonly watch: Watch | null;
  /** Takes a batch on the built-in way, and frames whose VLAN is known to the ports of their destinations; both empty it. */
  readonly normal: (batch: Batch) => void;
  readonly forward: (batch: Batch) => void;
}

export interface BuiltStages {
  readonly stages: readonly Stage[];
  readonly egress: Egress;
  /** Where in `stages` the built-in way begins, that of routed packets, and that of frames whose MACs and VLAN are final. */
  readonly fromNormal: number;
  readonly fromRoute: number;
  readonly fromForward: number;
  readonly parse: Parse;
  readonly guard: GuardIn;
  readonly security: PortSecurity | null;
  readonly rules: RulesStage | null;
  readonly router: RouterParts | null;
}

/** The stages that a tenant has work for, in the order of `order.ts`. */
export function buildStages(parts: StageParts): BuiltStages {
  const { pool, image, worker, devices, buckets, ledger, punter, macs, acls, store, watch } = parts;
  const { bridge, router: routed } = image;
  const observer: Observer | null = watch?.observer ?? watch?.clock ?? null;
  const has = wanted(image);
  const out = wayOut(parts, observer);
  const egress = new Egress(out, OUTPUTS);
  const parse = new Parse(pool);
  const guard = new GuardIn(pool, image, buckets);
  const security = has.portSecurity ? new PortSecurity(pool, bridge) : null;
  const bridging: Stage[] = [parse, new OffloadCheck(pool), guard, ...(security === null ? [] : [security])];
  let rules: RulesStage | null = null;
  if (image.rules !== null && store !== null) {
    rules = new RulesStage({
      ...{ pool, image: image.rules, worker, store, counts: store.counts, bridge, devices, ledger, punter, parse },
      tenant: image.index,
      routerRow: ROUTER_ROW,
      // A rule's output cannot get round the operator's last guards; ACLs and tags are the built-in way's alone.
      egress: new Egress(out.slice(-2), OUTPUTS),
      normal: parts.normal,
      forward: parts.forward,
      observer: observer?.rules ?? null,
    });
    bridging.push(rules);
  }
  const fromNormal = bridging.length;
  bridging.push(
    new VlanIn(pool, bridge),
    new ReservedAddresses(pool, bridge),
    ...optional(has.aclIn, () => new AclIn(acls, bridge)),
    new Learn(pool, macs, ledger, punter, routed),
  );
  const routing: Stage[] = [];
  let router: RouterParts | null = null;
  if (routed !== null) {
    const neighbors = NeighborTable.attach(routed.neighbors);
    const fib = new Fib(routed);
    const hold = new Hold(pool, ledger, neighbors, routed, punter, image.frames, watch?.taps ?? null);
    router = { image: routed, fib, neighbors, hold };
    bridging.push(
      new ToRouter(pool, routed, fib, ledger, punter),
      ...optional(has.interfaceAclIn, () => new InterfaceAclIn(acls, routed)),
    );
    routing.push(
      new Route(pool, routed, fib, ledger, punter),
      ...optional(has.interfaceAclOut, () => new InterfaceAclOut(acls, routed)),
      new HopLimit(pool),
      new Adjacency(pool, routed, neighbors, hold),
    );
  }
  const all = [...bridging, ...routing, new Forward(pool, macs, bridge, ledger, buckets, egress)];
  const stages = observer === null ? all : all.map((stage) => observer.in(stage));
  const from = { fromNormal, fromRoute: bridging.length, fromForward: all.length - 1 };
  return { stages, egress, ...from, parse, guard, security, rules, router };
}

function wayOut(parts: StageParts, observer: Observer | null): OutStage[] {
  const { pool, image, devices, ledger, acls, store, watch } = parts;
  const { bridge } = image;
  const taps = watch?.taps ?? null;
  const waste = new Waste(pool, ledger, taps);
  const stages: OutStage[] = [
    ...optional(wanted(image).aclOut, () => new AclOut(acls, bridge, waste)),
    new VlanOut(pool, bridge, waste),
    new GuardOut(pool, bridge, devices, waste, store?.blocked ?? null),
    new Emit(pool, ledger, devices, bridge, image.index, taps),
  ];
  return observer === null ? stages : stages.map((stage) => observer.out(stage));
}

/** A stage, made only where the tenant needs it. */
function optional<Made>(needed: boolean, make: () => Made): Made[] {
  return needed ? [make()] : [];
}
