/** Aborts at SIGINT or SIGTERM, so that a command which shows something for ever ends as it should. */
export function untilSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ending.abort());
  return ending.signal;
}
