import * as z from 'zod';
import { parseSize } from '../units.ts';
import { Fault, leaf, shapeOf, text, whole, word } from './leaf.ts';
import { name, readFile, readName } from './net.ts';

/** Servers of a lab: what `tapyard lab up` starts and plugs into ports. */

const MIB = 2 ** 20;
const memoryRange = { min: 16 * MIB, max: 2 ** 40 };

const file = (description: string) => leaf(readFile, { description, type: 'string' }).optional();

export const server = z
  .strictObject({
    kind: word('What it is: a process in the network namespace of a tap, or a virtual machine', ['namespace', 'qemu']),
    port: leaf((value) => readName(value, 'port', 15), {
      description: 'Port of the tenant that it is plugged into',
      type: 'string',
    }),
    restart: word('When it is started again after it has ended, after 1 s at first, at most 30 s', [
      'never',
      'on-failure',
      'always',
    ]).prefault('on-failure'),
    cpu_share: whole('Share of the processors beside others, where there are control groups', {
      min: 1,
      max: 10_000,
      reason: 'cpu.weight of cgroup v2; 100 is what everything else has',
    }).optional(),
    run: leaf(readRun, {
      description: 'namespace: program with its arguments; none: the namespace alone',
      type: 'array',
      examples: [['httpd', '-f', '-p', '80']],
    }).optional(),
    cpus: whole('qemu: processors', { min: 1, max: 64 }).optional(),
    memory: leaf(readMemory, {
      description: 'qemu: memory; 256Mi if not given',
      type: ['string', 'integer'],
      unit: 'bytes',
      minimum: memoryRange.min,
      maximum: memoryRange.max,
      examples: ['512Mi', '2Gi'],
    }).optional(),
    disk: file('qemu: image that it boots or mounts; .qcow2, or raw'),
    kernel: file('qemu: kernel to boot'),
    initrd: file('qemu: initial file system of the kernel'),
    append: leaf((value) => text(value, 'a line of words', 'console=ttyS0 quiet'), {
      description: 'qemu: command line of the kernel',
      type: 'string',
    }).optional(),
    accel: word('qemu: kvm, tcg (without hardware), or auto: kvm if it is there', ['auto', 'kvm', 'tcg']).optional(),
    console: file('qemu: file that its serial console is written to; begun anew at every start'),
    nic: word('qemu: tap with a netdev port, socket with a qemu port; by the port if not given', [
      'tap',
      'socket',
    ]).optional(),
  })
  .describe('A virtual machine or a namespace that the lab starts');

export const serverName = name('server', 32);
export type ServerConfig = z.output<typeof server>;

function readRun(value: unknown): string[] {
  const words = Array.isArray(value) ? value.map((each) => (typeof each === 'number' ? String(each) : each)) : [value];
  if (words.length > 0 && words.every((each) => typeof each === 'string' && each !== '')) return words as string[];
  throw new Fault(`expected a list of words, got ${shapeOf(value)}`, "write it as [sh, -c, '…']", 'config-type');
}

function readMemory(value: unknown): number {
  const bytes = parseSize(value);
  if (bytes === null) throw new Fault(`expected a size, got ${shapeOf(value)}`, 'write it as 512Mi or 2Gi');
  if (bytes < memoryRange.min || bytes > memoryRange.max || bytes % MIB !== 0)
    throw new Fault(`${String(value)} is out of range`, 'choose 16Mi to 1Ti, whole Mi', 'config-range');
  return bytes;
}
