/**
 * What a reader sees of the versions that a key has. Nothing is decided here but what is shown:
 * what is not shown goes by a causal delete of exactly its dot, and all replicas hide the same in
 * the meantime.
 */
import { expiryOf, unpackContent, writeNameOf } from './content.ts';
import { compareDots, type ObjectVersion } from '../causality/object.ts';

/** By what rules versions are shown. */
export interface View {
  /** What time it is, µs since 1970: what expires up to now is not shown. Asked only of versions that do. */
  readonly now: () => number;
  /** Whether of several versions only the newest is shown; of two of the same time, the one with the greater dot. */
  readonly isLastWriteWins: boolean;
}

type Packed = ObjectVersion<Uint8Array>;

/** The versions that a reader sees. */
export function visible(versions: readonly Packed[], { now, isLastWriteWins }: View): readonly Packed[] {
  const [first] = versions;
  if (first === undefined) return versions;
  // What was overwritten must not come back when what overwrote it expires: the winner first, then its time.
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
 * The versions that no reader sees, and that go. All of them go at once: if the version that hides
 * another went alone, the one that it hides would come back.
 */
export function hidden(versions: readonly Packed[], view: View): readonly Packed[] {
  const shown = visible(versions, view);
  return shown.length === versions.length ? [] : versions.filter((version) => !shown.includes(version));
}

const timeOf = ({ body }: Packed): number => unpackContent(body).timestampMicros;

function newer([best]: Packed[], version: Packed): Packed[] {
  if (best === undefined) return [version];
  return [(timeOf(version) - timeOf(best) || compareDots(version, best)) > 0 ? version : best];
}

/**
 * Of the versions that are one write sent twice, the one with the least dot: every node picks the same.
 * One id with different values is two writes, whatever their client meant: both were acknowledged.
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
