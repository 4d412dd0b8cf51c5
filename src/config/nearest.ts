/** Which known word was meant by one that is not known. */

/** The known word with the fewest edits (Levenshtein) to the given one. */
export function nearest(word: string, known: readonly string[]): string {
  const distances = known.map((candidate) => ({ candidate, edits: editDistance(word.toLowerCase(), candidate) }));
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
