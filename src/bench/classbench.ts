import { UserError } from '../errors.ts';
import { readLines } from './lines.ts';

/** A rule of five fields: prefixes, ranges of ports with both ends, and a protocol, exact or any. Addresses are unsigned. */
export interface FiveTuple {
  readonly source: number;
  readonly sourceLength: number;
  readonly destination: number;
  readonly destinationLength: number;
  readonly sourcePorts: readonly [low: number, high: number];
  readonly destinationPorts: readonly [low: number, high: number];
  readonly protocol: number | null;
}

const LINE =
  /^@(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)\s+(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)\s+(\d+)\s*:\s*(\d+)\s+(\d+)\s*:\s*(\d+)\s+0x([0-9a-f]+)\/0x([0-9a-f]+)/i;

/**
 * Reads a filter set of ClassBench, perhaps gzipped: a rule a line, the best first. The column of TCP flags behind the five
 * fields is left out, as in what is published about these sets.
 * Source: Taylor and Turner, "ClassBench: a packet classification benchmark", IEEE INFOCOM 2005, section IV.
 * @throws UserError with the line that is wrong
 */
export function readClassBench(path: string): FiveTuple[] {
  const lines = readLines(path);
  const rules: FiveTuple[] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    rules.push(parse(line) ?? wrong(path, i + 1));
  }
  if (rules.length === 0) throw new UserError('data-invalid', `${path} holds no rule`, 'name a ClassBench filter set');
  return rules;
}

function parse(line: string): FiveTuple | null {
  const found = LINE.exec(line);
  if (found === null) return null;
  const n = found.slice(1, 15).map(Number);
  const protocolMask = Number.parseInt(found[16], 16);
  const [s0, s1, s2, s3, sourceLength, d0, d1, d2, d3, destinationLength, lowS, highS, lowD, highD] = n;
  const octets = [s0, s1, s2, s3, d0, d1, d2, d3];
  const ports = [lowS, highS, lowD, highD];
  if (octets.some((octet) => octet > 255) || ports.some((port) => port > 65535)) return null;
  if (sourceLength > 32 || destinationLength > 32 || lowS > highS || lowD > highD) return null;
  if (protocolMask !== 0 && protocolMask !== 0xff) return null;
  return {
    source: cut(((s0 << 24) | (s1 << 16) | (s2 << 8) | s3) >>> 0, sourceLength),
    sourceLength,
    destination: cut(((d0 << 24) | (d1 << 16) | (d2 << 8) | d3) >>> 0, destinationLength),
    destinationLength,
    sourcePorts: [lowS, highS],
    destinationPorts: [lowD, highD],
    protocol: protocolMask === 0 ? null : Number.parseInt(found[15], 16),
  };
}

function wrong(path: string, line: number): never {
  throw new UserError(
    'data-invalid',
    `${path}:${line}: this is no ClassBench rule`,
    'a rule reads «@10.0.0.0/8 10.1.0.0/16 0 : 65535 80 : 80 0x06/0xFF», its flags behind it or not',
  );
}

/** Mask of the first `length` bits, signed. */
export function prefixMask(length: number): number {
  return length === 0 ? 0 : -1 << (32 - length);
}

function cut(address: number, length: number): number {
  return (address & prefixMask(length)) >>> 0;
}
