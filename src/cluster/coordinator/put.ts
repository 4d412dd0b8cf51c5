/**
 * A quorum write. An owner of the key coordinates it: it gives the write its dot, sends the object to the other owners
 * while its own disk syncs, and answers when W disks have it. Any other node passes the write to an owner.
 */
import { MecError, toMecError } from '../../base/errors.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import { WriteQuorum } from '../../core/quorum/write-quorum.ts';
import type { ConditionalRequest } from './ballot.ts';
import { forward, forwardTo, isUntouched } from './forward.ts';
import { get } from './get.ts';
import { majorityOf } from './conditional-write.ts';
import type { KeyPlace } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import type { Scope } from './scope.ts';
import { type Plan, write } from './write.ts';

/** Writes or deletes a key at W of its owners; rejects with a `MecError`. */
export async function put(scope: Scope, request: PutRequest): Promise<PutResult> {
  const place = scope.holders.placeOf(request.key);
  if (request.condition !== undefined) return putSerialised(scope, place, { ...request, condition: request.condition });
  // If no owner can be reached, this node is a fallback.
  const isAlone = (): boolean => scope.peers.reachable(place.owners, 1).length === 0;
  if (!place.isOwner && !isAlone()) return forward(scope, place, request);
  try {
    return await putAt(scope, place, request);
  } catch (error) {
    const { code } = toMecError(error);
    const isOwnDisk = code === 'disk-failed' || code === 'disk-full';
    if (!isOwnDisk || isAlone()) throw error;
    return forward(scope, place, request);
  }
}

/**
 * A conditional write goes to the first of the key's owners that can be reached, so that those who
 * race for a key meet at one node. It is safe wherever it goes; it is only slower if nodes do not
 * agree on who is first. An owner that could not begin is passed over.
 */
async function putSerialised(scope: Scope, place: KeyPlace, request: ConditionalRequest): Promise<PutResult> {
  const endMs = scope.env.clock.monotonicMs() + request.timeoutMs;
  let failure: MecError | undefined;
  for (const id of place.owners) {
    try {
      if (id === scope.members.self) return await scope.conditionals.put(request);
      const peer = scope.peers.byId.get(id);
      const leftMs = endMs - scope.env.clock.monotonicMs();
      if (peer === undefined || leftMs <= 0 || scope.peers.reach(id) !== 'reachable') continue;
      const result = await forwardTo(scope, [peer], { ...request, timeoutMs: leftMs });
      if (result !== undefined) return result;
    } catch (error) {
      failure = toMecError(error);
      if (!isUntouched(failure)) throw failure;
    }
  }
  const detail = 'No owner of the key can be reached. Nothing was written.';
  throw failure ?? new MecError('quorum-not-met', { have: 0, need: majorityOf(place), retryAfter: 1, detail });
}

/** Coordinates a write on this node's own replica. */
export async function putHere(scope: Scope, request: PutRequest): Promise<PutResult> {
  if (request.condition !== undefined) return scope.conditionals.put({ ...request, condition: request.condition });
  return putAt(scope, scope.holders.placeOf(request.key), request);
}

/** An unconditional write; throws, or rejects, with a `MecError`. */
function putAt(scope: Scope, place: KeyPlace, request: PutRequest): Promise<PutResult> {
  const plan = planOf(scope, place, request);
  return request.body === undefined ? remove(scope, request, plan) : write(scope, request, plan);
}

/** Where a write goes; throws where there are not enough to go to. */
function planOf(scope: Scope, place: KeyPlace, { w, pw }: PutRequest): Plan {
  const { holders } = scope;
  holders.own.assertNotGone();
  const { length } = place.owners;
  const wantedOwners = pw === undefined ? 0 : quorumSize(pw, length);
  const quorum = new WriteQuorum(quorumSize(w, length), wantedOwners);
  const { need } = quorum.tally;
  const reached = holders.others(place, { wanted: need, wantedOwners });
  const others = place.isOwner ? reached : reached.slice(0, length - 1);
  assertEnough('replicas', 1 + others.length, need);
  if (wantedOwners > 0) {
    const owners = others.filter(({ id }) => place.owners.includes(id)).length + Number(place.isOwner);
    assertEnough('owners', owners, wantedOwners);
  }
  return { place, others, quorum };
}

function assertEnough(what: string, have: number, need: number): void {
  if (have >= need) return;
  const detail = `${have} of ${need} ${what} can be reached. Nothing was written.`;
  throw new MecError('quorum-not-met', { have, need, retryAfter: 1, detail });
}

/** A delete first asks a quorum what is there: without a token, that is what it removes. */
async function remove(scope: Scope, request: PutRequest, plan: Plan): Promise<PutResult> {
  const { object, versions } = await get(scope, request);
  const found = versions.length > 0;
  const token = request.token ?? object.context;
  // What the writer saw may be on a replica that did not answer; only if all of it is known to be
  // gone is there nothing to do.
  if (!found && (request.token === undefined || object.context.covers(token))) throw new MecError('not-found');
  return { ...(await write(scope, { ...request, token }, plan)), found };
}
