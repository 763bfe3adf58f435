import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Diagnostic, UserError } from '../../errors.ts';
import { addressOf, isLinkLocal, parseAddress, prefixOf } from './address.ts';
import { interfaceTowards } from './build/router.ts';
import { kindOf } from './checks/station.ts';
import type { Prefix, TenantModel } from './model.ts';
import { type FileRoutes, RouteColumns } from './route-columns.ts';
import { RouteLine } from './route-line.ts';

export type { FileRoutes };

export interface RoutesFile {
  readonly ipv4: FileRoutes;
  readonly ipv6: FileRoutes;
  /** Tells this state of the file from others. */
  readonly stamp?: string;
}

/** Errors that are shown of one file; all are counted. */
const shownErrors = 20;
/** Bytes; a longer line is no route. */
const longestLine = 1024;

/**
 * Reads a file of "prefix next-hop" lines, unpacked on the way if its name ends in .gz; `#` begins a comment. A million lines
 * take a second or two and about 10 MB (IPv4) or 22 MB (IPv6).
 * @throws UserError `routes-unreadable`; `routes-invalid` with the first 20 diagnostics and the number of all
 */
export async function readRoutesFile(path: string): Promise<RoutesFile> {
  const reader = new RoutesReader(path);
  const feed = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) reader.push(chunk);
  };
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  try {
    await (path.endsWith('.gz') ? pipeline(file, createGunzip({ chunkSize: 1 << 18 }), feed) : pipeline(file, feed));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
    const cure = String(code).startsWith('Z_') ? 'pack it anew with gzip' : 'check the path and its permissions';
    throw new UserError('routes-unreadable', `cannot read ${path}: ${code}`, cure, { cause });
  }
  return reader.finish();
}

/**
 * The routes of a tenant's `routes_file`, null where it has none, held against the tenant: its quota, the subnets that next hops
 * must be in, the prefixes that it imports.
 * @param known the file as it was read before: if it has not been written since, it is not read again
 * @throws UserError as `readRoutesFile`, and `routes-invalid` for what does not agree with the tenant
 */
export async function loadRoutesFile(tenant: TenantModel, known: RoutesFile | null = null): Promise<RoutesFile | null> {
  const path = tenant.router?.routesFile ?? null;
  if (path === null) return null;
  const stamp = stampOf(path);
  const routes = known !== null && known.stamp === stamp ? known : { ...(await readRoutesFile(path)), stamp };
  const total = routes.ipv4.count + routes.ipv6.count + (tenant.router?.routes.length ?? 0);
  if (total > tenant.quota.routes) {
    const message = `tenant '${tenant.name}' has ${total} routes, ${path} included; its quota is ${tenant.quota.routes}`;
    throw new UserError('config-quota', message, 'raise quota.routes');
  }
  const found = [routes.ipv4, routes.ipv6].flatMap((part) => [
    ...strayHops(path, part, tenant),
    ...importClashes(path, part, tenant),
  ]);
  if (found.length > 0) throw invalid(path, found.slice(0, shownErrors), found.length);
  return routes;
}

/** Whether a file is another than that which had the stamp. */
export function isWritten(stamp: string | undefined, path: string): boolean {
  return stamp !== undefined && stamp !== stampOf(path);
}

/** Says whether a file has been written, or another one stands in its place. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${path} ${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

/** Collects routes from the chunks of a file. */
class RoutesReader {
  readonly #path: string;
  readonly #line = new RouteLine();
  readonly #ipv4 = new RouteColumns(4);
  readonly #ipv6 = new RouteColumns(6);
  readonly #errors: Diagnostic[] = [];
  #errorCount = 0;
  #number = 0;
  /** Begin of a line that the next chunk ends. */
  #open: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  push(chunk: Buffer): void {
    const bytes = this.#open.length > 0 ? Buffer.concat([this.#open, chunk]) : chunk;
    let start = 0;
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, start)) {
      this.#take(bytes, start, newline);
      start = newline + 1;
    }
    // Of an endless line only the begin is kept, which is too long to be a route.
    this.#open = Buffer.from(bytes.subarray(start, start + longestLine + 1));
  }

  finish(): RoutesFile {
    if (this.#open.length > 0) this.#take(this.#open, 0, this.#open.length);
    if (this.#errorCount > 0) throw invalid(this.#path, this.#errors, this.#errorCount);
    return { ipv4: this.#ipv4.finish(), ipv6: this.#ipv6.finish() };
  }

  #take(bytes: Buffer, start: number, end: number): void {
    this.#number++;
    const line = this.#line;
    if (end - start > longestLine) {
      this.#fail(bytes, start, end, 0, 1, 'the line is too long', 'write "prefix next-hop" a line');
      return;
    }
    const read = line.read(bytes, start, end);
    if (read === false) return;
    if (read !== true) {
      this.#fail(bytes, start, end, read.at, read.width, read.message, read.cure);
      return;
    }
    const columns = line.family === 4 ? this.#ipv4 : this.#ipv6;
    if (columns.add(line, this.#number)) return;
    const address = parseAddress(line.nextHop);
    const message = address ? 'prefix and next hop are of two families' : `'${line.nextHop}' is no IP address`;
    const cure = `name an IPv${line.family} next hop`;
    this.#fail(bytes, start, end, line.nextHopAt, line.nextHop.length, message, cure);
  }

  #fail(bytes: Buffer, start: number, end: number, at: number, width: number, message: string, cure: string): void {
    if (++this.#errorCount > shownErrors) return;
    const source = bytes.toString('utf8', start, Math.min(end, start + longestLine)).replace(/\r$/, '');
    this.#errors.push(diagnostic(this.#path, this.#number, at + 1, width, source, message, cure));
  }
}

function* strayHops(path: string, routes: FileRoutes, tenant: TenantModel): Generator<Diagnostic> {
  const interfaces = tenant.router?.interfaces ?? [];
  for (const [index, hop] of routes.nextHops.entries()) {
    const own = interfaces.find(({ addresses }) => addresses.some(({ address }) => address.text === hop.text));
    if (!own && !kindOf(hop) && !isLinkLocal(hop) && interfaceTowards(hop, interfaces)) continue;
    const why = own ? "is the router's own address" : 'is on no connected subnet';
    const cure = `name a router in a subnet of an interface of '${tenant.name}'`;
    yield diagnostic(path, routes.nextHopLines[index]!, 1, 1, '', `next hop ${hop.text} ${why}`, cure);
  }
}

/** As in a configuration file, what is imported must not overlap a route; a default route hides nothing. */
function* importClashes(path: string, routes: FileRoutes, tenant: TenantModel): Generator<Diagnostic> {
  const imports = tenant.share.imports
    .flatMap(({ prefixes }) => prefixes)
    .filter(({ family }) => family === routes.family);
  const stride = routes.family === 4 ? 1 : 4;
  for (const prefix of imports) {
    for (let i = 0; i < routes.count; i++) {
      const length = routes.lengths[i]!;
      if ((length === 0) !== (prefix.length === 0)) continue;
      if (!sameStart(routes.words, i * stride, prefix, Math.min(length, prefix.length))) continue;
      const route = prefixOf(addressOf([...routes.words.subarray(i * stride, (i + 1) * stride)]), length);
      const message = `the route to ${route.text} overlaps ${prefix.text}, which '${tenant.name}' imports`;
      yield diagnostic(path, 1, 1, 1, '', message, 'remove the route, or import less');
    }
  }
}

function sameStart(words: Uint32Array, at: number, prefix: Prefix, bits: number): boolean {
  for (let i = 0; i < prefix.words.length && bits > 32 * i; i++) {
    const left = bits - 32 * i;
    const differ = words[at + i]! ^ prefix.words[i]!;
    if (left >= 32 ? differ : differ >>> (32 - left)) return false;
  }
  return true;
}

function diagnostic(
  file: string,
  line: number,
  column: number,
  width: number,
  source: string,
  message: string,
  cure: string,
): Diagnostic {
  return { code: 'routes-invalid', message, cure, place: { file, line, column, width }, source };
}

function invalid(path: string, diagnostics: readonly Diagnostic[], count: number): UserError {
  const first = count > diagnostics.length ? `; the first ${diagnostics.length} are listed` : '';
  const errors = count === 1 ? 'an error' : `${count} errors`;
  return new UserError('routes-invalid', `${path} has ${errors}${first}`, 'mend the lines that are listed', {
    diagnostics,
  });
}
