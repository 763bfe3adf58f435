import { describe, expect, it } from 'vitest';
import { Ports } from '../../src/openflow/model.ts';
import { Offload } from '../../src/port/port.ts';
import * as vnet from '../../src/wire/vnet.ts';
import { type Packet, packet, pattern, slowPseudo, slowSum } from '../support/packets.ts';
import { A, B, FOUR, Lab, udp } from '../support/rules-lab.ts';

const ALL = Offload.Checksum | Offload.Tso4 | Offload.Tso6 | Offload.Uso | Offload.Ecn;
const NAT = '10.9.9.9';

/** Of the default VLAN, all four. */
const PLAIN = FOUR.replaceAll(/, vlan: \d+/g, '');

/** Sends a TCP super-frame of 1,000 bytes a segment into port a. @returns what left, by port, and the virtio-net header of the last of each */
function sendSuper(lab: Lab, bytes: number, spec: Packet = {}) {
  const built = packet({ protocol: 'tcp', partial: true, payload: pattern(bytes), ...spec });
  const header = new Uint8Array(vnet.HEADER_LENGTH);
  const type = spec.version === 6 ? vnet.Gso.Tcp6 : vnet.Gso.Tcp4;
  vnet.set(new DataView(header.buffer), 0, 1, type, built.data, 1000, built.l4, 16);
  expect(lab.net.end('red/a').send(built.bytes, header)).toBe(true);
  lab.net.run();
  lab.net.expectBooksToBalance();
  return Object.fromEntries(
    ['a', 'b', 'c', 'd'].flatMap((port) => {
      const frames = lab.net.received(`red/${port}`);
      const last = new DataView(lab.net.end(`red/${port}`).vnet.buffer);
      return frames.length === 0 ? [] : [[port, { frames, gso: vnet.gsoType(last, 0), flags: vnet.flags(last, 0) }]];
    }),
  );
}

/** Whether the checksums of a complete frame with IPv4 and TCP behind `l3` are right. */
function isSound(bytes: Uint8Array, l3 = 14): boolean {
  const l4 = l3 + (bytes[l3] & 15) * 4;
  const ip = slowSum(bytes.subarray(l3, l4));
  return ip === 0xffff && slowSum(bytes.subarray(l4), slowPseudo(bytes, l3, 6, bytes.length - l4)) === 0xffff;
}

describe('later tables', () => {
  it('see what was edited behind an output, by the interpreter and out of the flow cache', async () => {
    const lab = (await Lab.of()).flows(
      `in_port=1,ip,actions=output:2,set_field:${NAT}->ip_dst,goto_table:1`,
      `table=1,ip,nw_dst=${NAT},actions=output:3`,
    );
    for (let n = 0; n < 3; n++) expect(lab.send('a', udp())).toEqual({ b: [udp()], c: [udp({ to: NAT })] });
  });

  it('see what was edited behind NORMAL', async () => {
    const lab = (await Lab.of()).flows(
      `in_port=1,ip,actions=normal,set_field:${NAT}->ip_dst,goto_table:1`,
      `table=1,cookie=7,ip,nw_dst=${NAT},actions=drop`,
      'in_port=2,actions=normal',
    );
    lab.send('b', udp({ source: B, destination: A }));
    for (let n = 0; n < 3; n++) expect(lab.send('a', udp())).toEqual({ b: [udp()] });
    expect(lab.counts()['7']).toBe(3);
  });
});

describe('a packet-out', () => {
  it('through the tables goes the built-in way as the tables have left it', async () => {
    const lab = (await Lab.of()).flows(`in_port=2,ip,actions=set_field:${NAT}->ip_dst,normal`);
    const edited = udp({ to: NAT });
    expect(lab.packetOut(2, 'table')).toEqual({ a: [edited], c: [edited] });
    // Once by the tables, once by itself, each as it was then.
    const out = lab.packetOut(2, 'normal,table');
    expect(out['a']).toHaveLength(2);
    expect(out['a']).toEqual(expect.arrayContaining([udp(), edited]));
  });

  it('of a controller goes by NORMAL as from a trunk of all VLANs, and nothing is learned from it', async () => {
    const lab = await Lab.of();
    expect(lab.packetOut(Ports.Controller, 'normal', udp({ vlan: 10 }))).toEqual({
      a: [udp()],
      b: [udp()],
      c: [udp()],
    });
    expect(lab.packetOut(Ports.Controller, 'normal', udp({ vlan: 20 }))).toEqual({ d: [udp()] });
    expect(lab.packetOut(Ports.Controller, 'normal', udp({ vlan: 30 }))).toEqual({});
    expect(lab.net.drops('red')).toEqual({ 'no-member': 1 });
    lab.flows('actions=normal');
    expect(Object.keys(lab.send('b', udp({ source: B, destination: A })))).toEqual(['a', 'c']);
  });

  it('of a controller belongs, without a tag, to the default VLAN, and to the port of its destination', async () => {
    const lab = (await Lab.of(PLAIN)).flows('actions=normal', `in_port=3,ip,actions=set_field:${NAT}->ip_dst,normal`);
    expect(Object.keys(lab.packetOut(Ports.Controller, 'normal'))).toEqual(['a', 'b', 'c', 'd']);
    lab.send('b', udp({ source: B, destination: A }));
    expect(lab.packetOut(Ports.Controller, 'normal')).toEqual({ b: [udp()] });
    expect(lab.packetOut(Ports.Controller, 'table')).toEqual({ b: [udp()] });
    expect(lab.packetOut(Ports.Controller, 'normal,mod_dl_src:02:00:00:00:00:99,normal')).toEqual({
      b: [udp(), udp({ source: '02:00:00:00:00:99' })],
    });
    lab.net.expectBooksToBalance();
  });
});

describe('buckets', () => {
  it('lead to NORMAL, to all ports, back, and to controllers', async () => {
    const lab = (await Lab.of())
      .groups(
        'group_id=1,type=all,bucket=actions=normal,bucket=actions=flood,bucket=actions=in_port,bucket=actions=controller',
        `group_id=2,type=indirect,bucket=actions=set_field:${NAT}->ip_dst,normal`,
        'group_id=3,type=select,bucket=actions=output:1',
      )
      .flows(
        'priority=5,in_port=1,actions=group:1',
        'priority=5,in_port=2,ip,actions=group:2,normal',
        'priority=1,actions=group:3',
      );
    const out = lab.send('a', udp());
    expect(out).toEqual({ a: [udp()], b: [udp(), udp()], c: [udp(), udp()], d: [udp()] });
    expect(lab.told().map(({ reason, inPort }) => [reason, inPort])).toEqual([[1, 1]]);
    // Known to be behind a, since the bucket's NORMAL has learned it.
    const back = udp({ source: B, destination: A });
    const edited = udp({ source: B, destination: A, to: NAT });
    expect(lab.send('b', back)).toEqual({ a: expect.arrayContaining([back, edited]) });
    // A select group does not send a frame back to where it came from.
    expect(Object.keys(lab.send('c', udp()))).toEqual(['a']);
    expect(lab.send('a')).toEqual({});
  });

  it('may watch groups that watch groups, however many are dead', async () => {
    const lab = await Lab.of();
    const many = (watch: string) => Array.from({ length: 16 }, () => `bucket=${watch},actions=output:3`).join(',');
    lab.groups(`group_id=1,type=ff,${many('watch_port:2')}`);
    for (let id = 2; id <= 9; id++) lab.groups(`group_id=${id},type=ff,${many(`watch_group:${id - 1}`)}`);
    lab.flows('in_port=1,actions=group:6');
    expect(Object.keys(lab.send('a', udp()))).toEqual(['c']);
    lab.net.linkUp[1] = 0;
    expect(lab.send('a', udp())).toEqual({});
    expect(lab.net.drops('red')).toEqual({ 'rule-drop': 1 });
  });

  it('of groups within groups act on a frame a bounded number of times', async () => {
    const lab = await Lab.of();
    const many = (text: string) => Array.from({ length: 8 }, () => `bucket=actions=${text}`).join(',');
    lab.groups(`group_id=1,type=all,${many('output:2')}`);
    for (let id = 2; id <= 7; id++) lab.groups(`group_id=${id},type=all,${many(`group:${id - 1}`)}`);
    lab.flows('in_port=1,actions=group:7');
    lab.send('a', udp());
    const acted = [...lab.datapath.statistics.groupStats(1)][0]!.buckets.reduce(
      (sum, { packets }) => sum + Number(packets),
      0,
    );
    expect(acted).toBeGreaterThan(1000);
    expect(acted).toBeLessThanOrEqual(4096);
    expect(lab.net.drops('red')['rule-work']).toBeGreaterThan(0);
  });
});

describe('a super-frame', () => {
  it('with other addresses, ports and TTL leaves whole, or in sound packets where the port cannot segment', async () => {
    const lab = (await Lab.of(FOUR, { offloads: { b: ALL } })).flows(
      `in_port=1,tcp,actions=set_field:${NAT}->ip_dst,set_field:99->tcp_dst,dec_ttl,set_field:3->ip_dscp,output:2,output:3`,
    );
    const { b, c } = sendSuper(lab, 3500);
    expect(b).toMatchObject({ gso: vnet.Gso.Tcp4, frames: { length: 1 } });
    expect(c).toMatchObject({ gso: 0, flags: 0, frames: { length: 4 } });
    expect(c!.frames.map((bytes) => isSound(bytes))).toEqual([true, true, true, true]);
    expect(c!.frames.map((bytes) => [bytes[15], bytes[22], bytes[30], bytes[37]])).toEqual(
      Array.from({ length: 4 }, () => [12, 63, 10, 99]),
    );
  });

  it('gets one tag, and is cut where a label goes before it or its protocol changes', async () => {
    const lab = (await Lab.of(FOUR, { offloads: { b: ALL } })).flows(
      'priority=3,tcp,tp_src=1,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,output:3',
      'priority=3,tcp,tp_src=2,actions=set_field:17->ip_proto,output:2',
      'priority=3,tcp,tp_src=3,actions=push_mpls:0x8847,output:2',
    );
    const { b, c } = sendSuper(lab, 3500, { sport: 1 });
    expect(b!.frames.every((bytes) => Buffer.from(bytes.subarray(12, 16)).toString('hex') === '81000005')).toBe(true);
    expect(c!.frames.map((bytes) => isSound(bytes, 18))).toEqual([true, true, true, true]);
    for (const sport of [2, 3]) {
      const out = sendSuper(lab, 3500, { sport });
      expect(out['b'], `port ${sport}`).toMatchObject({ gso: 0, frames: { length: 4 } });
    }
  });

  it('is cut for a rule that changes the protocol when no other rule wants it cut', async () => {
    const lab = (await Lab.of(FOUR, { offloads: { b: ALL } })).flows('tcp,actions=set_field:17->ip_proto,output:2');
    expect(sendSuper(lab, 3500)['b']).toMatchObject({ gso: 0, frames: { length: 4 } });
  });

  it('goes to controllers as sound packets', async () => {
    const lab = (await Lab.of()).flows('in_port=1,actions=controller');
    sendSuper(lab, 2500);
    const told = lab.told();
    expect(told.map(({ length }) => length)).toEqual([1054, 1054, 554]);
    expect(told.map(({ frame }) => isSound(Buffer.from(frame, 'hex')))).toEqual([true, true, true]);
  });

  it('passes a meter packet by packet, although it costs more than the burst', async () => {
    const lab = (await Lab.of(FOUR, { offloads: { b: ALL } }))
      .meter('meter=1,pktps,burst,band=type=drop,rate=10,burst_size=5')
      .flows('cookie=1,in_port=1,actions=meter:1,output:2');
    expect(sendSuper(lab, 8000)['b']).toMatchObject({ frames: { length: 5 } });
    expect(lab.net.drops('red')).toEqual({ meter: 3 });
    const [{ packets, bands }] = lab.datapath.statistics.meterStats(1);
    expect([packets, bands[0]!.packets]).toEqual([8n, 3n]);
    expect(lab.counts()).toEqual({ 1: 8 });
  });

  it('is charged by a meter that has room for all of it as the packets that it stands for', async () => {
    const lab = (await Lab.of(FOUR, { offloads: { b: ALL } }))
      .meter('meter=1,kbps,burst,band=type=drop,rate=1000,burst_size=1000')
      .flows('in_port=1,actions=meter:1,output:2');
    expect(sendSuper(lab, 30_000)['b']).toMatchObject({ gso: vnet.Gso.Tcp4, frames: { length: 1 } });
    expect(lab.datapath.statistics.meterStats(1)[0]).toMatchObject({ packets: 30n, bytes: 30n * 1054n });
  });
});
