/** Content negotiation by the header `Accept` (RFC 9110, 12.5.1). */

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

/**
 * How exactly a range matches a type: 3 exactly, 2 by main type (`text/*`), 1 as any type, 0 not at
 * all.
 */
function exactness(range: string, type: string): number {
  if (range === type) return 3;
  if (range === '*/*') return 1;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}

/**
 * The best of the offered types: by quality, then by the exactness of the match, then by the order
 * of the offers. Returns the first offer if none is acceptable, because an answer in another form
 * is better than none.
 */
export function preferred(
  accept: string | undefined,
  offers: readonly [string, ...string[]],
): string {
  let [best] = offers;
  let bestScore = 0;
  if (accept === undefined) return best;
  const ranges = rangesOf(accept);
  for (const offer of offers) {
    // The quality of a type is that of its most exact range.
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
