/**
 * The versions of a key that a reader sees. These rules only hide: a hidden version is later
 * removed by a causal delete of exactly its dot. Until then all replicas hide the same versions.
 */
import { expiryOf, timestampOf, writeNameOf } from './content.ts';
import { compareDots, type ObjectVersion } from '../causality/object.ts';

/** The rules by which versions are shown. */
export interface View {
  /**
   * The time, µs since 1970, at or before which an expiry hides its version. Called only if a
   * version has an expiry.
   */
  readonly now: () => number;
  /**
   * Whether only the newest version is shown. Of two with the same time, the one with the greater
   * dot is shown.
   */
  readonly isLastWriteWins: boolean;
}

type Packed = ObjectVersion<Uint8Array>;

/** The versions that a reader sees. */
export function visible(
  versions: readonly Packed[],
  { now, isLastWriteWins }: View,
): readonly Packed[] {
  const [first] = versions;
  if (first === undefined) return versions;
  // Picks the winner before it checks expiry. Otherwise an overwritten version would return when
  // the winner expires.
  const shown =
    versions.length === 1
      ? versions
      : isLastWriteWins
        ? versions.reduce(newer, [] as Packed[])
        : withoutTwins(versions);
  let nowMicros: number | undefined;
  const isLiving = ({ body }: Packed): boolean => {
    const expiresMicros = expiryOf(body);
    return expiresMicros === undefined || expiresMicros > (nowMicros ??= now());
  };
  return shown.every(isLiving) ? shown : shown.filter(isLiving);
}

/**
 * The versions that no reader sees. All of them must be removed together: if a hiding version were
 * removed alone, the version that it hides would return.
 */
export function hidden(versions: readonly Packed[], view: View): readonly Packed[] {
  const shown = visible(versions, view);
  return shown.length === versions.length
    ? []
    : versions.filter((version) => !shown.includes(version));
}

function newer([best]: Packed[], version: Packed): Packed[] {
  if (best === undefined) return [version];
  return [
    (timestampOf(version.body) - timestampOf(best.body) || compareDots(version, best)) > 0
      ? version
      : best,
  ];
}

/**
 * The versions without the copies of a write that was sent twice. Of those, the one with the least
 * dot stays, so every node picks the same. One Idempotency-Key with different values is two writes:
 * both were acknowledged.
 */
function withoutTwins(versions: readonly Packed[]): readonly Packed[] {
  const firsts = new Map<string, Packed>();
  const twins = new Set<Packed>();
  for (const version of versions) {
    const write = writeNameOf(version.body);
    if (write === undefined) continue;
    const first = firsts.get(write);
    const isFirst = first === undefined || compareDots(version, first) < 0;
    if (isFirst) firsts.set(write, version);
    if (first !== undefined) twins.add(isFirst ? first : version);
  }
  return twins.size === 0 ? versions : versions.filter((version) => !twins.has(version));
}
