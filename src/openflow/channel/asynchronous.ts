import type { PairOf } from '../codec/messages.ts';

/** Which of the messages that nobody asked for a connection gets, by reason: one mask as equal or master, one as slave. */
export interface AsyncConfig {
  readonly packetIn: PairOf;
  readonly portStatus: PairOf;
  readonly flowRemoved: PairOf;
}
export type AsyncKind = keyof AsyncConfig;

/**
 * What holds until a controller says otherwise: all but packet-ins for a wrong TTL, which it has to ask for; a slave is told of ports
 * alone. Source: 1.3.5, sections 6.3.6 and 7.3.10.
 */
export const DEFAULT_ASYNC: AsyncConfig = {
  packetIn: { master: 0b011, slave: 0 },
  portStatus: { master: 0b111, slave: 0b111 },
  flowRemoved: { master: 0b1111, slave: 0 },
};
