import { spawnSync } from 'node:child_process';
import { Errno, type ErrorCode, errnoName, LinuxError } from './errors.ts';
import { failpoint } from './failpoint.ts';

export type Words = readonly (string | number)[];

/** The tools stay in English, and are found where a user's PATH has no sbin. */
export const TOOL_ENVIRONMENT = {
  ...process.env,
  LC_ALL: 'C',
  PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`,
};

/** What ip and tc say for an errno (strerror of the C library), and words of their own, first match wins. */
const SAYINGS: readonly (readonly [RegExp, string, ErrorCode])[] = [
  [/Cannot open network namespace/, 'ENOENT', 'E_NETNS_MISSING'],
  [/Cannot create namespace file.*File exists/, 'EEXIST', 'E_NETNS_EXISTS'],
  [/Cannot remove namespace file.*No such file/, 'ENOENT', 'E_NETNS_MISSING'],
  [/setting the network namespace.*failed|mount .* failed|Unshare failed/i, 'EPERM', 'E_NETNS_PERMISSION'],
  [/Cannot find device|No such device|does not exist/, 'ENODEV', 'E_DEVICE_MISSING'],
  [/Specified qdisc kind is unknown|TC classifier not found|Failed to load TC action/, 'ENOENT', 'E_TC_MISSING'],
  [/Operation not permitted|Permission denied/, 'EPERM', 'E_PERMISSION'],
  [/Device or resource busy/, 'EBUSY', 'E_DEVICE_BUSY'],
  [/File exists/, 'EEXIST', 'E_DEVICE_EXISTS'],
  [/Network is unreachable|No route to host|Nexthop has invalid gateway/, 'ENETUNREACH', 'E_VALUE'],
  [/Numerical result out of range|mtu (greater|less) than/, 'ERANGE', 'E_VALUE'],
  [/Error: .* is expected rather than|is invalid lladdr|is wrong|Error: either/, 'EINVAL', 'E_VALUE'],
  [/Invalid argument|Cannot assign requested address/, 'EINVAL', 'E_VALUE'],
  [/Operation not supported/, 'EOPNOTSUPP', 'E_SYSTEM'],
];

function quoted(word: string | number): string {
  const text = String(word);
  if (/["\n\\]/.test(text)) {
    throw new LinuxError({ code: 'E_VALUE', call: 'quoting a word', object: JSON.stringify(text), errno: 'EINVAL' });
  }
  return /[\s#]/.test(text) || text === '' ? `"${text}"` : text;
}

/**
 * Runs `ip` or `tc` and waits for it: 2 to 5 ms of a thread that moves no frames. Synchronous on purpose: the steps of a
 * set-up depend on each other, and clean-up must work in an `exit` hook, where nothing asynchronous runs any more.
 * @param commands given on stdin as a batch: one process for any number of commands
 * @returns what the tool wrote to stdout
 * @throws LinuxError, naming the first command that failed; those before it have been done
 */
export function runTool(tool: 'ip' | 'tc', options: Words, commands: readonly Words[] = []): string {
  const words = [...options, ...(commands.length > 0 ? ['-batch', '-'] : [])].map(String);
  const input = commands.map((command) => `${command.map(quoted).join(' ')}\n`).join('');
  const done = spawnSync(tool, words, {
    input,
    encoding: 'utf8',
    env: TOOL_ENVIRONMENT,
    timeout: 60_000,
    maxBuffer: 1 << 28,
  });
  failpoint(tool);
  if (done.error === undefined && done.status === 0) return done.stdout;
  const said = done.stderr ?? '';
  const line = /Command failed -:(\d+)/.exec(said)?.[1];
  const failed = line === undefined ? commands[0] : commands[Number(line) - 1];
  const call = [tool, ...options, ...(failed ?? [])].join(' ');
  const object = objectOf(failed ?? options);
  if (done.error !== undefined) {
    const name = (done.error as NodeJS.ErrnoException).code ?? 'EIO';
    const missing = name === errnoName(Errno.ENOENT);
    throw new LinuxError({ code: missing ? 'E_TOOL_MISSING' : 'E_SYSTEM', call, object, errno: name });
  }
  const saying = SAYINGS.find(([pattern]) => pattern.test(said));
  const text =
    said.split('\n').find((part) => part !== '' && !part.startsWith('Command failed')) ?? `exit ${done.status}`;
  throw new LinuxError({
    code: saying?.[2] ?? 'E_SYSTEM',
    call,
    object,
    errno: saying === undefined ? text : `${saying[1]} (${text})`,
  });
}

/** The word after `dev`, or the namespace, or the last but the options: what a person would say was worked on. */
function objectOf(words: Words): string {
  const at = words.indexOf('dev');
  if (at >= 0 && at + 1 < words.length) return String(words[at + 1]);
  const namespace = words.indexOf('-n');
  if (namespace >= 0) return `namespace ${words[namespace + 1]}`;
  return String(words.at(-1) ?? 'nothing');
}
