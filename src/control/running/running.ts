import { type Diagnostic, UserError } from '../../errors.ts';
import { type ConfigDocument, loadDocument, parseConfig } from '../config/load.ts';
import type { SwitchModel } from '../config/model.ts';
import { isWritten } from '../config/routes-file.ts';
import { writeDocument } from '../config/yaml.ts';
import type { Events } from '../events.ts';
import { carryOver, keyOf, type ObjectName, type Tree } from './document.ts';
import { type Edit, edit } from './edits.ts';
import { type PlannedChange, planOf } from './plan.ts';

/** What of a switch a running configuration needs. */
export interface Changeable {
  readonly model: SwitchModel;
  readonly events: Events;
  change(to: SwitchModel): Promise<void>;
  /** What says which state of its routes file a tenant has read. */
  routesStamp?(tenant: string): string | undefined;
}

/** A configuration: what its document says, what of it was added by hand, and what that means. */
interface State {
  readonly tree: Tree;
  readonly owned: readonly ObjectName[];
  readonly model: SwitchModel;
}

export interface ApplyOptions {
  /** Roll back after so many seconds, unless it is confirmed. */
  readonly trySeconds?: number;
}

/**
 * The configuration that a switch runs: that of its file, with what was added or removed by hand since. All changes come through here,
 * one at a time, and each is whole or has not happened. What was added by hand stays when a file is applied, unless the file has it too.
 */
export class Running {
  readonly #running: Changeable;
  /** The file of the start. */
  readonly #file: string;
  #state: State;
  /** What is rolled back to unless the last change is confirmed, and when. */
  #trial: { readonly state: State; readonly timer: NodeJS.Timeout; readonly until: number } | null = null;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param tree of the file that the switch was started with */
  constructor(running: Changeable, tree: Tree) {
    this.#running = running;
    this.#file = running.model.file;
    this.#state = { tree, owned: [], model: running.model };
  }

  /** What would change if the file were applied; nothing does. @throws UserError with what is wrong with it */
  async plan(file?: string | ConfigDocument): Promise<readonly PlannedChange[]> {
    return this.#planTo(await this.#read(file));
  }

  /** Applies a file, that of the start if none is named. @returns what has changed @throws UserError, LinuxError; nothing has changed then */
  apply(file?: string | ConfigDocument, { trySeconds }: ApplyOptions = {}): Promise<readonly PlannedChange[]> {
    return this.#alone(async () => {
      this.#refuseTrial();
      const before = this.#state;
      const plan = await this.#become(await this.#read(file));
      if (trySeconds !== undefined) this.#try(before, trySeconds);
      return plan;
    });
  }

  /** Keeps what was applied on trial. @throws UserError when nothing is */
  confirm(): void {
    if (this.#trial === null) throw nothingOnTrial();
    clearTimeout(this.#trial.timer);
    this.#trial = null;
  }

  /** Takes back at once what was applied on trial. */
  rollback(): Promise<readonly PlannedChange[]> {
    return this.#alone(async () => {
      const trial = this.#trial;
      if (trial === null) throw nothingOnTrial();
      clearTimeout(trial.timer);
      this.#trial = null;
      return await this.#become(trial.state);
    });
  }

  /** Seconds until what is on trial is taken back; null: nothing is. */
  get trialSeconds(): number | null {
    return this.#trial === null ? null : Math.max(0, Math.ceil((this.#trial.until - Date.now()) / 1000));
  }

  /** A single change by hand. @throws UserError, LinuxError; nothing has changed then */
  edit(wanted: Edit): Promise<readonly PlannedChange[]> {
    return this.#alone(async () => {
      this.#refuseTrial();
      const { tree, owned } = this.#state;
      const edited = edit(tree, wanted);
      const gone = edited.removed === null ? null : keyOf(edited.removed);
      const kept = owned.filter((name) => keyOf(name) !== gone);
      return await this.#become(this.#validated(edited.tree, edited.added === null ? kept : [...kept, edited.added]));
    });
  }

  /** All that runs, as a file of configuration. */
  export(): string {
    return writeDocument(this.#state.tree);
  }

  /** Ends a trial without taking anything back: the switch ends. */
  close(): void {
    clearTimeout(this.#trial?.timer);
    this.#trial = null;
  }

  #planTo({ model }: State): PlannedChange[] {
    const files = model.tenants.flatMap(({ name, router }) => {
      const before = this.#state.model.tenants.find((one) => one.name === name)?.router?.routesFile;
      const path = router?.routesFile ?? null;
      if (path === null || path !== before || !isWritten(this.#running.routesStamp?.(name), path)) return [];
      const fields = [{ field: 'routes_file', from: 'as it was read', to: 'as it is now' }];
      return [
        {
          sign: '~' as const,
          kind: 'router',
          tenant: name,
          name: '',
          fields,
          text: `router ${name}: ${path} has been written`,
        },
      ];
    });
    return [...planOf(this.#state.model, model), ...files];
  }

  async #become(to: State): Promise<readonly PlannedChange[]> {
    const plan = this.#planTo(to);
    await this.#running.change(to.model);
    this.#state = to;
    return plan;
  }

  /** A file, and what was added by hand. */
  async #read(file: string | ConfigDocument | undefined): Promise<State> {
    const { tree, owned } = this.#state;
    const read = typeof file === 'object' ? file : await loadDocument(file ?? this.#file);
    if (owned.length === 0) return { tree: read.tree, owned, model: read.model };
    const whole = carryOver(read.tree, tree, owned);
    return this.#validated(whole.tree, whole.owned, read.model.file);
  }

  /** What no file has as it is passes the same schema and checks as a file. */
  #validated(tree: Tree, owned: readonly ObjectName[], file: string = this.#state.model.file): State {
    const { model, diagnostics } = parseConfig(writeDocument(tree, 0), file);
    if (model !== undefined) return { tree, owned, model };
    const found: Diagnostic[] = diagnostics.map((one) => ({
      ...one,
      place: { ...one.place, file: 'running configuration' },
    }));
    const message = 'The configuration would have errors with that';
    throw new UserError('config-invalid', message, 'mend what is listed', { diagnostics: found });
  }

  #try(before: State, seconds: number): void {
    const timer = setTimeout(() => {
      this.rollback().then(
        () => this.#running.events.add({ type: 'rolled-back', seconds }),
        (error: unknown) => {
          const message = `Rolling back failed: ${error instanceof Error ? error.message : String(error)}`;
          this.#running.events.add({ type: 'trouble', message });
        },
      );
    }, seconds * 1000);
    this.#trial = { state: before, timer, until: Date.now() + seconds * 1000 };
  }

  #refuseTrial(): void {
    if (this.#trial === null) return;
    const message = `A change is on trial for another ${this.trialSeconds} s`;
    throw new UserError('change-on-trial', message, 'tapyard confirm keeps it, tapyard rollback takes it back');
  }

  /** One change at a time. */
  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function nothingOnTrial(): UserError {
  return new UserError('usage', 'No change is on trial', 'apply one with tapyard apply FILE --try SECONDS');
}
