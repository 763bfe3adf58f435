import { linuxError } from '../../../native-free/errors.ts';
import * as ffi from '../../../native-free/ffi.ts';
import { withNetns } from '../../../native-free/netns.ts';
import { parseAddress } from '../../control/config/address.ts';
import type { Address } from '../../control/config/model.ts';

/** Source: sys/socket.h, netinet/in.h, asm-generic/socket.h, linux/udp.h, linux/sock_diag.h. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const SOCKADDR_IN_SIZE = 16;
const SOCKADDR_IN6_SIZE = 28;

/** Level and name of each option that we set, as `setsockopt` takes them. */
export const SocketOption = {
  ReuseAddress: [1, 2],
  SendBuffer: [1, 7],
  ReceiveBuffer: [1, 8],
  Broadcast: [1, 6],
  /** Beyond net.core.rmem_max; needs CAP_NET_ADMIN. */
  ReceiveBufferForce: [1, 33],
  SendBufferForce: [1, 32],
  Error: [1, 4],
  Ttl: [0, 2],
  /** ICMP errors fail the next call on the socket. */
  ReceiveErrors: [0, 11],
  ReceiveErrors6: [41, 25],
  HopLimit6: [41, 16],
  /** UDP_SEGMENT: one send of several segments of that many bytes. Linux 4.18. */
  UdpSegment: [17, 103],
} as const;

/** Words of SO_MEMINFO, and the one that counts what the full receive buffer made the kernel drop. */
const SO_MEMINFO = 55;
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

/** Where the kernel reads an option: memory that was made for one call might be gone before the kernel looks. */
const option = new Int32Array(new SharedArrayBuffer(4));
const optionAddress = ffi.pin(option);

export type SocketKind = 'udp' | 'tcp' | 'echo';

/** @returns the address, or throws a sentence */
export function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is no IP address`);
  return address;
}

/** struct sockaddr_in or sockaddr_in6. */
function socketAddress(address: Address, port: number): Uint8Array<SharedArrayBuffer> {
  const v4 = address.family === 4;
  const bytes = ffi.sharedBytes(v4 ? SOCKADDR_IN_SIZE : SOCKADDR_IN6_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, v4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  address.words.forEach((word, i) => {
    view.setUint32((v4 ? 4 : 8) + i * 4, word);
  });
  return bytes;
}

/**
 * A non-blocking socket of the kernel that lives in a namespace of our choice, whatever thread uses it later: so the lab sends
 * from any host without a process there. `echo` is the unprivileged ICMP datagram socket (icmp(7)): no raw socket is opened.
 * Calls that may fail in the course of things return -errno, the others throw a LinuxError.
 */
export class Socket {
  readonly fd: number;
  readonly family: 4 | 6;
  /** What UDP_SEGMENT was set to by whoever sends. */
  segment = 0;
  readonly #bytes = ffi.sharedBytes(2048);
  readonly #address: ffi.Pointer;
  #closed = false;

  /** @param netns undefined: the namespace of the calling thread */
  constructor(kind: SocketKind, family: 4 | 6, netns?: string) {
    const domain = family === 4 ? AF_INET : AF_INET6;
    const protocol = kind !== 'echo' ? 0 : family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    const type = (kind === 'tcp' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK_CLOEXEC;
    this.family = family;
    this.fd = withNetns(netns, () => ffi.orErrno(ffi.socket(domain, type, protocol)));
    if (this.fd < 0) throw linuxError('socket', `${kind} in namespace ${netns ?? 'ours'}`, -this.fd);
    this.#address = ffi.address(this.#bytes);
  }

  bind(address: string, port: number): void {
    const bytes = socketAddress(addressOf(address), port);
    this.#bytes.set(bytes);
    const result = ffi.orErrno(ffi.bind(this.fd, this.#address, bytes.length));
    if (result < 0) throw linuxError('bind', `${address} port ${port}`, -result);
  }

  /** @returns 0 or -errno; -EINPROGRESS for TCP: then poll for `writable` and ask for `error` */
  connect(address: string, port: number): number {
    const bytes = socketAddress(addressOf(address), port);
    this.#bytes.set(bytes);
    return ffi.orErrno(ffi.connect(this.fd, this.#address, bytes.length));
  }

  /** @returns false where the kernel does not take it */
  set([level, name]: readonly [number, number], value: number): boolean {
    option[0] = value;
    return ffi.setsockopt(this.fd, level, name, optionAddress, 4) >= 0;
  }

  /** @returns the pending error as errno, 0 for none; asking clears it */
  error(): number {
    return this.#get(SocketOption.Error[0], SocketOption.Error[1], 1)[0];
  }

  /** Datagrams that the kernel dropped here since the receive buffer was full. Linux 4.12. */
  drops(): number {
    return this.#get(1, SO_MEMINFO, MEMINFO_WORDS)[MEMINFO_DROPS];
  }

  /** @returns bytes or -errno */
  send(payload: Uint8Array): number {
    this.#bytes.set(payload);
    return ffi.orErrno(ffi.write(this.fd, this.#address, BigInt(payload.length)));
  }

  /** @returns what came, or -errno; valid until the next call */
  receive(): Uint8Array | number {
    const length = ffi.orErrno(ffi.read(this.fd, this.#address, 2048n));
    return length < 0 ? length : this.#bytes.subarray(0, length);
  }

  close(): void {
    if (!this.#closed) ffi.close(this.fd);
    this.#closed = true;
  }

  #get(level: number, name: number, words: number): Int32Array {
    const cells = new Int32Array(new SharedArrayBuffer(words * 4 + 4));
    const length = cells.subarray(words);
    length[0] = words * 4;
    ffi.getsockopt(this.fd, level, name, ffi.address(cells), ffi.address(length));
    return cells.subarray(0, words);
  }
}
