/**
 * Ends the process quietly when whoever read what it prints has gone (`tapyard show routes | head`), unless the command itself
 * listens to that, since it has something to take down first. What nobody reads on standard error is lost: a switch goes on.
 */
export function leaveWhenUnread(): void {
  process.stdout.on('error', () => {
    if (process.stdout.listenerCount('error') === 1) process.exit();
  });
  process.stderr.on('error', () => {});
}
