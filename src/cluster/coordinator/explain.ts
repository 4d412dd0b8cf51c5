/** Explains to an operator where a key lives, and which versions each of its holders has. */
import { MecError } from '../../base/errors.ts';
import type { Dot } from '../../core/causality/causal-context.ts';
import type { Reach } from '../../core/placement/detector.ts';
import type { KeyState } from '../holders/holder.ts';
import type { Role } from '../../core/quorum/owner-quorum.ts';
import type { Holders } from '../holders/select.ts';
import { LOCATE_TIMEOUT_MS } from '../limits.ts';

/** The parts of a node that locating a key needs. */
export interface LocateParts {
  readonly holders: Pick<Holders, 'placeOf' | 'rolesOf' | 'reachOf' | 'of'>;
}

/** The answer of one member about a key. */
export interface HolderEntry {
  readonly node: string;
  readonly role: Role;
  readonly reach: Reach | 'itself';
  /** Undefined if the member gave no answer. */
  readonly says:
    | {
        readonly isComplete: boolean;
        readonly actor: string;
        readonly clock: string;
        readonly versions: readonly Dot[];
      }
    | undefined;
}

/** The partition of a key, and the answers of its holders. */
export interface KeyLocation {
  readonly partition: number;
  readonly entries: readonly HolderEntry[];
}

/** Asks all owners and pending owners of a key, and the members that would be its fallbacks. */
export async function locate(parts: LocateParts, key: string): Promise<KeyLocation> {
  const place = parts.holders.placeOf(key);
  const { partition } = place;
  const asked = parts.holders
    .rolesOf(place)
    .flatMap(([role, names]) =>
      names.map((node) => entryOf(parts, { key, partition, role, node })),
    );
  return { partition, entries: await Promise.all(asked) };
}

interface Question {
  readonly key: string;
  readonly partition: number;
  readonly role: Role;
  readonly node: string;
}

function entryOf(
  { holders }: LocateParts,
  { key, partition, role, node }: Question,
): Promise<HolderEntry> {
  const reach = holders.reachOf(node);
  const holder = reach === 'unreachable' ? undefined : holders.of(node);
  return new Promise((resolve) => {
    if (holder === undefined) return resolve({ node, role, reach, says: undefined });
    holder.read({ partition, key, have: [], timeoutMs: LOCATE_TIMEOUT_MS }, (state) =>
      resolve({ node, role, reach, says: state instanceof MecError ? undefined : answerOf(state) }),
    );
  });
}

function answerOf({ isComplete, actor, object }: KeyState): HolderEntry['says'] {
  const versions = object.versions.map((version) => ({
    actor: version.actor,
    counter: version.counter,
  }));
  return { isComplete, actor, clock: object.context.toString(), versions };
}
