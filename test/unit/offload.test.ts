import { describe, expect, it } from 'vitest';
import { Batch, Fate } from '../../src/frame/batch.ts';
import { Drop } from '../../src/observe/drop.ts';
import { MOST_SEGMENTS, OffloadCheck } from '../../src/path/offload.ts';
import { Parse } from '../../src/path/parse.ts';
import { poolOf, pushFrame, type Vnet } from '../support/frames.ts';
import { type Built, concat, type Packet, packet, pattern, view } from '../support/packets.ts';

const pool = poolOf(512, 64);

/** What the check makes of one frame; the slots are given back. */
function look(bytes: Uint8Array, vnet: Vnet, headSplit?: number) {
  const batch = new Batch();
  pushFrame(batch, pool, bytes, headSplit === undefined ? { vnet } : { vnet, headSplit });
  new Parse(pool).run(batch);
  new OffloadCheck(pool).run(batch);
  pool.release(batch.head[0]);
  pool.release(batch.body[0]);
  return {
    passes: batch.fate[0] === Fate.Live,
    reason: batch.fate[0] === Fate.Dropped ? batch.reason[0] : -1,
    segments: batch.segments[0],
    gsoType: batch.gsoType[0],
    gsoSize: batch.gsoSize[0],
    csumStart: batch.csumStart[0] - batch.start[0],
  };
}

const REFUSED = { passes: false, reason: Drop.BadOffload };
const gsoOf = (spec: Packet) => (spec.protocol === 'tcp' ? (spec.version === 6 ? 4 : 1) : 5);
const truth = (spec: Packet, built: Built, gsoSize = 1000): Vnet => ({
  gsoType: gsoOf(spec),
  gsoSize,
  csumStart: built.l4,
  csumOffset: built.csumOffset,
});

const TCP4: Packet = { protocol: 'tcp', payload: pattern(3500), partial: true };
const UDP4: Packet = { protocol: 'udp', payload: pattern(3500), partial: true };

describe('a super-frame', () => {
  for (const version of [4, 6] as const) {
    for (const protocol of ['tcp', 'udp'] as const) {
      it(`of ${protocol} over IPv${version} that tells the truth passes, its segments counted`, () => {
        const spec: Packet = { version, protocol, payload: pattern(3500), partial: true, tags: [{ tci: 10 }] };
        const built = packet(spec);
        expect(look(built.bytes, truth(spec, built))).toMatchObject({ passes: true, segments: 4, gsoSize: 1000 });
      });
    }
  }

  it('whose payload fits one segment becomes an ordinary frame with a partial checksum', () => {
    const built = packet(TCP4);
    const seen = look(built.bytes, truth(TCP4, built, 3500));
    expect(seen).toMatchObject({ passes: true, segments: 1, gsoType: 0, gsoSize: 0, csumStart: built.l4 });
  });

  const lies: [string, (vnet: Vnet) => Vnet][] = [
    ['the type of the other IP version', (vnet) => ({ ...vnet, gsoType: 4 })],
    ['the type of UDP', (vnet) => ({ ...vnet, gsoType: 5 })],
    ['UDP fragmentation, which nobody does any more', (vnet) => ({ ...vnet, gsoType: 3 })],
    ['an unknown type', (vnet) => ({ ...vnet, gsoType: 7 })],
    ['a segment size of 0', (vnet) => ({ ...vnet, gsoSize: 0 })],
    ['a segment size that makes too many segments', (vnet) => ({ ...vnet, gsoSize: 3 })],
    ['no partial checksum', ({ gsoType, gsoSize }) => ({ gsoType: gsoType ?? 0, gsoSize: gsoSize ?? 0 })],
    ['a checksum that starts elsewhere', (vnet) => ({ ...vnet, csumStart: (vnet.csumStart ?? 0) - 2 })],
    ['a checksum at the offset of UDP', (vnet) => ({ ...vnet, csumOffset: 6 })],
  ];
  for (const [what, lie] of lies) {
    it(`with ${what} is refused`, () => {
      const built = packet(TCP4);
      expect(look(built.bytes, lie(truth(TCP4, built)))).toMatchObject(REFUSED);
    });
  }

  it('of as many segments as are allowed passes, of one more it is refused', () => {
    for (const [length, passes] of [
      [MOST_SEGMENTS * 4, true],
      [MOST_SEGMENTS * 4 + 1, false],
    ] as const) {
      const spec = { ...UDP4, payload: pattern(length) };
      const built = packet(spec);
      expect(look(built.bytes, truth(spec, built, 4)).passes).toBe(passes);
    }
  });

  it('of UDP with the ECN bit of TCP is refused', () => {
    const built = packet(UDP4);
    expect(look(built.bytes, { ...truth(UDP4, built), ecn: true })).toMatchObject(REFUSED);
  });

  it('without payload is refused', () => {
    const spec = { ...TCP4, payload: new Uint8Array(0) };
    const built = packet(spec);
    expect(look(built.bytes, truth(spec, built))).toMatchObject(REFUSED);
  });

  it('that is a fragment is refused', () => {
    const spec = { ...UDP4, fragment: 0x2000 };
    const built = packet(spec);
    expect(look(built.bytes, truth(spec, built))).toMatchObject(REFUSED);
  });

  it('whose TCP header does not lie whole in the head, or is shorter than 20 bytes, is refused', () => {
    const spec = { ...TCP4, tcpOptions: new Uint8Array(12).fill(1) };
    const built = packet(spec);
    for (let split = 14; split < built.data; split++) {
      expect(look(built.bytes, truth(spec, built), split), `head of ${split} bytes`).toMatchObject({ passes: false });
    }
    expect(look(built.bytes, truth(spec, built), built.data).passes).toBe(true);
    built.bytes[built.l4 + 12] = 0x40;
    expect(look(built.bytes, truth(spec, built))).toMatchObject(REFUSED);
  });

  it('with bytes behind its IP packet is refused', () => {
    const built = packet(TCP4);
    expect(look(concat(built.bytes, [0]), truth(TCP4, built))).toMatchObject(REFUSED);
  });
});

describe('a partial checksum', () => {
  const at = (built: Built): Vnet => ({ csumStart: built.l4, csumOffset: built.csumOffset });

  it('of TCP and UDP passes where the transport header has it, and nowhere else', () => {
    for (const protocol of ['tcp', 'udp'] as const) {
      const built = packet({ protocol, partial: true });
      for (let csumStart = 0; csumStart < built.bytes.length + 4; csumStart++) {
        for (const csumOffset of [0, 2, 6, 16, 60, 0xffff]) {
          const passes = csumStart === built.l4 && csumOffset === built.csumOffset;
          const seen = look(built.bytes, { csumStart, csumOffset });
          expect(seen.passes, `${protocol}: ${csumStart} + ${csumOffset}`).toBe(passes);
        }
      }
    }
  });

  it('that lies in the body is refused', () => {
    const built = packet({ protocol: 'tcp', payload: pattern(100), partial: true });
    expect(look(built.bytes, at(built), built.l4 + 17)).toMatchObject(REFUSED);
    expect(look(built.bytes, at(built), built.l4 + 18).passes).toBe(true);
  });

  it('of a fragment is refused', () => {
    const built = packet({ fragment: 0x2000, partial: true });
    expect(look(built.bytes, at(built))).toMatchObject(REFUSED);
  });

  it('of ICMP passes at its checksum, of an unknown protocol never', () => {
    const built = packet();
    for (const [protocol, passes] of [
      [1, true],
      [136, false],
    ] as const) {
      built.bytes[built.l3 + 9] = protocol;
      expect(look(built.bytes, { csumStart: built.l4, csumOffset: 2 }).passes).toBe(passes);
    }
  });

  it('behind stacked tags passes where the headers are', () => {
    const tags = [{ tpid: 0x88a8, tci: 100 }, { tci: 10 }, { tci: 11 }];
    for (const version of [4, 6] as const) {
      const built = packet({ version, protocol: 'tcp', partial: true, tags });
      expect(look(built.bytes, at(built)).passes).toBe(true);
      expect(look(built.bytes, { csumStart: built.l4 - 4, csumOffset: 16 })).toMatchObject(REFUSED);
      expect(look(built.bytes, { csumStart: built.l4, csumOffset: 6 })).toMatchObject(REFUSED);
      expect(look(built.bytes, { csumStart: 2, csumOffset: 0 })).toMatchObject(REFUSED);
    }
  });

  it('behind stacked tags of a fragment is refused', () => {
    const built = packet({ partial: true, tags: [{ tci: 1 }, { tci: 2 }], fragment: 0x2000 });
    expect(look(built.bytes, at(built))).toMatchObject(REFUSED);
  });

  it('of a frame that is not IP is refused', () => {
    const built = packet({ partial: true });
    view(built.bytes).setUint16(12, 0x0806);
    expect(look(built.bytes, at(built))).toMatchObject(REFUSED);
  });
});

it('leaves frames alone whose virtio-net header says nothing', () => {
  const built = packet({ fragment: 0x2000 });
  expect(look(built.bytes, {})).toMatchObject({ passes: true, segments: 1 });
});
