import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly version: string;
}

/**
 * A registry on this machine that has what is installed here, packed anew: so `npm install` of a package of ours is done in full, without a
 * network. Answers what is not installed here (a Node for another processor) with 404, as npm expects of optional packages.
 */
export class Registry {
  readonly #server: Server;
  readonly #folder: string;
  readonly #packed = new Map<string, Promise<string>>();

  /** @param folder where packed packages are kept */
  static async start(folder: string): Promise<Registry> {
    mkdirSync(folder, { recursive: true });
    const made = new Registry(folder);
    await new Promise<void>((done) => made.#server.listen(0, '127.0.0.1', done));
    return made;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer(async ({ url = '/' }, response) => {
      const [name, file] = decodeURIComponent(url.slice(1)).split('/-/');
      const manifest = manifestOf(name);
      if (manifest === null) response.writeHead(404).end('{}');
      else if (file === undefined) response.end(JSON.stringify(this.#describe(manifest)));
      else response.end(readFileSync(await this.#pack(name)));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #describe(manifest: Manifest): object {
    const { name, version } = manifest;
    const dist = { tarball: `${this.url}${name}/-/${version}.tgz` };
    return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  }

  #pack(name: string): Promise<string> {
    const there = this.#packed.get(name);
    if (there !== undefined) return there;
    const file = join(this.#folder, `${name.replaceAll('/', '-')}.tgz`);
    const words = ['--use-compress-program', 'gzip -1', '--transform', 's,^\\.,package,', '-cf', file];
    const packed = run('tar', [...words, '-C', resolve('node_modules', name), '.']).then(() => file);
    this.#packed.set(name, packed);
    return packed;
  }
}

function manifestOf(name: string): Manifest | null {
  try {
    return JSON.parse(readFileSync(resolve('node_modules', name, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return null;
  }
}
