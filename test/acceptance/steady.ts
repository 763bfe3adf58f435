/**
 * Allocation, garbage collection and deoptimisation in steady state: on real TAPs with a worker, and in one thread with memory
 * ports. Exits 1 over a bar.
 *
 *   sh bin/node-pinned test/acceptance/steady.ts [--seconds 10] [--warm 10] [--frames 2000000] [--io uring|poll]
 *
 * Bars: a frame allocates nothing; an enter (a turn: one io_uring_enter, another where it had slept) at most 128 bytes, most of which are
 * node:ffi's for a call of seven arguments; no major collection on the worker; no deoptimisation in the folders of the hot path or of generated code. All after the warm-up.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NODE_FLAGS } from '../../src/lab/node-flags.ts';
import { sweep } from '../support/switch-process.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    warm: { type: 'string', default: '10' },
    frames: { type: 'string', default: '2000000' },
    io: { type: 'string', default: '' },
  },
});

const MOST_BYTES_AN_ENTER = 128;
/** Less than this a frame is what compilation and timers allocate beside the frames. */
const MOST_BYTES_A_FRAME = 1;
const LOW_RATE = 1000;
const HOT = /\/src\/(?:path|port|worker|frame|table|wire)\/[^<>:]*:\d+/;
/** What was generated is of no file. */
const GENERATED = /<unknown:\d+/;

interface Window {
  readonly from: number;
  readonly to: number;
}

interface Trace {
  /** What the child printed. */
  readonly result: never;
  /** Collections and deoptimisations of the isolate that was measured. */
  during(window: Window): { readonly minor: number; readonly major: number; readonly deopts: readonly string[] };
}

/** Runs a child that traces itself. @param measured whose isolate counts: the main thread's or the worker's */
async function traced(file: string, words: readonly string[], measured: 'main' | 'worker'): Promise<Trace> {
  const folder = mkdtempSync(join(tmpdir(), 'steady-'));
  try {
    const flags = [...NODE_FLAGS, '--expose-gc', '--trace-gc', '--log-deopt', `--logfile=${folder}/v8.log`];
    const script = fileURLToPath(new URL(`../support/${file}`, import.meta.url));
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', process.execPath, ...flags, script, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_V8_COVERAGE: '', ...(values.io === '' ? {} : { TAPYARD_IO: values.io }) },
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    const result = /^steady (.*)$/m.exec(text)?.[1];
    if (code !== 0 || result === undefined) throw new Error(`${file} ended with ${String(code)}`);
    // The child's first act is a collection on its main thread.
    const main = /\[\d+:(0x[0-9a-f]+)\].*Mark-Compact.*testing/.exec(text)?.[1] ?? '';
    const ours = (isolate: string) => (isolate === main) === (measured === 'main');
    const collections = [...text.matchAll(/\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: (.*)/g)]
      .filter(([, isolate]) => ours(isolate))
      .map(([, , ms, what]) => ({ ms: Number(ms), major: what.includes('Mark-Compact') }));
    const deopts = readdirSync(folder)
      .filter((name) => ours(/^isolate-(0x[0-9a-f]+)-/.exec(name)?.[1] ?? ''))
      .flatMap((name) => [...readFileSync(join(folder, name), 'latin1').matchAll(/^code-deopt,(\d+),.*$/gm)])
      .map(([line, us]) => ({ ms: Number(us) / 1000, line }));
    return {
      result: JSON.parse(result) as never,
      during: ({ from, to }) => {
        const within = collections.filter(({ ms }) => ms >= from && ms <= to);
        const major = within.filter((one) => one.major).length;
        const lines = deopts.filter(({ ms }) => ms >= from && ms <= to).map(({ line }) => line);
        return { minor: within.length - major, major, deopts: lines };
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let failures = 0;
function judge(what: string, ok: boolean): void {
  if (!ok) failures++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
}

function judgeTrace(where: string, trace: Trace, window: Window): void {
  const { minor, major, deopts: all } = trace.during(window);
  const deopts = all.filter((line) => HOT.test(line) || GENERATED.test(line));
  judge(`${where}: ${major} major collections (bar 0), ${minor} minor ones`, major === 0);
  judge(`${where}: ${deopts.length} deoptimisations of the hot path (bar 0)`, deopts.length === 0);
  for (const line of deopts) console.log(`     ${line}`);
}

interface Mark {
  readonly ms: number;
  readonly bytes: number;
  readonly turns: number;
  readonly enters: number;
  readonly frames: number;
}

async function onTaps(): Promise<void> {
  const trace = await traced('steady-taps.ts', [values.warm, values.seconds, String(LOW_RATE)], 'worker');
  const { io, full, low } = trace.result as { io: string; full: readonly [Mark, Mark]; low: readonly [Mark, Mark] };
  const grown = ([before, after]: readonly [Mark, Mark]) => {
    const grew = (key: keyof Mark) => after[key] - before[key];
    const [bytes, enters, frames] = [grew('bytes'), grew('enters'), grew('frames')];
    const perEnter = bytes / enters;
    return {
      ...{ perEnter, frames },
      text: `${frames} frames in ${grew('turns')} turns, ${enters} enters, ${perEnter.toFixed(1)} bytes an enter`,
    };
  };
  const where = `TAPs, ${io}`;
  const { perEnter, frames, text } = grown(full);
  // By poll every frame is a system call or two of its own: reported, not judged.
  const most = io === 'uring' ? MOST_BYTES_AN_ENTER : Number.POSITIVE_INFINITY;
  judge(`${where}, full load: ${text} (bar ${most})`, perEnter <= most && frames > 0);
  console.log(`     ${where}, ${2 * LOW_RATE} frames/s: ${grown(low).text}`);
  judgeTrace(`${where}, full load`, trace, { from: full[0].ms, to: full[1].ms });
}

async function inMemory(): Promise<void> {
  const trace = await traced('steady-memory.ts', [values.warm, values.frames], 'main');
  type Run = Window & { readonly bytes: number; readonly received: number };
  const { frames, idle, loaded, changed } = trace.result as { frames: number; changed: Window } & Record<
    'idle' | 'loaded',
    Run
  >;
  const perFrame = (loaded.bytes - idle.bytes) / frames;
  judge(`memory: ${loaded.received} of ${frames} frames came out`, loaded.received === frames);
  judge(
    `memory: ${perFrame.toFixed(3)} bytes a frame (bar: below ${MOST_BYTES_A_FRAME})`,
    perFrame < MOST_BYTES_A_FRAME,
  );
  judgeTrace('memory', trace, loaded);
  // The slow path's functions may: they are not what all other frames wait for.
  const thrown = trace.during(changed).deopts.filter((line) => GENERATED.test(line));
  judge(`memory, a neighbour changes: ${thrown.length} deoptimisations of generated code (bar 0)`, thrown.length === 0);
  for (const line of thrown) console.log(`     ${line}`);
}

sweep();
await inMemory();
await onTaps();
process.exitCode = failures === 0 ? 0 : 1;
