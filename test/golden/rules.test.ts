import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Batch } from '../../src/frame/batch.ts';
import { FIELDS } from '../../src/openflow/fields.ts';
import { Parse } from '../../src/path/parse.ts';
import { Edit, FrameEditor } from '../../src/path/rules/edit.ts';
import { FlowKey, NO_ETHER_TYPE } from '../../src/path/rules/key.ts';
import { KeyWord } from '../../src/path/rules/layout.ts';
import { SetField } from '../../src/path/rules/program.ts';
import { completeChecksum } from '../../src/path/segment.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { frameBytes, poolOf, pushFrame } from '../support/frames.ts';
import { slowPseudo } from '../support/packets.ts';
import { pcap, tshark, WRONG } from '../support/tshark.ts';

const LINES = readFileSync(new URL('rules-frames.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const FRAMES = LINES.filter((line) => !line.startsWith('#')).map((line) => Uint8Array.fromHex(line.split(' ')[0]));

const folder = mkdtempSync(join(tmpdir(), 'tapyard-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

function capture(name: string, frames: readonly Uint8Array[]): string {
  const file = join(folder, name);
  writeFileSync(file, pcap(frames));
  return file;
}

const SCTP = ['-o', 'sctp.checksum:CRC32C'];
const WRONG_HERE = `${WRONG} || sctp.checksum.status == 0`;

/** A frame in slots of its own, with all that works on it. */
function open(bytes: Uint8Array, headSplit?: number) {
  const pool = poolOf(2, 1);
  const batch = new Batch();
  pushFrame(batch, pool, bytes, headSplit === undefined ? {} : { headSplit });
  new Parse(pool).one(batch, 0);
  return { pool, batch, editor: new FrameEditor(pool), key: new FlowKey(pool) };
}

describe('frames that scapy built', () => {
  it('are many, and right', () => {
    expect(FRAMES.length).toBeGreaterThan(100);
    expect(tshark(capture('given.pcap', FRAMES), ...SCTP, '-Y', WRONG_HERE)).toBe('');
  });
});

/** What tshark is asked for; the first value of each, so that of the outermost header, but for those of `ALL`. */
const ASKED = [
  ...[
    'eth.dst',
    'eth.src',
    'ieee8021ad.id',
    'ieee8021ad.priority',
    'vlan.id',
    'vlan.priority',
    'mpls.label',
    'mpls.exp',
  ],
  ...['mpls.bottom', 'ieee8021ah.isid', 'ip.src', 'ip.dst', 'ip.proto', 'ip.dsfield.dscp', 'ip.dsfield.ecn'],
  ...[
    'ip.frag_offset',
    'ipv6.src',
    'ipv6.dst',
    'ipv6.tclass',
    'ipv6.flow',
    'tcp.srcport',
    'tcp.dstport',
    'udp.srcport',
  ],
  ...[
    'udp.dstport',
    'sctp.srcport',
    'sctp.dstport',
    'icmp.type',
    'icmp.code',
    'icmpv6.type',
    'icmpv6.code',
    'arp.opcode',
  ],
  ...['arp.src.proto_ipv4', 'arp.dst.proto_ipv4', 'arp.src.hw_mac', 'arp.dst.hw_mac', 'icmpv6.nd.ns.target_address'],
  ...['icmpv6.nd.na.target_address', 'icmpv6.opt.linkaddr', 'ipv6.hopopts.nxt', 'ipv6.dstopts.nxt', 'ipv6.routing.nxt'],
  'ipv6.nxt',
];
const ALL = ['eth.type', 'vlan.etype'];

function ask(fields: readonly string[], occurrence: 'a' | 'f'): Record<string, string>[] {
  const options = fields.flatMap((field) => ['-e', field]);
  const whole = ['-o', 'ip.defragment:FALSE'];
  const text = tshark(
    capture('asked.pcap', FRAMES),
    ...whole,
    '-T',
    'fields',
    '-E',
    `occurrence=${occurrence}`,
    ...options,
  );
  const lines = text.split('\n').slice(0, FRAMES.length);
  return lines.map((line) => Object.fromEntries(line.split('\t').map((value, k) => [fields[k], value])));
}

const number = (text: string | undefined): number => (text === undefined || text === '' ? 0 : Number(text));
const hex = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
const address = (text: string): bigint =>
  parseAddress(text).words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);

/** The match fields of a frame as tshark's answers say, by their names in the specification; those that are absent are left out. */
function told(one: Record<string, string>, types: Record<string, string>): Record<string, bigint> {
  const value: Record<string, bigint> = {};
  const put = (name: string, text: string | number) => {
    value[name] = BigInt(text);
  };
  value['eth_dst'] = hex(one['eth.dst']);
  value['eth_src'] = hex(one['eth.src']);
  const all = `${types['eth.type']},${types['vlan.etype']}`.split(',').filter((text) => text !== '');
  const behind = all.map(Number).find((type) => type !== 0x8100 && type !== 0x88a8);
  const first = Number(all[0]);
  put('eth_type', behind ?? NO_ETHER_TYPE);
  const outer = first === 0x88a8 ? 'ieee8021ad' : 'vlan';
  if (first === 0x88a8 || first === 0x8100) {
    put('vlan_vid', 0x1000 | number(one[`${outer}.id`]));
    put('vlan_pcp', one[`${outer}.priority`]);
  }
  const ports = (protocol: string, source: string, destination: string, s = 'srcport', d = 'dstport') => {
    if (one[`${protocol}.${s}`] === '') return;
    put(source, one[`${protocol}.${s}`]);
    put(destination, one[`${protocol}.${d}`]);
  };
  const transport = () => {
    ports('tcp', 'tcp_src', 'tcp_dst');
    ports('udp', 'udp_src', 'udp_dst');
    ports('sctp', 'sctp_src', 'sctp_dst');
  };
  switch (behind) {
    case 0x0800:
      value['ipv4_src'] = address(one['ip.src']);
      value['ipv4_dst'] = address(one['ip.dst']);
      put('ip_proto', one['ip.proto']);
      put('ip_dscp', one['ip.dsfield.dscp']);
      put('ip_ecn', one['ip.dsfield.ecn']);
      if (number(one['ip.proto']) === 4) break;
      transport();
      ports('icmp', 'icmpv4_type', 'icmpv4_code', 'type', 'code');
      break;
    case 0x86dd: {
      value['ipv6_src'] = address(one['ipv6.src']);
      value['ipv6_dst'] = address(one['ipv6.dst']);
      put('ipv6_flabel', one['ipv6.flow']);
      put('ip_dscp', number(one['ipv6.tclass']) >> 2);
      put('ip_ecn', number(one['ipv6.tclass']) & 3);
      const [hop, destination, routing] = ['hopopts', 'dstopts', 'routing'].map((name) => one[`ipv6.${name}.nxt`]);
      put('ipv6_exthdr', (hop === '' ? 0 : 64) + (destination === '' ? 0 : 8) + (routing === '' ? 0 : 32));
      put('ip_proto', [routing, destination, hop, one['ipv6.nxt']].find((text) => text !== '') ?? 0);
      transport();
      ports('icmpv6', 'icmpv6_type', 'icmpv6_code', 'type', 'code');
      const target = one['icmpv6.nd.ns.target_address'] || one['icmpv6.nd.na.target_address'];
      if (target) {
        value['ipv6_nd_target'] = address(target);
        value[one['icmpv6.type'] === '135' ? 'ipv6_nd_sll' : 'ipv6_nd_tll'] = hex(one['icmpv6.opt.linkaddr']);
      }
      break;
    }
    case 0x0806:
      put('arp_op', one['arp.opcode']);
      value['arp_spa'] = address(one['arp.src.proto_ipv4']);
      value['arp_tpa'] = address(one['arp.dst.proto_ipv4']);
      value['arp_sha'] = hex(one['arp.src.hw_mac']);
      value['arp_tha'] = hex(one['arp.dst.hw_mac']);
      break;
    case 0x8847:
      put('mpls_label', one['mpls.label']);
      put('mpls_tc', one['mpls.exp']);
      put('mpls_bos', one['mpls.bottom'] === 'True' ? 1 : number(one['mpls.bottom']));
      break;
    case 0x88e7:
      put('pbb_isid', one['ieee8021ah.isid']);
      break;
    default:
  }
  return value;
}

/** Words of the flow key that hold such fields and nothing else. */
function wordsOf(values: Record<string, bigint>): number[] {
  const words = new Array<bigint>(35).fill(0n);
  for (const [name, value] of Object.entries(values)) {
    const field = FIELDS.find((candidate) => candidate.name === name);
    if (field === undefined) throw new Error(`no field ${name}`);
    const count = Math.ceil(field.bits / 32);
    for (let w = 0; w < count; w++) {
      const part = (value >> BigInt(32 * (count - 1 - w))) & 0xffffffffn;
      words[field.word + w] |= (part << BigInt(field.shift)) & 0xffffffffn;
    }
  }
  return words.map((word) => Number(word) | 0);
}

describe('the flow key', () => {
  it('is what tshark says of the frame, field by field', () => {
    const first = ask(ASKED, 'f');
    const all = ask(ALL, 'a');
    FRAMES.forEach((bytes, n) => {
      const { batch, key } = open(bytes);
      key.extract(batch, 0);
      expect([...key.words], LINES[n + 2]).toEqual(wordsOf(told(first[n], all[n])));
    });
  });
});

/** @param type EtherType in the flow key */
type Step = (editor: FrameEditor, batch: Batch, type: number) => Edit;
const set =
  (code: SetField, ...words: number[]): Step =>
  (editor, batch) =>
    editor.setField(batch, 0, code, Int32Array.from(words), 0);
const SIX = [0x20010db8, 0x00770000, 0x12345678, 0x0000ffff];

/** Every edit that leaves a frame that makes sense. */
const STEPS: Record<string, Step[]> = {
  MACs: [set(SetField.EthDst, 0x0200, 0x12345678), set(SetField.EthSrc, 0x0200, 0x87654321)],
  'VLAN tag': [set(SetField.VlanVid, 0x1123), set(SetField.VlanPcp, 6)],
  'pushed tag': [(e, b) => e.pushVlan(b, 0, 0x8100), set(SetField.VlanVid, 0x1321)],
  'popped tag': [(e, b) => e.popVlan(b, 0)],
  'IP TTL and type of service': [
    set(SetField.IpDscp, 46),
    set(SetField.IpEcn, 2),
    (e, b) => e.decNwTtl(b, 0),
    (e, b) => e.setNwTtl(b, 0, 77),
  ],
  'IPv4 addresses': [set(SetField.Ipv4Src, 0xc0a80102 | 0), set(SetField.Ipv4Dst, 0x0affffff)],
  'IPv6 addresses': [
    set(SetField.Ipv6Src, ...SIX),
    set(SetField.Ipv6Dst, ...SIX.toReversed()),
    set(SetField.Ipv6Label, 0xfffff),
  ],
  ports: [
    ...[set(SetField.TcpSrc, 60001), set(SetField.TcpDst, 60002), set(SetField.UdpSrc, 60003)],
    ...[set(SetField.UdpDst, 60004), set(SetField.SctpSrc, 60005), set(SetField.SctpDst, 60006)],
  ],
  ICMP: [set(SetField.Icmpv4Type, 0), set(SetField.Icmpv4Code, 0), set(SetField.Icmpv6Code, 7)],
  'neighbour discovery': [
    set(SetField.NdTarget, ...SIX),
    set(SetField.NdSll, 0x0200, 0x0a0b0c0d),
    set(SetField.NdTll, 0x0200, 0x0d0c0b0a),
  ],
  ARP: [set(SetField.ArpOp, 2), set(SetField.ArpSpa, 1), set(SetField.ArpTpa, 2), set(SetField.ArpSha, 0x0200, 5)],
  'pushed labels': [
    // Of what lies behind a label tshark knows IP by its looks, and takes anything else for Ethernet.
    (e, b, type) => (type === 0x0806 || type === NO_ETHER_TYPE ? Edit.Absent : e.pushMpls(b, 0, 0x8847)),
    set(SetField.MplsLabel, 77),
    (e, b, type) => (type === 0x8847 ? e.pushMpls(b, 0, 0x8847) : Edit.Absent),
    set(SetField.MplsTc, 5),
    (e, b) => e.setMplsTtl(b, 0, 9),
    (e, b) => e.copyTtlIn(b, 0),
  ],
  'labels and the packet': [(e, b) => e.decMplsTtl(b, 0), (e, b) => e.copyTtlIn(b, 0), (e, b) => e.copyTtlOut(b, 0)],
  'pushed I-TAG and B-TAG': [
    (e, b) => e.pushPbb(b, 0, 0x88e7),
    set(SetField.PbbIsid, 0xabcdef),
    (e, b) => e.pushVlan(b, 0, 0x88a8),
  ],
  'popped I-TAG': [(e, b) => e.popPbb(b, 0)],
};

/** Takes the transport checksum away and leaves the pseudo-header's sum, as a kernel does; frames that allow no such thing stay. */
function makePartial(pool: ReturnType<typeof poolOf>, batch: Batch): void {
  const proto = batch.proto[0];
  const [l3, l4] = [batch.l3[0] - batch.start[0], batch.l4[0] - batch.start[0]];
  const bytes = frameBytes(pool, batch, 0);
  const whole = batch.l4[0] >= 0 && (batch.traits[0] & 8) === 0 && l3 + batch.ipLength[0] === bytes.length;
  if (!whole || (proto !== 6 && proto !== 17) || batch.kind[0] === 0) return;
  // The final destination of a source route stands in the pseudo-header.
  if (bytes[l3] >> 4 === 6 && bytes[l3 + 6] !== proto) return;
  const offset = proto === 6 ? 16 : 6;
  pool.bytes.setUint16(batch.l4[0] + offset, slowPseudo(bytes, l3, proto, bytes.length - l4));
  batch.csumStart[0] = batch.l4[0];
  batch.csumOffset[0] = offset;
}

describe('edited frames', () => {
  for (const [name, steps] of Object.entries(STEPS)) {
    it(`are right in tshark's eyes: ${name}`, () => {
      const left: Uint8Array[] = [];
      const reached = steps.map(() => 0);
      for (const bytes of FRAMES) {
        for (const [split, partial] of [
          [undefined, false],
          [120, false],
          [undefined, true],
        ] as const) {
          const { pool, batch, editor, key } = open(bytes, split);
          if (partial) makePartial(pool, batch);
          steps.forEach((step, k) => {
            key.extract(batch, 0);
            if (step(editor, batch, key.words[KeyWord.EthType]) === Edit.Done) reached[k]++;
          });
          if (batch.csumStart[0] >= 0) {
            const end = batch.start[0] + batch.headLength[0];
            completeChecksum(pool.bytes, batch.csumStart[0], batch.csumOffset[0], end, 0, 0);
          }
          left.push(frameBytes(pool, batch, 0));
        }
      }
      expect(Math.min(...reached)).toBeGreaterThan(0);
      expect(tshark(capture('edited.pcap', left), ...SCTP, '-Y', WRONG_HERE)).toBe('');
    });
  }
});
