import { isDeepStrictEqual } from 'node:util';
import { claimOf, type DeviceEntry, type DeviceStore, type DeviceWish, isSameDevice } from './devices.ts';

/**
 * The change of a switch's devices into those that are wished for. `open` does all that may fail; `finish` closes those that are no
 * longer wished for, once nobody uses them. Where a new device needs what an old one has (the same TAP with other settings), the
 * old one is closed first, and opened again if that fails.
 */
export class DeviceChange {
  /** Indices of devices that are open now and were not before, or not so. */
  readonly opened = new Set<number>();
  readonly #devices: DeviceStore;
  readonly #wishes: readonly DeviceWish[];
  readonly #reassign: (index: number) => Promise<void>;
  readonly #toClose: DeviceEntry[] = [];
  /** What was done, undone: the last first. */
  readonly #undo: (() => void | Promise<void>)[] = [];

  /** @param reassign tells workers again whose frames a device carries that had to be opened once more */
  constructor(devices: DeviceStore, wishes: readonly DeviceWish[], reassign: (index: number) => Promise<void>) {
    this.#devices = devices;
    this.#wishes = wishes;
    this.#reassign = reassign;
  }

  /** @throws UserError, LinuxError; the devices are as they were then */
  async open(): Promise<void> {
    const kept = new Map<string, DeviceEntry>();
    for (const entry of this.#devices.all) {
      const wish = this.#wishes.find(({ key }) => key === entry.wish.key);
      if (wish !== undefined && isSameDevice(wish, entry.wish)) kept.set(wish.key, entry);
      else this.#toClose.push(entry);
    }
    try {
      const waiting: DeviceWish[] = [];
      for (const wish of this.#wishes) {
        const entry = kept.get(wish.key);
        if (entry !== undefined) this.#adjust(entry, wish);
        else if (this.#holder(wish) === undefined) await this.#open(wish);
        else waiting.push(wish);
      }
      for (const wish of waiting) await this.#replace(wish);
    } catch (error) {
      for (const undo of this.#undo.reverse()) await undo();
      throw error;
    }
  }

  /** Closes what nobody uses any more. */
  async finish(): Promise<void> {
    for (const entry of this.#toClose) if (this.#devices.get(entry.index) === entry) await this.#devices.close(entry);
  }

  #adjust(entry: DeviceEntry, wish: DeviceWish): void {
    if (!isDeepStrictEqual(entry.wish, wish)) this.#undo.push(this.#devices.adjust(entry, wish));
  }

  async #open(wish: DeviceWish, at?: number): Promise<void> {
    const entry = await this.#devices.open(wish, at);
    this.opened.add(entry.index);
    this.#undo.push(() => this.#devices.close(entry));
  }

  /** Who has what the wish needs, and is to be closed. */
  #holder(wish: DeviceWish): DeviceEntry | undefined {
    const claim = claimOf(wish);
    if (claim === null) return undefined;
    return this.#toClose.find((entry) => claimOf(entry.wish) === claim && this.#devices.get(entry.index) === entry);
  }

  /** Opens a device in the place of the one that has what it needs. */
  async #replace(wish: DeviceWish): Promise<void> {
    const holder = this.#holder(wish);
    if (holder === undefined) {
      await this.#open(wish);
      return;
    }
    await this.#devices.close(holder);
    this.#undo.push(async () => {
      await this.#devices.open(holder.wish, holder.index);
      await this.#reassign(holder.index);
    });
    await this.#open(wish, holder.index);
  }
}
