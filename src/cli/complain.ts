import { LinuxError } from '../../native-free/errors.ts';
import { formatDiagnostics } from '../control/config/diagnostics.ts';
import { UserError } from '../errors.ts';

/** Prints an error for whoever called: what, where and the cure; with a stack only where it is our own fault. */
export function complain(error: unknown, json: boolean): void {
  if (json) {
    process.stderr.write(`${JSON.stringify({ error: describe(error) })}\n`);
    return;
  }
  if (error instanceof UserError) {
    if (error.diagnostics.length > 0) process.stderr.write(`${formatDiagnostics(error.diagnostics)}\n`);
    process.stderr.write(`tapyard: ${error.message}. Cure: ${error.cure}. [${error.code}]\n`);
  } else if (error instanceof LinuxError) {
    process.stderr.write(`tapyard: ${error.message} [${error.code}]\n`);
  } else {
    process.stderr.write(`tapyard: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
}

function describe(error: unknown): object {
  if (error instanceof UserError) {
    const { code, message, cure, diagnostics } = error;
    return { code, message, cure, diagnostics };
  }
  if (error instanceof LinuxError) return { code: error.code, message: error.message, cure: error.cure };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}
