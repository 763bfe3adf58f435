import { describe, expect, it } from 'vitest';
import { answerTo, isResolution } from '../../src/port/answer.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { frame, type Tag } from '../../src/wire/build-frame.ts';
import { arpReply } from '../../src/wire/build-neighbor.ts';

const request = {
  operation: 1,
  senderMac: '02:00:00:00:00:01',
  senderAddress: '10.0.0.1',
  targetAddress: '10.0.0.2',
};
const solicitation = {
  ipv6: { source: 'fe80::1', destination: 'ff02::1:ff00:2' },
  icmp: { type: 135 },
  payload: new Uint8Array(16).fill(1),
};
const udp = { ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, udp: { source: 1, destination: 2 } };
const TWO: readonly Tag[] = [{ tpid: 0x88a8, vid: 7 }, { vid: 20 }];
const TAGS: Record<string, readonly Tag[]> = {
  none: [],
  one: [{ vid: 20, pcp: 3 }],
  two: TWO,
};

/** Bytes behind the MACs that are tags. */
const tagsOf = (bytes: Uint8Array, count: number) => [...bytes.subarray(12, 12 + count * 4)];

describe('hosts behind a replay port', () => {
  it.each(Object.entries(TAGS))('answer ARP by the VLAN that it came by: tags %s', (_, vlan) => {
    const asked = frame({ arp: request, vlan });
    const answer = answerTo(asked);
    expect(isResolution(asked, 0, asked.length)).toBe(true);
    expect(answer && tagsOf(answer, vlan.length)).toEqual(tagsOf(asked, vlan.length));
    const plain = answer && Uint8Array.from([...answer.subarray(0, 12), ...answer.subarray(12 + vlan.length * 4)]);
    expect(plain).toEqual(
      arpReply({
        senderMac: { high: 0x0254, low: 0x0a000002 },
        senderAddress: parseAddress('10.0.0.2'),
        targetMac: { high: 0x0200, low: 1 },
        targetAddress: parseAddress('10.0.0.1'),
      }),
    );
  });

  it.each(Object.entries(TAGS))('answer neighbour discovery by the VLAN that it came by: tags %s', (_, vlan) => {
    const asked = frame({ ...solicitation, vlan });
    const answer = answerTo(asked);
    expect(isResolution(asked, 0, asked.length)).toBe(true);
    expect(answer && tagsOf(answer, vlan.length)).toEqual(tagsOf(asked, vlan.length));
    // A neighbour advertisement (RFC 4861, section 4.4).
    expect(answer?.[14 + vlan.length * 4 + 40]).toBe(136);
  });

  it.each(Object.entries(TAGS))('say nothing to what asks for nothing: tags %s', (_, vlan) => {
    const asked = frame({ ...udp, vlan });
    expect(answerTo(asked)).toBeNull();
    expect(isResolution(asked, 0, asked.length)).toBe(false);
  });

  it('take frames of any length', () => {
    const tagged = frame({ arp: request, vlan: TWO });
    for (let length = 0; length < tagged.length; length++) expect(answerTo(tagged.slice(0, length))).toBeNull();
  });
});
