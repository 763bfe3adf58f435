import { type ErrorCode, LinuxError } from '../../native-free/errors.ts';
import { type ErrorKind, UserError } from '../errors.ts';

/** How every command ends. From 64 on these are the codes of sysexits.h (BSD). */
export const Exit = {
  Ok: 0,
  /** What was to be checked does not hold: `demo`, `check` of a running switch. */
  CheckFailed: 1,
  /** The command line is wrong. */
  Usage: 2,
  /** EX_DATAERR: a data file has errors (routes, pcap). */
  Data: 65,
  /** EX_NOINPUT: a file that was named cannot be read. */
  NoInput: 66,
  /** EX_UNAVAILABLE: no switch runs, or another one does. */
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

/** What Linux refuses that the user can mend: a privilege, or something that the machine lacks. */
const exitOfLinux: Partial<Record<ErrorCode, Exit>> = {
  E_PERMISSION: Exit.Permission,
  E_TAP_PERMISSION: Exit.Permission,
  E_NETNS_PERMISSION: Exit.Permission,
  E_TUN_MISSING: Exit.Config,
  E_TOOL_MISSING: Exit.Config,
  E_TC_MISSING: Exit.Config,
  E_URING_MISSING: Exit.Config,
  E_URING_DISABLED: Exit.Config,
};

/** The exit code that an error ends a command with; what is not the user's is `Software`. */
export function exitOf(error: unknown): Exit {
  if (error instanceof UserError) return exitOfKind[error.kind];
  return (error instanceof LinuxError ? exitOfLinux[error.code] : undefined) ?? Exit.Software;
}
