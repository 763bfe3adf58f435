import { createWriteStream, renameSync, type WriteStream } from 'node:fs';

/** What is remembered of the console for `tapyard lab console`, in characters. */
const REMEMBERED = 64 << 10;
/** When a file is this long another is begun, the old one kept beside it as FILE.1: a machine that prints for ever fills no disk. */
const LONGEST_FILE = 16 << 20;

/** What a server prints: the end of it in memory, and all of it in a file if there is to be one. */
export class Console {
  readonly #path: string | null;
  readonly #longest: number;
  #file: WriteStream | null = null;
  #written = 0;
  #text = '';
  /** Characters printed since the server was first started, and of those the ones that are forgotten. */
  #end = 0;

  /** @param onTrouble hears why the file cannot be written; the server goes on without */
  constructor(path: string | null, onTrouble: (message: string) => void, longest: number = LONGEST_FILE) {
    this.#path = path;
    this.#longest = longest;
    this.#begin(onTrouble);
    this.#onTrouble = onTrouble;
  }

  readonly #onTrouble: (message: string) => void;

  #begin(onTrouble: (message: string) => void): void {
    if (this.#path === null) return;
    const file = createWriteStream(this.#path);
    file.on('error', (error) => {
      if (this.#file === file) this.#file = null;
      onTrouble(`The console cannot be written to ${this.#path}: ${error.message}`);
    });
    this.#file = file;
    this.#written = 0;
  }

  add(text: string): void {
    this.#end += text.length;
    this.#text = (this.#text + text).slice(-REMEMBERED);
    this.#written += text.length;
    this.#file?.write(text);
    if (this.#file !== null && this.#written > this.#longest) this.#turn(this.#file, String(this.#path));
  }

  #turn(full: WriteStream, path: string): void {
    full.end();
    try {
      renameSync(path, `${path}.1`);
      this.#begin(this.#onTrouble);
    } catch (error) {
      this.#file = null;
      this.#onTrouble(`The console cannot be written to ${path}: ${String(error)}`);
    }
  }

  /** @param from position that an earlier call gave, 0 for the beginning @returns what came since, as far as it is remembered */
  since(from: number): { readonly text: string; readonly end: number } {
    const first = this.#end - this.#text.length;
    return { text: this.#text.slice(Math.max(0, from - first)), end: this.#end };
  }

  close(): void {
    this.#file?.end();
    this.#file = null;
  }
}
