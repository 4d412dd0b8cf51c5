/**
 * Explains the versions of one key from the answers of its holders: which holder has which version,
 * which are late or have lost one, and what a write would do. Pure.
 */
import { CausalContext, type Dot } from './causal-context.ts';
import { compareDots, type FilledObject, type ObjectVersion, write } from './object.ts';

/** The object of one holder. */
export interface HeldObject<Body> {
  readonly node: string;
  readonly object: FilledObject<Body>;
}

/**
 * A version at one holder. `has`: it is there, and current. `late`: the holder has not seen it yet.
 * `lost`: the holder has seen it, and a holder that has seen as much still has it. `replaced`: the
 * holder knows that it was overwritten or deleted. `outdated`: it is there, and another holder
 * knows that it was replaced. `absent`: it is not there, and need not be.
 */
export type VersionState = 'has' | 'late' | 'lost' | 'replaced' | 'outdated' | 'absent';

/** A version, and its state at each holder. */
export interface VersionSpread<Body> {
  readonly version: ObjectVersion<Body>;
  /** Whether a read of all holders would show it. */
  readonly isCurrent: boolean;
  readonly states: Readonly<Record<string, VersionState>>;
}

const isSame = (a: Dot, b: Dot): boolean => compareDots(a, b) === 0;
const has = ({ object }: HeldObject<unknown>, dot: Dot): boolean =>
  object.versions.some((version) => isSame(version, dot));
const hasSeen = ({ object }: HeldObject<unknown>, { actor, counter }: Dot): boolean =>
  object.context.has(actor, counter);

/** Whether a holder has lost a version: it cannot have seen that the version was replaced. */
function hasLost<Body>(
  holder: HeldObject<Body>,
  dot: Dot,
  all: readonly HeldObject<Body>[],
): boolean {
  if (has(holder, dot) || !hasSeen(holder, dot)) return false;
  return all.some((other) => has(other, dot) && other.object.context.covers(holder.object.context));
}

/** All versions that any holder has, each with its state at every holder. */
export function spreadOf<Body>(holders: readonly HeldObject<Body>[]): VersionSpread<Body>[] {
  const versions: ObjectVersion<Body>[] = [];
  for (const { object } of holders) {
    for (const version of object.versions)
      if (!versions.some((known) => isSame(known, version))) versions.push(version);
  }
  return versions.sort(compareDots).map((version) => {
    const knowsGone = (holder: HeldObject<Body>): boolean =>
      hasSeen(holder, version) && !has(holder, version) && !hasLost(holder, version, holders);
    const isCurrent = !holders.some(knowsGone);
    const states = holders.map((holder): [string, VersionState] => [
      holder.node,
      stateOf(holder, version, { isCurrent, isLost: hasLost(holder, version, holders) }),
    ]);
    return { version, isCurrent, states: Object.fromEntries(states) };
  });
}

function stateOf(
  holder: HeldObject<unknown>,
  dot: Dot,
  { isCurrent, isLost }: { readonly isCurrent: boolean; readonly isLost: boolean },
): VersionState {
  if (has(holder, dot)) return isCurrent ? 'has' : 'outdated';
  if (isLost) return 'lost';
  if (hasSeen(holder, dot)) return 'replaced';
  return isCurrent ? 'late' : 'absent';
}

/** The object that a read of all holders would give. Lost versions count as being there. */
export function currentObject<Body>(holders: readonly HeldObject<Body>[]): FilledObject<Body> {
  const context = new CausalContext();
  for (const { object } of holders) context.join(object.context);
  const versions = spreadOf(holders).flatMap(({ version, isCurrent }) =>
    isCurrent ? [version] : [],
  );
  return { versions, context };
}

/** The effect of a write. */
export interface WriteEffect<Body> {
  /** The versions that it would replace. */
  readonly replaces: readonly ObjectVersion<Body>[];
  /** The versions that would become its siblings. */
  readonly leaves: readonly ObjectVersion<Body>[];
}

/**
 * The effect that a write with this token would have, by the very function that makes writes.
 * `actor` is the actor of the coordinator.
 */
export function effectOf<Body>(
  before: FilledObject<Body>,
  { token, actor, body }: { token: CausalContext; actor: string; body: Body },
): WriteEffect<Body> {
  const dot = { actor, counter: Math.max(before.context.max(actor), token.max(actor)) + 1 };
  const { object } = write(before, { token, dot, body });
  const isLeft = (version: Dot): boolean => object.versions.some((left) => isSame(left, version));
  return {
    replaces: before.versions.filter((version) => !isLeft(version)),
    leaves: before.versions.filter(isLeft),
  };
}
