import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Files of one side of a TLS connection. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

/** As the programs of Open vSwitch take them. */
export const ovsTls = ({ key, cert, ca }: TlsFiles): string[] => ['-p', key, '-c', cert, '-C', ca];

/** An authority made by openssl, in files of a folder. */
export class Authority {
  readonly #folder: string;
  readonly name: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.name = name;
    this.#make('req', '-x509', '-days', '2', ...this.#newKey(name), '-out', this.#file(`${name}.pem`));
  }

  /** A key, and a certificate for it that this authority has signed. @param days that it is valid, negative: it was */
  signed(name: string, days = 2): TlsFiles {
    const [request, cert, ca] = [this.#file(`${name}.csr`), this.#file(`${name}.pem`), this.#file(`${this.name}.pem`)];
    this.#make('req', ...this.#newKey(name), '-out', request);
    const by = ['-CA', ca, '-CAkey', this.#file(`${this.name}.key`), '-CAcreateserial'];
    this.#make('x509', '-req', '-in', request, ...by, '-days', `${days}`, '-out', cert);
    return { key: this.#file(`${name}.key`), cert, ca };
  }

  #newKey(name: string): string[] {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    return [...kind, '-keyout', this.#file(`${name}.key`), '-subj', `/CN=${name}`];
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  #make(...words: string[]): void {
    execFileSync('openssl', words, { stdio: 'pipe' });
  }
}
