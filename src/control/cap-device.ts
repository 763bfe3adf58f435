import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { UserError } from '../errors.ts';
import { CapEnd, type CapHandles } from '../port/cap-port.ts';

/** What we use of the package `cap` 0.2.1, a binding of libpcap. */
interface Capture extends EventEmitter {
  /** @param buffer where every frame is put; no reference is kept, so who opens must hold it @returns name of the link type */
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  /** @throws Error with libpcap's words */
  send(buffer: Buffer, length: number): void;
  close(): boolean;
}
type Library = { readonly Cap: new () => Capture };

/** Longest frame that the package captures, and what the kernel keeps until we read it; bytes. */
const LONGEST = 65_535;
const KERNEL_BUFFER = 4 << 20;
/** Frames that the device receives; what the machine itself sends by it is not for the switch. */
const FILTER = 'inbound';

const CURE =
  'run sh bin/install-cap in the folder of Tapyard: it installs libpcap-dev where it may, and builds the package';

function lacking(message: string, cause?: unknown): UserError {
  return new UserError('package-missing', message, CURE, { cause });
}

/**
 * Loads the package, which is there only if somebody wants it.
 * @param from where it is looked for
 * @throws UserError when it is absent, was built for another Node, or would end the process when its device goes down
 */
export function loadCap(from: string | URL = import.meta.url): Library {
  const require = createRequire(from);
  let binary: string;
  try {
    binary = require.resolve('cap/build/Release/cap.node');
  } catch (cause) {
    throw lacking('A cap port needs the package cap, which is not installed', cause);
  }
  // Unless it was built with NDEBUG, an assertion ends the whole process as soon as the device goes down.
  if (readFileSync(binary).includes('status == 0'))
    throw lacking(`The package cap at ${binary} was built so that a device that goes down would end the switch`);
  try {
    return require('cap') as Library;
  } catch (cause) {
    throw lacking(`The package cap at ${binary} cannot be loaded: ${firstLine(cause)}`, cause);
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 200);
}

/** A device that is captured from and sent to by libpcap, on the main thread; a worker owns the port. */
export class CapDevice {
  readonly handles: CapHandles;
  readonly #device: string;
  readonly #library: Library;
  readonly #end = new CapEnd();
  readonly #wakeWorker: () => void;
  /** Held as long as the device is open: libpcap's frames are copied here without anything telling the garbage collector. */
  readonly #received = Buffer.alloc(LONGEST);
  readonly #toSend = Buffer.alloc(1 << 17);
  #capture: Capture | null = null;
  #waking = false;
  #closed = false;

  /** @param wakeWorker wakes the worker that owns the port @throws UserError */
  constructor(device: string, wakeWorker: () => void, library: Library = loadCap()) {
    this.#device = device;
    this.#library = library;
    this.#wakeWorker = wakeWorker;
    this.handles = this.#end.handles;
    this.#open();
    void this.#send();
  }

  /** Opens the device again when its link is up again: the old capture has ended with the link. */
  linkChanged(up: boolean): void {
    this.#capture?.close();
    this.#capture = null;
    if (up && !this.#closed) this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#capture?.close();
    this.#capture = null;
    this.#end.bell.wake();
  }

  #open(): void {
    const capture = new this.#library.Cap();
    let linkType: string;
    try {
      linkType = capture.open(this.#device, FILTER, KERNEL_BUFFER, this.#received);
    } catch (cause) {
      const message = `libpcap cannot open ${this.#device}: ${firstLine(cause)}`;
      const cure = 'check the name, see that the device is up, and run as root or with CAP_NET_RAW';
      throw new UserError('capture-failed', message, cure, { cause });
    }
    if (linkType !== 'ETHERNET') {
      capture.close();
      const cure = 'choose a device with Ethernet frames';
      throw new UserError('capture-failed', `${this.#device} is no Ethernet device but ${linkType}`, cure);
    }
    capture.on('packet', (length: number, truncated: boolean) => {
      // What finds the ring full is lost as on a network card whose queue is full: before the switch.
      if (this.#end.push(this.#received.subarray(0, length), truncated)) this.#wake();
    });
    this.#capture = capture;
  }

  /** Wakes the worker once for all frames of one round of the event loop. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    setImmediate(() => {
      this.#waking = false;
      if (!this.#closed) this.#wakeWorker();
    });
  }

  async #send(): Promise<void> {
    let seen = 0;
    while (!this.#closed) {
      if (this.#end.drain(this.#toSend, (length) => this.#sendOne(length)) > 0) this.#wakeWorker();
      seen = await this.#end.bell.rung(seen);
    }
  }

  #sendOne(length: number): boolean {
    try {
      if (this.#capture === null) return false;
      this.#capture.send(this.#toSend, length);
      return true;
    } catch {
      // Too long for the device, or it is down: which, its port's books need not know.
      return false;
    }
  }
}
