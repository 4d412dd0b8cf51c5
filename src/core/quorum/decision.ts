/**
 * The decision on a conditional write, once a majority of the owners has reported its state of the
 * key: write, acknowledge an earlier copy of the write, or refuse. A pure function, so the same
 * state and condition always lead to the same decision.
 */
import { MecError } from '../../base/errors.ts';
import { CausalContext, type Dot } from '../causality/causal-context.ts';
import { type Condition, isMet, isSeen } from './condition.ts';
import { digestOf, idempotencyKeyOf, writeNameOf } from '../value/content.ts';
import { compareDots, type FilledObject, type ObjectVersion } from '../causality/object.ts';

/** An earlier write with an Idempotency-Key: its dot, and a digest of its content. */
export interface MadeWrite extends Dot {
  readonly digest: string;
}

/** An earlier write as replicas remember it and report it to others. */
export interface RememberedWrite extends MadeWrite {
  readonly key: string;
  readonly idempotencyKey: string;
  /**
   * The time of the write by the owners' clocks, µs since 1970. Memories are kept in this order.
   */
  readonly madeMicros: number;
}

/** The parts of a conditional write that matter for the decision. */
export interface Conditional {
  readonly condition: Condition;
  /** The context that the writer has seen; undefined if it sent no token. */
  readonly token: CausalContext | undefined;
  /** Packed content; undefined for a delete. */
  readonly body: Uint8Array | undefined;
}

/** The state that the majority has reported. */
export interface Told {
  /** The object, merged from all reports. */
  readonly object: FilledObject<Uint8Array>;
  /** The versions that a reader sees. */
  readonly visible: readonly ObjectVersion<Uint8Array>[];
  /** Earlier writes with the same Idempotency-Key, as complete owners remember them. */
  readonly remembered: readonly MadeWrite[];
}

/** To write under a token, or to acknowledge the earlier write `made`. */
export type Decision =
  | { readonly kind: 'write'; readonly token: CausalContext }
  | { readonly kind: 'repeat'; readonly made: MadeWrite };

/**
 * Decides on a conditional write. Throws `precondition-failed`, `not-found` (a delete of an absent
 * key) or `idempotency-key-reused`; then nothing may be written.
 */
export function decide(asked: Conditional, told: Told): Decision {
  const { condition, body } = asked;
  const made = madeBefore(asked, told);
  if (made !== undefined && !isWon(asked, told)) throw new MecError('precondition-failed');
  if (made !== undefined) return { kind: 'repeat', made };
  // Comes first: conditions do not count where the answer is an error without them.
  if (body === undefined && told.visible.length === 0) throw new MecError('not-found');
  if (!isMet(condition, told.visible)) throw new MecError('precondition-failed');
  const token = asked.token?.clone() ?? new CausalContext();
  const isBlindDelete = body === undefined && asked.token === undefined;
  if (isSeen(condition) || isBlindDelete) token.join(told.object.context);
  return { kind: 'write', token };
}

/**
 * The earlier copy of the same write: a version of it, or a memory. Throws `idempotency-key-reused`
 * if the key belongs to another value.
 */
function madeBefore(
  { condition, body }: Conditional,
  { object, remembered }: Told,
): MadeWrite | undefined {
  const { idempotencyKey } = condition;
  if (idempotencyKey === undefined || body === undefined) return undefined;
  const there = object.versions.flatMap((version) =>
    idempotencyKeyOf(version.body) === idempotencyKey
      ? [{ ...version, digest: digestOf(version.body) }]
      : [],
  );
  const made = [...there, ...believed(object, remembered)];
  const digest = digestOf(body);
  const same = made.find((one) => one.digest === digest);
  // Two values written concurrently may exist under one Idempotency-Key. Each may be repeated.
  if (same === undefined && made.length > 0) throw new MecError('idempotency-key-reused');
  return same;
}

/**
 * The memories whose dot the majority knows. Without that dot, perhaps no disk has the remembered
 * write any longer.
 */
function believed(
  { context }: FilledObject<Uint8Array>,
  remembered: readonly MadeWrite[],
): MadeWrite[] {
  return remembered.filter(({ actor, counter }) => context.has(actor, counter)).sort(compareDots);
}

/**
 * Whether an earlier copy may be acknowledged. Under `If-Match` or `If-None-Match` it must have
 * won: it is visible, and all other versions are copies of it. If the first attempt had no
 * majority, a concurrent write may have been acknowledged instead.
 */
function isWon({ condition, body }: Conditional, { object, visible }: Told): boolean {
  const { ifMatch, ifNoneMatch } = condition;
  if (ifMatch === undefined && ifNoneMatch === undefined) return true;
  const write = body && writeNameOf(body);
  const isTwin = (version: ObjectVersion<Uint8Array>): boolean =>
    write !== undefined && writeNameOf(version.body) === write;
  // Checks hidden versions too: last-write-wins may hide a concurrent write that was acknowledged.
  return visible.some(isTwin) && object.versions.every(isTwin);
}
