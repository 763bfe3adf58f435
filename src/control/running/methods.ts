import { UserError } from '../../errors.ts';
import type { Json } from '../../json.ts';
import type { Methods, Params } from '../rpc.ts';
import { editOf } from './edits.ts';
import type { PlannedChange } from './plan.ts';
import type { Running } from './running.ts';

/** Longest trial: a day. */
const MOST_SECONDS = 86_400;

/** Methods of the control socket that change what runs. */
export function changeMethods(running: Running): Methods {
  return {
    plan: async (params) => json(await running.plan(fileOf(params))),
    apply: async (params) => {
      const trySeconds = secondsOf(params);
      const changes = await running.apply(fileOf(params), trySeconds === undefined ? {} : { trySeconds });
      return { changes: json(changes), trial_s: running.trialSeconds };
    },
    confirm: () => {
      running.confirm();
      return null;
    },
    rollback: async () => json(await running.rollback()),
    edit: async (params) => json(await running.edit(editOf(params))),
    export: () => running.export(),
  };
}

function json(changes: readonly PlannedChange[]): Json {
  return changes as unknown as Json;
}

function fileOf({ file }: Params): string | undefined {
  if (file === undefined || file === null) return undefined;
  if (typeof file === 'string') return file;
  throw new UserError('usage', 'The file is no path', 'give an absolute path');
}

function secondsOf({ try: seconds }: Params): number | undefined {
  if (seconds === undefined || seconds === null) return undefined;
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST_SECONDS)
    return seconds;
  throw new UserError('usage', 'The time of a trial is no number of seconds', `choose 1 to ${MOST_SECONDS}`);
}
