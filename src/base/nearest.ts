/** Suggestions for mistyped words. */

/**
 * The known word with the fewest edits (Levenshtein) from the given one. Of several, the one that
 * begins like it. Empty if all have more than `maxEdits`.
 */
export function nearest(word: string, known: readonly string[], maxEdits = Infinity): string {
  const meant = word.toLowerCase();
  const candidates = known.map((candidate) => ({
    candidate,
    edits: editDistance(meant, candidate),
    shared: sharedStart(meant, candidate),
  }));
  const [best] = candidates.sort((a, b) => a.edits - b.edits || b.shared - a.shared);
  return best !== undefined && best.edits <= maxEdits ? best.candidate : '';
}

/** The number of characters with which both words begin. */
function sharedStart(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
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
