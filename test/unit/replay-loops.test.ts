import { describe, expect, it } from 'vitest';
import { sumLoop } from '../../src/port/replay-loops.ts';
import { type Frame, frame } from '../../src/wire/build-frame.ts';

const STRIDE = 128;
const ADDRESSES = { source: '2001:db8::1', destination: '2001:db8::2' };

/** Bytes of frames, and how many of them want a closer look. @param bodies of each frame, -1: none */
function sumOf(shapes: readonly Frame[], bodies: readonly number[] = shapes.map(() => -1)): number[] {
  const halves = new Uint16Array((STRIDE * shapes.length) / 2);
  const frames = shapes.map(frame);
  for (const [i, bytes] of frames.entries()) new Uint8Array(halves.buffer).set(bytes, i * STRIDE + 2);
  const found = new Int32Array(2);
  const columns = {
    start: Int32Array.from(frames, (_, i) => i * STRIDE + 2),
    headLength: Int32Array.from(frames, ({ length }) => length),
    body: Int32Array.from(bodies),
    bodyLength: new Int32Array(frames.length).fill(1000),
  };
  sumLoop({ halves, ...columns, found })(0, frames.length);
  return [...found];
}

const udp4 = { ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, udp: { source: 1, destination: 2 } };
const udp6 = { ipv6: ADDRESSES, udp: { source: 1, destination: 2 } };

describe('what a replay port transmits', () => {
  it('is IPv4 and IPv6 that ask for nothing', () => {
    expect(sumOf([udp4, udp6, { ...udp4, vlan: 5 }, { ...udp6, vlan: 6 }])).toEqual([42 + 62 + 46 + 66, 0]);
  });

  it('is looked at where it may ask for a neighbour', () => {
    const solicitation = { ipv6: ADDRESSES, icmp: { type: 135 } };
    const request = {
      operation: 1,
      senderMac: '02:00:00:00:00:01',
      senderAddress: '10.0.0.1',
      targetAddress: '10.0.0.2',
    };
    expect(sumOf([udp6, solicitation])[1]).toBe(1);
    expect(sumOf([udp4, { arp: request }])[1]).toBe(1);
    expect(sumOf([{ arp: request, vlan: 5 }])[1]).toBe(1);
    expect(sumOf([{ ...solicitation, vlan: 5 }])[1]).toBe(1);
  });

  it('is looked at where it has a body to be given back', () => {
    expect(sumOf([udp4, udp6], [-1, 3])).toEqual([42 + 62 + 1000, 1]);
  });
});
