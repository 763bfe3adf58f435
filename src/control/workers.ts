import type { PoolAudit, ToWorker } from '../worker/messages.ts';
import { WorkerHandle, type WorkerHooks, type WorkerOptions } from './worker-handle.ts';

/** Workers as those see them who change a switch. */
export interface WorkerGroup {
  readonly count: number;
  readonly all: readonly { wake(): void }[];
  /** Sends a message to all workers. @returns when all have carried it out: every later frame sees the change */
  tell(message: ToWorker): Promise<void>;
}

/** All workers of a switch, told and asked together. */
export class Workers implements WorkerGroup {
  readonly all: readonly WorkerHandle[];

  constructor(options: Omit<WorkerOptions, 'worker'>, hooks: WorkerHooks) {
    let failed = false;
    const once: WorkerHooks = {
      ...hooks,
      failed: (error) => {
        if (!failed) hooks.failed(error);
        failed = true;
      },
    };
    this.all = Array.from({ length: options.workers }, (_, worker) => new WorkerHandle({ ...options, worker }, once));
  }

  get count(): number {
    return this.all.length;
  }

  async ready(): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.ready()));
  }

  async tell(message: ToWorker): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.send(message)));
  }

  /** Sends each worker its own message. */
  async tellEach(message: (worker: number) => ToWorker): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.send(message(worker.index))));
  }

  /** Slots of each worker's pool, counted by walking it. */
  audit(): Promise<(PoolAudit | null)[]> {
    return Promise.all(this.all.map((worker) => worker.send({ type: 'audit' })));
  }

  /** All that an `exit` handler can do. */
  askToStop(): void {
    for (const worker of this.all) worker.askToStop();
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((worker) => worker.stop()));
  }
}
