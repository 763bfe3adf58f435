import { type Codec, list, pad, rest, sized, struct, u16, u32 } from './bytes.ts';

/** A queue with its rates in thousandths of the port's, as far as it has any. Source: 1.3.5, section 7.2.2. */
export interface QueueConfig {
  readonly queue: number;
  readonly port: number;
  readonly minRate: number | null;
  readonly maxRate: number | null;
}

/** OFPQT_MIN_RATE, OFPQT_MAX_RATE. */
const MIN_RATE = 1;
const MAX_RATE = 2;

const property = struct({ type: u16, value: sized(struct({ _pad: pad(4), data: rest }), 2) });
const packetQueue = struct({
  queue: u32,
  port: u32,
  body: sized(struct({ _pad: pad(6), properties: list(property) }), 8),
});

export const queueConfig: Codec<QueueConfig> = {
  read: (from) => {
    const { queue, port, body } = packetQueue.read(from);
    const rate = (wanted: number): number | null => {
      const data = body.properties.find(({ type }) => type === wanted)?.value.data;
      return data === undefined || data.length < 2 ? null : (data[0] << 8) | data[1];
    };
    return { queue, port, minRate: rate(MIN_RATE), maxRate: rate(MAX_RATE) };
  },
  write: (into, { queue, port, minRate, maxRate }) => {
    const rate = (type: number, value: number | null) =>
      value === null ? [] : [{ type, value: { data: Uint8Array.of(value >> 8, value & 0xff, 0, 0, 0, 0, 0, 0) } }];
    const properties = [...rate(MIN_RATE, minRate), ...rate(MAX_RATE, maxRate)];
    packetQueue.write(into, { queue, port, body: { properties } });
  },
};
