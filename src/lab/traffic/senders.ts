import { linuxError } from '../../../native-free/errors.ts';
import * as ffi from '../../../native-free/ffi.ts';
import { frame } from '../../wire/build.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as udp from '../../wire/udp.ts';
import { Messages } from './messages.ts';
import { writeDatagram } from './pattern.ts';
import { addressOf, Socket, SocketOption } from './sockets.ts';

/** Sends the datagrams `sequence` to `sequence + count - 1` of a flow. @returns how many frames the kernel took, or -errno */
export interface Sender {
  send(flow: number, sequence: number, count: number): number;
}

export interface Target {
  readonly to: string;
  readonly port: number;
  /** Source ports of the flows count up from here. */
  readonly from: number;
  readonly flows: number;
  readonly run: number;
}

export const SEGMENT = 1200;
const SEGMENTS = 10;

/** A connected UDP socket a flow. */
export function openSockets({ to, port, from, flows }: Target): readonly Socket[] {
  const { family } = addressOf(to);
  return Array.from({ length: flows }, (_, flow) => {
    const socket = new Socket('udp', family);
    socket.set(SocketOption.SendBufferForce, 4 << 20);
    socket.set(SocketOption.Broadcast, 1);
    socket.bind(family === 4 ? '0.0.0.0' : '::', from + flow);
    const result = socket.connect(to, port);
    if (result < 0) throw linuxError('connect', to, -result);
    return socket;
  });
}

/** Through UDP sockets, as any program would send. */
export class SocketSender implements Sender {
  readonly #sockets: readonly Socket[];
  readonly #messages: Messages;
  readonly #payload: number;
  readonly #run: number;

  constructor(sockets: readonly Socket[], run: number, payload: number, most: number) {
    this.#sockets = sockets;
    this.#run = run;
    this.#payload = payload;
    this.#messages = new Messages(most, (payload + 63) & ~63);
    for (let i = 0; i < most; i++) this.#messages.setLength(i, payload);
  }

  send(flow: number, sequence: number, count: number): number {
    const messages = this.#messages;
    for (let i = 0; i < count; i++) {
      writeDatagram(messages.bytes, i * messages.stride, this.#payload, this.#run, sequence + i, flow);
    }
    return messages.send(this.#sockets[flow].fd, count, 0);
  }
}

/** Super-frames: each send is several numbered datagrams that the kernel, or the last switch on the way, cuts apart (UDP_SEGMENT). */
export class SuperSender implements Sender {
  /** Datagrams of a super-frame. */
  readonly segments = SEGMENTS;
  readonly #sockets: readonly Socket[];
  readonly #messages = new Messages(1, SEGMENT * SEGMENTS);
  readonly #run: number;

  /** @param sockets from now on they send what is longer than a segment as a super-frame */
  constructor(sockets: readonly Socket[], run: number) {
    this.#sockets = sockets;
    this.#run = run;
    for (const socket of sockets) {
      if (!socket.set(SocketOption.UdpSegment, SEGMENT))
        throw linuxError('setsockopt(UDP_SEGMENT)', 'a socket', ffi.errno());
    }
  }

  send(flow: number, sequence: number): number {
    const { bytes } = this.#messages;
    for (let i = 0; i < SEGMENTS; i++) writeDatagram(bytes, i * SEGMENT, SEGMENT, this.#run, sequence + i, flow);
    const sent = this.#messages.send(this.#sockets[flow].fd, 1, 0);
    return sent > 0 ? SEGMENTS : sent;
  }
}

/** Longest payload of a super-datagram, and most segments of one that every kernel takes (UDP_MAX_SEGMENTS). */
const MOST_BYTES = 65_000;
const MOST_SEGMENTS = 64;

/** Datagrams of one size, many to a call: the kernel cuts them apart (UDP_SEGMENT). */
export class SegmentSender implements Sender {
  /** Datagrams that one call sends at most. */
  readonly most: number;
  readonly #sockets: readonly Socket[];
  readonly #messages: Messages;
  readonly #payload: number;
  readonly #run: number;

  constructor(sockets: readonly Socket[], run: number, payload: number, most: number) {
    this.most = Math.max(1, Math.min(most, MOST_SEGMENTS, Math.floor(MOST_BYTES / payload)));
    this.#sockets = sockets;
    this.#run = run;
    this.#payload = payload;
    this.#messages = new Messages(1, this.most * payload);
  }

  send(flow: number, sequence: number, count: number): number {
    const messages = this.#messages;
    const payload = this.#payload;
    const socket = this.#sockets[flow];
    // Senders of other sizes use the same sockets.
    if (socket.segment !== payload) {
      if (!socket.set(SocketOption.UdpSegment, payload))
        throw linuxError('setsockopt(UDP_SEGMENT)', 'a socket', ffi.errno());
      socket.segment = payload;
    }
    for (let i = 0; i < count; i++) {
      writeDatagram(messages.bytes, i * payload, payload, this.#run, sequence + i, flow);
    }
    messages.setLength(0, count * payload);
    return messages.send(socket.fd, 1, 0) > 0 ? count : 0;
  }
}

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const SOCKADDR_LL_SIZE = 20;
const HEADERS = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + udp.HEADER_LENGTH;
const SOURCE_PORT = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + udp.Offset.Source;

export interface Wire {
  readonly device: string;
  readonly source: string;
  readonly sourceMac: string;
  readonly destinationMac: string;
}

/**
 * Straight into a device, past the sender's IP stack, which would cost more than the switch that is measured: a generator's way,
 * IPv4 alone, UDP without checksum (RFC 768 allows it). Source: packet(7).
 */
export class DeviceSender implements Sender {
  readonly #fd: number;
  readonly #messages: Messages;
  readonly #payload: number;
  readonly #target: Target;

  constructor(target: Target, wire: Wire, payload: number, most: number) {
    this.#target = target;
    this.#payload = payload;
    this.#fd = openDevice(wire.device);
    const template = frame({
      ethernet: { destination: wire.destinationMac, source: wire.sourceMac },
      ipv4: { source: wire.source, destination: target.to },
      udp: { source: target.from, destination: target.port, checksum: false },
      payload,
    });
    this.#messages = new Messages(most, (template.length + 63) & ~63);
    const { bytes, stride } = this.#messages;
    for (let i = 0; i < most; i++) {
      new Uint8Array(bytes.buffer).set(template, i * stride);
      this.#messages.setLength(i, template.length);
    }
  }

  send(flow: number, sequence: number, count: number): number {
    const { bytes, stride } = this.#messages;
    const { from, run } = this.#target;
    for (let i = 0; i < count; i++) {
      bytes.setUint16(i * stride + SOURCE_PORT, from + flow);
      writeDatagram(bytes, i * stride + HEADERS, this.#payload, run, sequence + i, flow);
    }
    return this.#messages.send(this.#fd, count, 0);
  }
}

function openDevice(device: string): number {
  const fd = ffi.orErrno(ffi.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0));
  if (fd < 0) throw linuxError('socket', `device ${device}`, -fd);
  const one = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  ffi.setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, ffi.pin(one), 4);
  const address = new DataView(new SharedArrayBuffer(SOCKADDR_LL_SIZE));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, ethernet.EtherType.Ipv4);
  address.setInt32(4, ffi.ifNameToIndex(device), true);
  const result = ffi.orErrno(ffi.bind(fd, ffi.address(address), SOCKADDR_LL_SIZE));
  if (result < 0) throw linuxError('bind', `device ${device}`, -result);
  return fd;
}
