/** @returns the text as one word of sh */
export function shellWord(text: string | number): string {
  return `'${String(text).replaceAll("'", "'\\''")}'`;
}

/** @returns words as a command of sh, silent */
export function shellCommand(words: readonly (string | number)[]): string {
  return `${words.map(shellWord).join(' ')} 2>/dev/null`;
}
