import type { Uring } from '../../native-free/uring.ts';
import * as abi from '../../native-free/uring-abi.ts';
import type { Watch } from './io.ts';

/** A file with a multishot poll. */
export class UringWatch implements Watch {
  ready = false;
  ended = false;
  readonly fd: number;
  readonly place: number;
  /** Tells this poll from that of an earlier file in the same place. */
  readonly generation: number;
  /** Whether the kernel holds a poll, was asked to give it up, and whether nobody wants it any more. */
  polled = false;
  cancelled = false;
  ending = false;

  constructor(fd: number, place: number, generation: number) {
    this.fd = fd;
    this.place = place;
    this.generation = generation;
  }

  end(): void {
    this.ending = true;
  }
}

/**
 * Watched files of one ring. A poll holds its file open, so it is called off when the watch ends, and its place is free when the
 * kernel has said that the poll is over.
 */
export class UringWatches {
  readonly #uring: Uring;
  readonly #mark: number;
  readonly #cancelMark: number;
  readonly #places: (UringWatch | null)[] = [];
  #generation = 0;
  /** Watches that are there, those that end included. */
  count = 0;

  /** @param mark what user data of our polls holds besides the place @param cancelMark user data of what calls them off */
  constructor(uring: Uring, mark: number, cancelMark: number) {
    this.#uring = uring;
    this.#mark = mark;
    this.#cancelMark = cancelMark;
  }

  add(fd: number): UringWatch {
    const free = this.#places.indexOf(null);
    const place = free < 0 ? this.#places.length : free;
    this.#generation = (this.#generation + 1) & 0x7fff_ffff;
    const watch = new UringWatch(fd, place, this.#generation);
    this.#places[place] = watch;
    this.count++;
    return watch;
  }

  /** Asks for polls that are to be, and calls those off that are to end. Once a turn, before the kernel is entered. */
  arm(): void {
    const places = this.#places;
    for (let place = 0; place < places.length; place++) {
      const watch = places[place];
      if (watch === null) continue;
      if (watch.ending) {
        if (!watch.polled) {
          places[place] = null;
          this.count--;
        } else if (!watch.cancelled) {
          watch.cancelled = this.#uring.cancel(this.#mark | place, watch.generation, this.#cancelMark, 0);
        }
      } else if (!watch.polled && !watch.ended) {
        watch.polled = this.#uring.pollFd(watch.fd, this.#mark | place, watch.generation);
      }
    }
  }

  heard(place: number, generation: number, result: number, flags: number): void {
    const watch = this.#places[place];
    if (watch === null || watch === undefined || watch.generation !== generation) return;
    if ((flags & abi.CQE_MORE) === 0) watch.polled = false;
    watch.ready = true;
    if (result < 0 || (result & (abi.POLLERR | abi.POLLHUP)) !== 0) watch.ended = true;
  }
}
