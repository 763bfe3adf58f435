import * as ffi from '../../native-free/ffi.ts';
import { Socket } from '../lab/traffic/sockets.ts';

/** Source: linux/time.h; asm-generic/sockios.h: the time at which the datagram that was read last arrived, as struct timespec. */
const CLOCK_REALTIME = 0;
const SIOCGSTAMPNS = 0x8907;
const LENGTH = 18;

/** Datagrams of which it is measured how long they take between two namespaces, by the kernel's stamp of their arrival. */
export class Probe {
  sent = 0;
  readonly delaysMs: number[] = [];
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #time = new DataView(new SharedArrayBuffer(16));
  readonly #timeAddress = ffi.pin(new Uint8Array(this.#time.buffer as SharedArrayBuffer));
  readonly #payload = new Uint8Array(LENGTH);
  readonly #view = new DataView(this.#payload.buffer);

  /** @param netns where they arrive */
  constructor(to: string, port: number, netns: string) {
    this.#to = new Socket('udp', 4, netns);
    this.#to.bind(to, port);
    // What is asked for first turns stamps on, for what comes later.
    ffi.ioctl(this.#to.fd, SIOCGSTAMPNS, this.#timeAddress);
    this.#from = new Socket('udp', 4);
    this.#from.connect(to, port);
  }

  send(): void {
    ffi.clockGettime(CLOCK_REALTIME, this.#timeAddress);
    this.#view.setBigInt64(0, this.#nanoseconds());
    if (this.#from.send(this.#payload) > 0) this.sent++;
  }

  /** Takes all that have come. */
  receive(): void {
    for (let got = this.#to.receive(); typeof got !== 'number'; got = this.#to.receive()) {
      if (ffi.ioctl(this.#to.fd, SIOCGSTAMPNS, this.#timeAddress) < 0) continue;
      const began = new DataView(got.buffer, got.byteOffset).getBigInt64(0);
      this.delaysMs.push(Number(this.#nanoseconds() - began) / 1e6);
    }
  }

  #nanoseconds(): bigint {
    return this.#time.getBigInt64(0, true) * 1_000_000_000n + this.#time.getBigInt64(8, true);
  }
}
