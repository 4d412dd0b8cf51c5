/**
 * What the coordinator of a conditional write does once a majority of the owners has told what it
 * holds: it writes, it acknowledges a write that was made before, or it refuses. Pure: the same
 * state and the same condition always lead to the same.
 */
import { MecError } from '../../base/errors.ts';
import { CausalContext, type Dot } from '../causality/causal-context.ts';
import { type Condition, isMet, isSeen } from './condition.ts';
import { digestOf, idempotencyKeyOf, writeNameOf } from '../value/content.ts';
import { compareDots, type FilledObject, type ObjectVersion } from '../causality/object.ts';

/** A write with an idempotency key that was made: its dot, and a digest of what it wrote. */
export interface MadeWrite extends Dot {
  readonly digest: string;
}

/** The same, as replicas keep it and tell it to others. */
export interface RememberedWrite extends MadeWrite {
  readonly key: string;
  readonly idempotencyKey: string;
  /** When it was made by the clocks of the owners, µs since 1970: memories stand in this order. */
  readonly madeMicros: number;
}

/** A conditional write, as far as the decision depends on it. */
export interface Conditional {
  readonly condition: Condition;
  /** What the writer had seen; undefined if it gave no token. */
  readonly token: CausalContext | undefined;
  /** Packed content; undefined deletes. */
  readonly body: Uint8Array | undefined;
}

/** What the majority has told. */
export interface Told {
  /** What it holds, merged. */
  readonly object: FilledObject<Uint8Array>;
  /** Those of the versions that a reader sees. */
  readonly visible: readonly ObjectVersion<Uint8Array>[];
  /** What complete owners remember of writes with the same idempotency key. */
  readonly remembered: readonly MadeWrite[];
}

/** To write, under a token; or to acknowledge a write that was made before. */
export type Decision =
  { readonly kind: 'write'; readonly token: CausalContext } | { readonly kind: 'repeat'; readonly made: MadeWrite };

/**
 * Decides. Throws `precondition-failed`, `not-found` (a delete of nothing) or
 * `idempotency-key-reused`: nothing is written then.
 */
export function decide(asked: Conditional, told: Told): Decision {
  const { condition, body } = asked;
  const made = madeBefore(asked, told);
  if (made !== undefined && !isWon(asked, told)) throw new MecError('precondition-failed');
  if (made !== undefined) return { kind: 'repeat', made };
  if (!isMet(condition, told.visible)) throw new MecError('precondition-failed');
  if (body === undefined && told.visible.length === 0) throw new MecError('not-found');
  const token = asked.token?.clone() ?? new CausalContext();
  const isBlindDelete = body === undefined && asked.token === undefined;
  if (isSeen(condition) || isBlindDelete) token.join(told.object.context);
  return { kind: 'write', token };
}

/** The same write, if it was made before: its version, or else what is remembered of it. */
function madeBefore({ condition, body }: Conditional, { object, remembered }: Told): MadeWrite | undefined {
  const { idempotencyKey } = condition;
  if (idempotencyKey === undefined || body === undefined) return undefined;
  const there = object.versions.flatMap((version) =>
    idempotencyKeyOf(version.body) === idempotencyKey ? [{ ...version, digest: digestOf(version.body) }] : [],
  );
  const made = [...there, ...believed(object, remembered)];
  const digest = digestOf(body);
  const same = made.find((one) => one.digest === digest);
  // Two values that had not seen each other may both be there under one key; each is repeatable.
  if (same === undefined && made.length > 0) throw new MecError('idempotency-key-reused');
  return same;
}

/**
 * A memory counts only if the majority knows its dot: else no disk may have the write any more that
 * the memory speaks of.
 */
function believed({ context }: FilledObject<Uint8Array>, remembered: readonly MadeWrite[]): MadeWrite[] {
  return remembered.filter(({ actor, counter }) => context.has(actor, counter)).sort(compareDots);
}

/**
 * Whether a write that was made before may be acknowledged. With a condition it must have won: it
 * is visible, and there is nothing else but its twins. A rival that has not seen it may have been
 * acknowledged, if the first try had no majority.
 */
function isWon({ condition, body }: Conditional, { object, visible }: Told): boolean {
  const { ifMatch, ifNoneMatch } = condition;
  if (ifMatch === undefined && ifNoneMatch === undefined) return true;
  const write = body && writeNameOf(body);
  const isTwin = (version: ObjectVersion<Uint8Array>): boolean =>
    write !== undefined && writeNameOf(version.body) === write;
  // All that is there, and not only what is shown: the policy may hide a rival that was acknowledged.
  return visible.some(isTwin) && object.versions.every(isTwin);
}
