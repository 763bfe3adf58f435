import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { UserError } from '../errors.ts';

/** Lines of a text file, perhaps gzipped. @throws UserError when it cannot be read */
export function readLines(path: string): string[] {
  try {
    const raw = readFileSync(path);
    return (raw[0] === 0x1f && raw[1] === 0x8b ? gunzipSync(raw) : raw).toString('latin1').split('\n');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('data-unreadable', `cannot read ${path}: ${why}`, 'name a file that can be read', { cause });
  }
}
