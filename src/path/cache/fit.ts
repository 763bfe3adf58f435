import type { TenantImage } from '../image.ts';
import type { RuleStore } from '../rules/store.ts';
import type { WatchedLinks } from '../rules/watched-links.ts';
import type { FlowCache } from './flow-cache.ts';
import { sameShape, shapeOf } from './shape.ts';

/** The flow cache takes another shape at most so often. */
const RESHAPE_MS = 100;
/** No rule was asked yet what it looks at; and what is said where there are none but `NORMAL`. */
const UNKNOWN = -2;
const PLAIN = -1;

/** Sees to it that a tenant's flow cache is one for the rules as they are: they change while frames pass. */
export class CacheFit {
  readonly #cache: FlowCache;
  readonly #image: TenantImage;
  readonly #store: RuleStore;
  readonly #links: WatchedLinks;
  readonly #tapped: boolean;
  /** Rules that the cache was made for, what they look at, and when it took another shape last, milliseconds wrapped. */
  #version = 0;
  #looks = UNKNOWN;
  #reshaped = 0;

  /** @param links that decisions by groups rest on @param tapped whether somebody looks at frames that are dropped */
  constructor(cache: FlowCache, image: TenantImage, store: RuleStore, links: WatchedLinks, tapped: boolean) {
    this.#cache = cache;
    this.#image = image;
    this.#store = store;
    this.#links = links;
    this.#tapped = tapped;
  }

  /** @returns false: the flow cache may not be used for now */
  isFit(nowMs: number): boolean {
    const store = this.#store;
    if (store.version === this.#version && !this.#links.haveChanged()) return true;
    this.#links.forget();
    const looks = store.plain ? PLAIN : store.looks();
    // Nearly always a change is one among many rules, all of which together look at the same as before.
    if (looks === this.#looks) this.#cache.forget();
    else if (!this.#reshape(looks, nowMs)) return false;
    this.#version = store.version;
    return true;
  }

  #reshape(looks: number, nowMs: number): boolean {
    const shape = shapeOf(this.#image, looks === PLAIN ? null : looks, this.#tapped);
    if (!sameShape(shape, this.#cache.shape)) {
      // Code is made and warmed anew: not with every change of a storm of them.
      if (this.#version > 0 && (nowMs - this.#reshaped) >>> 0 < RESHAPE_MS) return false;
      this.#reshaped = nowMs;
    }
    this.#cache.reshape(shape);
    this.#looks = looks;
    return true;
  }
}
