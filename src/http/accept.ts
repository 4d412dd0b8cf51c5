/** Content negotiation by the `Accept` header (RFC 9110, 12.5.1). */

interface MediaRange {
  readonly type: string;
  readonly quality: number;
}

function rangesOf(accept: string): MediaRange[] {
  return accept.split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const value = quality === undefined ? 1 : Number(quality.slice(2));
    return { type, quality: Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 1 };
  });
}

/** How exactly a range names a type: 3 by name, 2 by its kind (`text/*`), 1 as anything, 0 not at all. */
function exactness(range: string, type: string): number {
  if (range === type) return 3;
  if (range === '*/*') return 1;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}

/**
 * The best of the types on offer: of the highest quality, then named most exactly, then first on
 * offer. The first where none is acceptable, or nothing was asked for: an answer in another form is
 * worth more than none.
 */
export function preferred(accept: string | undefined, offers: readonly [string, ...string[]]): string {
  let [best] = offers;
  let bestScore = 0;
  if (accept === undefined) return best;
  const ranges = rangesOf(accept);
  for (const offer of offers) {
    // The range that names the type most exactly speaks for it.
    let exact = 0;
    let quality = 0;
    for (const range of ranges) {
      const fit = exactness(range.type, offer);
      if (fit > exact) [exact, quality] = [fit, range.quality];
    }
    const score = quality === 0 ? 0 : quality * 10_000 + exact;
    if (score > bestScore) [best, bestScore] = [offer, score];
  }
  return best;
}
