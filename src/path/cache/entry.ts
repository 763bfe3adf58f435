/** Words of a cache entry before the flow's own: hash, stamp of the last validation, decision, the source MAC's slot and version. */
export const Entry = { Hash: 0, Stamp: 1, Decision: 2, MacSlot: 3, MacVersion: 4, Key: 5 } as const;

/** Words of an entry: without IPv6 addresses in the key, and with them. A place holds two entries. */
export const STRIDE4 = 16;
export const STRIDE6 = 32;

/** In the decision's word of a place's first entry: flows of that place lie in their second one too. */
export const SPILLED = 1 << 30;
