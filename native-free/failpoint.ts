/**
 * Places at which a test ends the process as kill -9 would, by TAPYARD_FAILPOINT: `NAME:N` at the Nth passing of that place, `*:N` at the
 * Nth of any, `print` never, but each is named on stderr. Without the variable a place costs a comparison; none is on a frame's way.
 */
const wanted = process.env['TAPYARD_FAILPOINT'] ?? '';
const [name, nth] = wanted.split(':');
let left = Number(nth);

export function failpoint(place: string): void {
  if (wanted === '') return;
  if (wanted === 'print') process.stderr.write(`failpoint ${place}\n`);
  if ((name === '*' || name === place) && --left === 0) process.kill(process.pid, 'SIGKILL');
}
