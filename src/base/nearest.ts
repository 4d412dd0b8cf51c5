/** Suggestions for mistyped words. */

/**
 * The known word with the fewest edits (Levenshtein) from the given one; empty if none is known.
 */
export function nearest(word: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({
    candidate,
    edits: editDistance(word.toLowerCase(), candidate),
  }));
  return distances.sort((a, b) => a.edits - b.edits)[0]?.candidate ?? '';
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] as number) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, substitute));
    }
    row = next;
  }
  return row[b.length] as number;
}
