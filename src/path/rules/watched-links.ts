/** Devices whose state something was decided by, and what it was then: groups choose among buckets that watch a port. */
export class WatchedLinks {
  readonly #linkUp: Int32Array;
  readonly #devices: Int32Array;
  /** By device: 1 when it is among them. */
  readonly #known: Uint8Array;
  readonly #was: Int32Array;
  #count = 0;

  /** @param linkUp by device, 1: up */
  constructor(linkUp: Int32Array) {
    this.#linkUp = linkUp;
    this.#devices = new Int32Array(linkUp.length);
    this.#known = new Uint8Array(linkUp.length);
    this.#was = new Int32Array(linkUp.length);
  }

  /** @param device -1: a port that has none */
  watch(device: number): void {
    if (device < 0 || this.#known[device] === 1) return;
    this.#known[device] = 1;
    this.#was[device] = this.#linkUp[device];
    this.#devices[this.#count++] = device;
  }

  /** Whether one of them is not what it was. */
  haveChanged(): boolean {
    for (let k = 0; k < this.#count; k++) {
      const device = this.#devices[k];
      if (this.#linkUp[device] !== this.#was[device]) return true;
    }
    return false;
  }

  forget(): void {
    for (let k = 0; k < this.#count; k++) this.#known[this.#devices[k]] = 0;
    this.#count = 0;
  }
}
