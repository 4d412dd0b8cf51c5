/**
 * Versions without the bodies that the asker already has. Replicas mostly have the same versions,
 * so most bodies need not travel.
 */
import type { Dot } from '../../core/causality/causal-context.ts';
import type { ObjectVersion } from '../../core/causality/object.ts';
import type { SparseVersion } from '../../transport/message.ts';

const isOf = ({ actor, counter }: Dot, dot: Dot): boolean =>
  dot.actor === actor && dot.counter === counter;

/** Omits the bodies of versions that the asker has. */
export function withoutBodies(
  versions: readonly ObjectVersion<Uint8Array>[],
  have: readonly Dot[],
): readonly SparseVersion[] {
  if (have.length === 0) return versions;
  return versions.map((version) => {
    const { actor, counter, body } = version;
    return { actor, counter, body: have.some((dot) => isOf(version, dot)) ? undefined : body };
  });
}

/** Puts the omitted bodies back; undefined if one is missing. */
export function withBodies(
  versions: readonly SparseVersion[],
  have: readonly ObjectVersion<Uint8Array>[],
): readonly ObjectVersion<Uint8Array>[] | undefined {
  const filled = [];
  for (const version of versions) {
    const body = version.body ?? have.find((known) => isOf(known, version))?.body;
    if (body === undefined) return undefined;
    filled.push({ actor: version.actor, counter: version.counter, body });
  }
  return filled;
}
