import { readdirSync, readFileSync } from 'node:fs';

export interface ThreadTime {
  /** As the kernel has it: 15 characters. */
  readonly name: string;
  /** Nanoseconds that a thread had a processor, and that it waited for one. */
  readonly ran: number;
  readonly waited: number;
}

/** Times of all threads of a process. Source: proc(5), /proc/pid/task/tid/schedstat; Documentation/scheduler/sched-stats.rst. */
export function threadsOf(pid: number | 'self'): Map<string, ThreadTime> {
  const tasks = `/proc/${pid}/task`;
  return new Map(
    readdirSync(tasks).map((thread) => {
      const [ran, waited] = readFileSync(`${tasks}/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      return [thread, { name: readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim(), ran, waited }];
    }),
  );
}

/** One look at the threads of a process, and when it was. */
export interface ThreadsLook {
  readonly threads: ReadonlyMap<string, ThreadTime>;
  readonly ms: number;
}

export function lookAtThreads(pid: number | 'self'): ThreadsLook {
  return { threads: threadsOf(pid), ms: performance.now() };
}

/** Share of the time between two looks for which the busiest thread, of those whose name begins so, waited for a processor. */
export function shareWaited(before: ThreadsLook, after: ThreadsLook, prefix = ''): number {
  const named = [...after.threads].filter(([, { name }]) => name.startsWith(prefix));
  const waited = sinceThen(before.threads, new Map(named))[0]?.waited ?? 0;
  return waited / 1e6 / (after.ms - before.ms);
}

/** Nanoseconds for which so many threads, the busiest, had a processor between two looks. */
export function ranOfBusiest(
  before: ReadonlyMap<string, ThreadTime>,
  after: ReadonlyMap<string, ThreadTime>,
  threads: number,
): number {
  const those = sinceThen(before, after).slice(0, threads);
  return those.reduce((sum, { ran }) => sum + ran, 0);
}

/** What each thread did, the busiest first. */
function sinceThen(before: ReadonlyMap<string, ThreadTime>, after: ReadonlyMap<string, ThreadTime>): ThreadTime[] {
  const since = [...after].map(([thread, { name, ran, waited }]) => {
    const then = before.get(thread) ?? { ran: 0, waited: 0 };
    return { name, ran: ran - then.ran, waited: waited - then.waited };
  });
  return since.sort((a, b) => b.ran - a.ran);
}
