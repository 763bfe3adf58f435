import type { Argument, Command, Option } from 'commander';

/** What could stand where the cursor is. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of files could stand there too: the shell knows them. */
  readonly files: boolean;
}

/** Names that a running switch knows. @param socket null: the usual one @param tenant whose ports; null: of all */
export interface Names {
  tenants(socket: string | null): Promise<readonly string[]>;
  ports(socket: string | null, tenant: string | null): Promise<readonly string[]>;
}

/** What arguments and values of options stand for, by the name that the help gives them. */
const FILES = new Set(['file', 'files', 'path']);

/**
 * What could stand where the cursor is, told from the commands' own definitions.
 * @param words after the program's name, the one that the cursor is in last: perhaps empty
 */
export async function complete(program: Command, words: readonly string[], names: Names): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const line = new Line(program);
  for (const word of words.slice(0, -1)) line.read(word);
  const { candidates, files } = await line.next(current, names);
  return { candidates: candidates.filter(({ value }) => value.startsWith(current)), files };
}

/** A command line, read as far as the cursor. */
class Line {
  #command: Command;
  /** Words that stand for arguments of the command. */
  readonly #given: string[] = [];
  /** The option whose value comes next. */
  #pending: Option | undefined;
  #onlyArguments = false;
  #socket: string | null = null;

  constructor(program: Command) {
    this.#command = program;
  }

  read(word: string): void {
    if (this.#pending !== undefined) {
      if (this.#pending.long === '--socket') this.#socket = word;
      this.#pending = undefined;
    } else if (word === '--') this.#onlyArguments = true;
    else if (word.startsWith('-') && !this.#onlyArguments) {
      const option = this.#options().find(({ short, long }) => word === short || word === long);
      if (option?.required === true) this.#pending = option;
    } else {
      const below = this.#given.length === 0 ? this.#command.commands.find((one) => one.name() === word) : undefined;
      if (below === undefined) this.#given.push(word);
      else this.#command = below;
    }
  }

  async next(current: string, names: Names): Promise<Completion> {
    if (this.#pending !== undefined) return this.#values(this.#pending, valueName(this.#pending), names);
    if (current.startsWith('-') && !this.#onlyArguments) {
      const candidates = this.#options().flatMap(({ long, description }) =>
        long === undefined || long === null ? [] : [{ value: long, description }],
      );
      return { candidates, files: false };
    }
    const below = this.#given.length === 0 ? visible(this.#command) : [];
    const commands = below.map((one) => ({ value: one.name(), description: one.description() }));
    const argument = this.#argument();
    if (argument === undefined) return { candidates: commands, files: false };
    const values = await this.#values(argument, argument.name(), names);
    return { candidates: [...commands, ...values.candidates], files: values.files };
  }

  /** The command, and below it the one that is meant where none is named (`tapyard flows TENANT`). */
  #meant(): readonly Command[] {
    const standard = this.#command.commands.find((one) => one.name() === 'dump');
    return standard === undefined ? [this.#command] : [this.#command, standard];
  }

  #options(): Option[] {
    return this.#meant().flatMap((command) => [...command.createHelp().visibleOptions(command)]);
  }

  /** The argument that the next word would be. */
  #argument(): Argument | undefined {
    const list = this.#meant().at(-1)?.registeredArguments ?? [];
    const last = list.at(-1);
    return list[this.#given.length] ?? (last?.variadic === true ? last : undefined);
  }

  async #values(of: Option | Argument, name: string, names: Names): Promise<Completion> {
    const plain = (values: readonly string[]) => values.map((value) => ({ value, description: '' }));
    if (of.argChoices !== undefined) return { candidates: plain(of.argChoices), files: false };
    if (FILES.has(name)) return { candidates: [], files: true };
    if (name === 'tenant') return { candidates: plain(await names.tenants(this.#socket)), files: false };
    if (name !== 'port' && of.name() !== 'port') return { candidates: [], files: false };
    const place =
      this.#meant()
        .at(-1)
        ?.registeredArguments.findIndex((argument) => argument.name() === 'tenant') ?? -1;
    const tenant = this.#given[place] ?? null;
    return { candidates: plain(await names.ports(this.#socket, tenant)), files: false };
  }
}

function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

/** `path` of `--socket <path>`. */
function valueName({ flags }: Option): string {
  return /[<[]([\w-]+)/.exec(flags)?.[1] ?? '';
}
