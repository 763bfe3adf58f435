import type { Random } from './random.ts';

/** Values that parsers stumble over. */
const BYTES = Uint8Array.of(0, 1, 2, 4, 5, 0x0f, 0x20, 0x3f, 0x40, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0x81, 0xff);
const WORDS = Uint16Array.of(
  0,
  1,
  7,
  8,
  13,
  14,
  19,
  20,
  28,
  40,
  46,
  60,
  0x7f,
  0xff,
  0x100,
  576,
  1280,
  1500,
  0x1fff,
  0x2000,
  0x7fff,
  0x8000,
  0xfff8,
  0xffff,
);
const TYPES = Uint16Array.of(0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x88cc, 0x8809, 0, 38);
const PROTOCOLS = Uint8Array.of(0, 1, 6, 17, 43, 44, 47, 50, 51, 58, 59, 60, 132, 255);
const GSO_TYPES = Uint8Array.of(0, 1, 3, 4, 5, 0x81, 0x84, 0x85, 2, 77, 255);
const GSO_SIZES = Uint16Array.of(0, 1, 2, 8, 64, 100, 536, 1448, 9000, 0x7fff, 0xffff);
/** Where lengths, offsets, protocols and checksums lie in untagged, tagged and doubly tagged IPv4 and IPv6. */
const FIELDS = Uint8Array.of(
  12,
  14,
  16,
  18,
  20,
  22,
  23,
  24,
  26,
  34,
  36,
  38,
  40,
  42,
  46,
  48,
  54,
  56,
  58,
  60,
  62,
  66,
  68,
  70,
);
const HEADERS = 90;

/**
 * Breaks a frame in its place: flips, overwrites, cuts, extends, splices, shifts, lies in its virtio-net header.
 * @param at of the virtio-net header, 10 bytes before the frame @param length of the frame
 * @param room bytes that the frame may have
 * @param other a frame to take parts of
 * @returns the length now
 */
export function mutate(
  arena: Buffer,
  at: number,
  length: number,
  room: number,
  other: Buffer,
  mark: number,
  random: Random,
): number {
  const start = at + 10;
  let now = length;
  for (let times = 1 + random.below(3); times > 0; times--) {
    const headers = now < HEADERS ? now : HEADERS;
    const where = headers === 0 ? 0 : random.below(headers);
    switch (random.below(16)) {
      case 0:
      case 1:
        if (now > 0) arena[start + where] ^= 1 << random.below(8);
        break;
      case 2:
      case 3:
        if (now > 0) arena[start + where] = random.pick(BYTES);
        break;
      case 4:
        if (now > 0) arena[start + where] = random.next();
        break;
      case 5:
      case 6: {
        const field = random.pick(FIELDS);
        if (field + 2 <= now)
          arena.writeUInt16BE(random.below(4) === 0 ? random.below(65536) : random.pick(WORDS), start + field);
        break;
      }
      case 7:
        if (random.below(2) === 0 && now >= 14) arena.writeUInt16BE(random.pick(TYPES), start + 12);
        else if (now > 24) arena[start + (random.below(2) === 0 ? 23 : 20)] = random.pick(PROTOCOLS);
        break;
      case 8:
        now = random.below(3) === 0 ? random.below(now + 1) : random.below(Math.min(now, HEADERS) + 1);
        break;
      case 9: {
        const more = Math.min(room - now, random.below(8) === 0 ? random.below(3000) : random.below(64));
        arena.fill(random.below(2) === 0 ? mark : 0, start + now, start + now + more);
        now += more;
        break;
      }
      case 10: {
        // The head of another frame, before the tail of this one.
        const part = Math.min(now, other.length, random.below(HEADERS));
        other.copy(arena, start, 0, part);
        break;
      }
      case 11: {
        // One tag more, or four bytes less.
        if (random.below(2) === 0 && now + 4 <= room && now >= 12) {
          arena.copyWithin(start + 16, start + 12, start + now);
          arena.writeUInt16BE(random.below(2) === 0 ? 0x8100 : 0x88a8, start + 12);
          arena.writeUInt16BE(random.below(65536), start + 14);
          now += 4;
        } else if (now > where + 4) {
          arena.copyWithin(start + where, start + where + 4, start + now);
          now -= 4;
        }
        break;
      }
      case 12:
        // Source or destination MAC of somebody else; a flood of new ones.
        if (now >= 12) arena.writeUInt32BE(random.next(), start + (random.below(2) === 0 ? 2 : 8));
        break;
      case 13:
        // Addresses swapped, and copied.
        if (now >= 34) arena.copyWithin(start + 26, start + 30, start + 34);
        break;
      default:
        lie(arena, at, random);
    }
  }
  return now;
}

function lie(arena: Buffer, at: number, random: Random): void {
  switch (random.below(6)) {
    case 0:
      arena[at] = random.below(4);
      break;
    case 1:
      arena[at + 1] = random.pick(GSO_TYPES);
      arena[at] |= 1;
      break;
    case 2:
      arena.writeUInt16LE(random.pick(GSO_SIZES), at + 4);
      break;
    case 3:
      arena[at] |= 1;
      arena.writeUInt16LE(random.below(4) === 0 ? random.below(65536) : random.below(120), at + 6);
      break;
    case 4:
      arena.writeUInt16LE(random.below(4) === 0 ? random.below(65536) : random.below(20), at + 8);
      break;
    default:
      for (let k = 0; k < 10; k++) arena[at + k] = random.next();
  }
}
