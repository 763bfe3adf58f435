import { views } from '../control/show.ts';
import { type CheckResult, runChecks } from '../lab/check.ts';
import { demoChecks } from '../lab/checks.ts';
import { Lab } from '../lab/lab.ts';
import { showLive } from '../lab/live.ts';
import { runRootless } from '../lab/rootless.ts';
import { Exit } from './exit.ts';
import { table } from './table.ts';

interface DemoOptions {
  readonly once?: true;
  readonly json?: true;
  readonly rootless?: true;
  readonly seconds: number;
}

/**
 * Builds the lab of two tenants, checks what Tapyard claims, shows it live on a terminal, and takes everything down. Who is not root does so
 * in a user namespace of his own.
 */
export async function demo(options: DemoOptions): Promise<void> {
  const json = options.json === true;
  if (options.rootless === true || process.geteuid?.() !== 0) {
    if (!json) process.stdout.write('In a user namespace of its own\n');
    const { once, seconds } = options;
    const words = [once === true ? ['--once'] : [], json ? ['--json'] : [], ['--seconds', String(seconds)]].flat();
    process.exitCode = await runRootless(['demo', ...words]);
    return;
  }
  const say = (text: string) => {
    if (!json) process.stdout.write(`${text}\n`);
  };
  const ending = new AbortController();
  const { signal } = ending;
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    ending.abort();
  };
  const onSignal = () => {
    // Who asks twice cannot wait: the exit hooks take down what they can.
    if (interrupted) process.exit(Exit.CheckFailed);
    interrupt();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  // Whoever read our lines is gone (`tapyard demo | head`).
  process.stdout.on('error', interrupt);
  const started = performance.now();
  let lab: Lab | undefined;
  try {
    lab = await Lab.start((error) => ending.abort(error));
    signal.throwIfAborted();
    const seconds = (performance.now() - started) / 1000;
    for (const name of lab.removed) say(`removed ${name}, which a killed process had left`);
    say(introduction(lab, seconds));
    const results = await runChecks(lab, demoChecks(options.seconds), signal, (result) => say(line(result)));
    const drops = await views.drops(lab.running, {});
    const ok = results.every((result) => result.ok);
    process.exitCode = ok ? Exit.Ok : Exit.CheckFailed;
    say(`\nDrops, each for a reason\n${drops.length === 0 ? 'none\n' : table(drops)}`);
    say(summary(results, (performance.now() - started) / 1000));
    if (json) {
      const ports = await views.ports(lab.running, {});
      const document = { ok, checks: results, drops, ports, seconds: (performance.now() - started) / 1000 };
      process.stdout.write(`${JSON.stringify(document)}\n`);
    } else if (process.stdout.isTTY && options.once !== true) {
      const write = (text: string) => process.stdout.write(text);
      await showLive(lab, { write, table }, signal);
    }
  } catch (error) {
    if (!interrupted) throw signal.aborted ? signal.reason : error;
    process.exitCode = Exit.CheckFailed;
    process.stderr.write('tapyard: interrupted\n');
  } finally {
    await lab?.stop();
    for (const name of names) process.off(name, onSignal);
  }
}

function introduction(lab: Lab, seconds: number): string {
  const { workers, tenants } = lab.running;
  const io = workers.map((worker) => worker.io).join(', ');
  return [
    `Tapyard: ${tenants.length} tenants with the same addresses and VLANs, ${lab.hosts().length} hosts on TAPs, up in ${seconds.toFixed(1)} s (${io})`,
    ...(lab.echo ? [] : ['/proc/sys is read-only: reachability is tried with UDP instead of ping']),
    '',
  ].join('\n');
}

function line({ ok, claim, measured }: CheckResult): string {
  return `${ok ? '✓' : '✗'} ${claim}: ${measured}`;
}

function summary(results: readonly CheckResult[], seconds: number): string {
  const held = results.filter(({ ok }) => ok).length;
  return `${held} of ${results.length} checks hold, ${seconds.toFixed(1)} s`;
}
