const most = Number(process.env.AWAKE ?? 150) / 1000;
let until = 0;
let running = false;
export function stayAwake(): void {
  if (most === 0) return;
  until = performance.now() + most;
  if (running) return;
  running = true;
  setImmediate(turn);
}
function turn(): void {
  if (performance.now() > until) running = false;
  else setImmediate(turn);
}
