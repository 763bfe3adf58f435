import { type ErrorCode, LinuxError } from '../../native-free/errors.ts';
import { type ErrorKind, UserError } from '../errors.ts';

/** How every command ends. From 64 on these are the codes of sysexits.h (BSD). */
export const Exit = {
  Ok: 0,
  /** What was to be checked does not hold: `demo`, `check` of a running switch. */
  CheckFailed: 1,
  /** The command line is wrong. */
  Usage: 2,
  /** EX_DATAERR: a data file (routes, pcap) or a rule has errors. */
  Data: 65,
  /** EX_NOINPUT: a file that was named cannot be read. */
  NoInput: 66,
  /** EX_UNAVAILABLE: no switch runs, another one does, or a device is in use. */
  Unavailable: 69,
  /** EX_SOFTWARE: an error of Tapyard's own. */
  Software: 70,
  /** EX_NOPERM: a privilege is missing. */
  Permission: 77,
  /** EX_CONFIG: the configuration has errors, or the machine lacks something. */
  Config: 78,
} as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

const exitOfKind: Record<ErrorKind, Exit> = {
  check: Exit.CheckFailed,
  usage: Exit.Usage,
  data: Exit.Data,
  input: Exit.NoInput,
  unavailable: Exit.Unavailable,
  permission: Exit.Permission,
  config: Exit.Config,
};

/** How errors of Linux end a command; the others are `Config`: something that is named is not there, or the machine lacks something. */
const exitOfLinux: Partial<Record<ErrorCode, Exit>> = {
  E_PERMISSION: Exit.Permission,
  E_TAP_PERMISSION: Exit.Permission,
  E_NETNS_PERMISSION: Exit.Permission,
  E_DEVICE_BUSY: Exit.Unavailable,
  E_DEVICE_IN_USE: Exit.Unavailable,
  E_URING: Exit.Software,
  E_SYSTEM: Exit.Software,
};

/** The exit code that an error ends a command with; what is not the user's is `Software`. */
export function exitOf(error: unknown): Exit {
  if (error instanceof UserError) return exitOfKind[error.kind];
  return error instanceof LinuxError ? (exitOfLinux[error.code] ?? Exit.Config) : Exit.Software;
}
