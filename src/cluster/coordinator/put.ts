/**
 * A quorum write. An owner of the key coordinates it: the owner gives the write its dot, and sends
 * the object to the other owners while its own disk syncs. It answers when W disks have the write.
 * Any other node forwards the write to an owner.
 */
import { MecError, nothingWritten, toMecError } from '../../base/errors.ts';
import { roleIn } from '../../core/quorum/owner-quorum.ts';
import { WriteQuorum } from '../../core/quorum/write-quorum.ts';
import type { ConditionalRequest } from './ballot.ts';
import { type ConditionalWrites, majorityOf } from './conditional-write.ts';
import { forward, type ForwardParts, forwardTo, isUntouched } from './forward.ts';
import type { GetRequest, GetResult } from './get.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import { observed } from './observer.ts';
import { type UnseenParts, withKnownDots } from './unseen-dots.ts';
import { write, type WriteParts, type WritePlan } from './write.ts';

/** The parts of a node that the writes of its clients need. */
export interface PutParts extends WriteParts, ForwardParts, UnseenParts {
  readonly env: WriteParts['env'] & ForwardParts['env'];
  readonly holders: WriteParts['holders'] &
    UnseenParts['holders'] &
    Pick<Holders, 'coordinators' | 'coordinatorAt' | 'pendingOf'> & {
      readonly own: Pick<LocalHolder, 'id' | 'assertTakes'>;
    };
  /** Throws `quota-exceeded` if the tenant of a key has no room for these bytes. */
  readonly quotas: { readonly assertRoom: (key: string, bytes: number) => void };
  readonly conditionals: Pick<ConditionalWrites, 'put'>;
  /** Reads a key before a delete, or before a write that replaces. */
  readonly get: (request: GetRequest) => Promise<GetResult>;
}

/** The parts of a node that the plan of a write needs. */
export interface WritePlanParts {
  readonly holders: Pick<Holders, 'others' | 'pendingOf' | 'isAway'> & {
    readonly own: Pick<LocalHolder, 'id' | 'assertTakes'>;
  };
}

/** Writes or deletes a key at W of its owners; rejects with a `MecError`. */
export async function put(parts: PutParts, request: PutRequest): Promise<PutResult> {
  const { key, body } = request;
  if (body !== undefined) parts.quotas.assertRoom(key, body.length);
  const place = parts.holders.placeOf(key);
  if (request.condition !== undefined)
    return putSerialised(parts, place, { ...request, condition: request.condition });
  const endMs = parts.env.clock.monotonicMs() + request.timeoutMs;
  // If no owner can be reached, this node is a fallback.
  const isAlone = (): boolean => parts.holders.coordinators(place).length === 0;
  if (!place.isOwner && !isAlone()) return forwardObserved(parts, place, request);
  try {
    return await putAt(parts, place, request);
  } catch (error) {
    const { code } = toMecError(error);
    const isOwnDisk = code === 'disk-failed' || code === 'disk-full';
    if (!isOwnDisk || isAlone()) throw error;
    return forwardObserved(parts, place, untilEnd(parts, request, endMs));
  }
}

const forwardObserved = (
  parts: PutParts,
  place: KeyPlace,
  request: PutRequest,
): Promise<PutResult> =>
  observed(parts, { operation: 'forward', key: request.key }, () => forward(parts, place, request));

async function putIf(
  parts: PutParts,
  place: KeyPlace,
  asked: ConditionalRequest,
): Promise<PutResult> {
  const request = await withKnownDots(parts, place, asked);
  return observed(parts, { operation: 'write_if', key: request.key }, () =>
    parts.conditionals.put(request),
  );
}

/** The same request, with the time that it has left. */
const untilEnd = <Request extends PutRequest>(
  { env }: PutParts,
  request: Request,
  endMs: number,
): Request => ({ ...request, timeoutMs: Math.max(0, endMs - env.clock.monotonicMs()) });

/**
 * A conditional write goes to the first owner of the key that can be reached. So writes that race
 * for a key queue at one node. The write is safe at any owner, but slower if nodes disagree on the
 * first one. If an owner could not begin the write, the next one gets it.
 */
async function putSerialised(
  parts: PutParts,
  place: KeyPlace,
  request: ConditionalRequest,
): Promise<PutResult> {
  const endMs = parts.env.clock.monotonicMs() + request.timeoutMs;
  let failure: MecError | undefined;
  for (const id of place.owners) {
    try {
      const rest = untilEnd(parts, request, endMs);
      if (id === parts.holders.own.id) return await putIf(parts, place, rest);
      const owner = parts.holders.coordinatorAt(id);
      if (owner === undefined || rest.timeoutMs <= 0) continue;
      const end = { operation: 'forward', key: request.key } as const;
      const result = await observed(parts, end, () => forwardTo(parts, [owner], rest));
      if (result !== undefined) return result;
    } catch (error) {
      failure = toMecError(error);
      if (!isUntouched(failure)) throw failure;
    }
  }
  const details = { have: 0, need: majorityOf(place), retryAfter: 1 };
  const unreached = nothingWritten('No owner of the key can be reached.');
  throw failure ?? new MecError('quorum-not-met', { ...details, ...unreached });
}

/** Coordinates a write on this node's own replica. */
export async function putHere(parts: PutParts, request: PutRequest): Promise<PutResult> {
  const place = parts.holders.placeOf(request.key);
  if (request.condition !== undefined)
    return putIf(parts, place, { ...request, condition: request.condition });
  return putAt(parts, place, request);
}

/** An unconditional write; throws, or rejects, with a `MecError`. */
function putAt(parts: PutParts, place: KeyPlace, request: PutRequest): Promise<PutResult> {
  const known = withKnownDots(parts, place, request);
  if (known instanceof Promise) return known.then((later) => putKnown(parts, place, later));
  return putKnown(parts, place, known);
}

/** A write whose token names no made-up dots. */
function putKnown(parts: PutParts, place: KeyPlace, request: PutRequest): Promise<PutResult> {
  const plan = planOf(parts, place, request);
  if (request.body === undefined) return remove(parts, request, plan);
  return request.replace === true ? replace(parts, request, plan) : write(parts, request, plan);
}

/**
 * Chooses the holders of a write at this node. Throws `quorum-not-met` if too few of them can be
 * reached, or the error of its own disk. An explanation asks it too, and sends nothing.
 */
export function planOf(
  { holders }: WritePlanParts,
  place: KeyPlace,
  { w, pw }: Pick<PutRequest, 'w' | 'pw'>,
): WritePlan {
  holders.own.assertTakes(place.partition);
  const { length } = place.owners;
  const quorum = new WriteQuorum({ any: w, owners: pw }, place.view, holders.isAway);
  const { need, needOwners: wantedOwners } = quorum.tally;
  const reached = holders.others(place, { wanted: need, wantedOwners });
  const role = roleIn(place.view, holders.own.id);
  const others = role === 'fallback' ? reached.slice(0, length - 1) : reached;
  assertEnough('replicas', Number(role !== 'pending owner') + others.length, need);
  if (wantedOwners > 0) {
    const owners =
      others.filter(({ id }) => place.owners.includes(id)).length + Number(place.isOwner);
    assertEnough('owners', owners, wantedOwners);
  }
  const plan = { place, others, pending: holders.pendingOf(place), quorum };
  const lack = quorum.lackAmong([holders.own, ...others, ...plan.pending].map(({ id }) => id));
  if (lack !== undefined) assertEnough(lack.kind, lack.have, lack.need);
  return plan;
}

function assertEnough(what: string, have: number, need: number): void {
  if (have >= need) return;
  const details = nothingWritten(`${have} of ${need} ${what} can be reached.`);
  throw new MecError('quorum-not-met', { have, need, retryAfter: 1, ...details });
}

/**
 * A write that replaces first reads the key. A version that comes after the read stays as a
 * sibling.
 */
async function replace(parts: PutParts, request: PutRequest, plan: WritePlan): Promise<PutResult> {
  const endMs = parts.env.clock.monotonicMs() + request.timeoutMs;
  const { object } = await parts.get(request);
  return write(parts, { ...untilEnd(parts, request, endMs), token: object.context }, plan);
}

/** A delete first reads the key. Without a token, it removes the versions that the read found. */
async function remove(parts: PutParts, request: PutRequest, plan: WritePlan): Promise<PutResult> {
  const endMs = parts.env.clock.monotonicMs() + request.timeoutMs;
  const { object, versions } = await parts.get(request);
  const found = versions.length > 0;
  const token = request.token ?? object.context;
  // A version that the writer saw may be on a replica that did not answer. So there is nothing to
  // delete only if all that the writer saw is known to be gone.
  if (!found && (request.token === undefined || object.context.covers(token)))
    throw new MecError('not-found');
  const rest = untilEnd(parts, request, endMs);
  return { ...(await write(parts, { ...rest, token }, plan)), found };
}
