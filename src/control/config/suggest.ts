/**
 * The known word that was most likely meant, or null. Case, `-` and `_` do not count; then beginnings (`addr`), then words at
 * most a third of their letters apart, where a swap of neighbours is one step (Damerau 1964).
 */
export function suggest(word: string, known: readonly string[]): string | null {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_ ]/g, '');
  const wanted = plain(word);
  const same = known.find((candidate) => plain(candidate) === wanted);
  if (same !== undefined) return same;
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const other = plain(candidate);
    const steps = distance(wanted, other);
    if (steps < least && steps <= Math.max(1, Math.floor(Math.max(other.length, wanted.length) / 3))) {
      best = candidate;
      least = steps;
    }
  }
  if (best !== null || wanted.length < 2) return best;
  return known.find((candidate) => plain(candidate).startsWith(wanted) || wanted.startsWith(plain(candidate))) ?? null;
}

function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
