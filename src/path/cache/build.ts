import type { Pool } from '../../frame/pool.ts';
import type { Ledger } from '../../observe/ledger.ts';
import type { MacTable } from '../../table/mac-table.ts';
import type { Acls } from '../acl.ts';
import type { Devices } from '../devices.ts';
import type { GuardIn } from '../guard-in.ts';
import type { TenantImage } from '../image.ts';
import type { Parse } from '../parse.ts';
import type { PortSecurity } from '../port-security.ts';
import type { RouterParts } from '../router-parts.ts';
import type { RuleStore } from '../rules/store.ts';
import type { Watch } from '../tap/watch.ts';
import { Decider } from './decide.ts';
import { Decisions } from './decision.ts';
import { CacheFit } from './fit.ts';
import { FlowCache } from './flow-cache.ts';
import { DecisionMemo } from './memo.ts';
import { RuleDecider } from './rule-decider.ts';

export interface CacheParts {
  readonly pool: Pool;
  readonly image: TenantImage;
  readonly worker: number;
  readonly devices: Devices;
  readonly ledger: Ledger;
  readonly macs: MacTable;
  readonly acls: Acls;
  readonly parse: Parse;
  readonly guard: GuardIn;
  readonly security: PortSecurity | null;
  readonly router: RouterParts | null;
  /** Null: the tenant has no rule tables. */
  readonly store: RuleStore | null;
  /** Null: nobody looks. */
  readonly watch: Watch | null;
  /** What the cache has done, `WorkCount`. */
  readonly counts: Float64Array;
}

export interface BuiltCache {
  readonly cache: FlowCache;
  /** Null: no rules, after which the flow cache might have to look at something else. */
  readonly fit: CacheFit | null;
}

/** The flow cache of a path. @param old of the path before, which goes on with its code and memory; null: there is none */
export function buildCache(parts: CacheParts, old: FlowCache | null): BuiltCache {
  const { pool, image, worker, devices, ledger, macs, acls, parse, guard, security, router, store, watch, counts } =
    parts;
  const { bridge } = image;
  const hits = image.acls.map((acl) => acl.hits[worker]);
  const decisions = old?.decisions ?? new Decisions(pool.words, ledger, hits, store?.counts ?? null);
  if (old !== null) decisions.follow(hits);
  const taps = watch?.taps ?? null;
  const tapped = taps?.drops ?? false;
  const idle = watch !== null && watch.observer !== null;
  const rules =
    store === null || image.rules === null
      ? null
      : new RuleDecider({ pool, store, image: image.rules, worker, bridge, devices, decisions });
  const decider = new Decider({ pool, image, ledger, parse, security, acls, macs, router, decisions, rules, taps });
  // Port security looks at more than it tells apart; a bridge alone at nothing else.
  const remembers = security === null && !idle && (router !== null || image.acls.length > 0);
  const memo = remembers ? new DecisionMemo({ pool, image, acls, macs, router, decisions }) : null;
  const [neighbors, fib] = [router?.neighbors ?? null, router?.fib ?? null];
  const known = { pool, image, devices, guard, macs, neighbors, fib, parse, tapped, idle, counts };
  const context = { ...known, decisions, decider, memo };
  old?.follow(context);
  const cache = old ?? new FlowCache(context);
  const fit = store === null || rules === null ? null : new CacheFit(cache, image, store, rules.links, tapped);
  return { cache, fit };
}
