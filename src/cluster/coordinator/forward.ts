/** Forwards a write to an owner of its key. */
import type { Clock } from '../../base/env.ts';
import { MecError, nothingWritten } from '../../base/errors.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { RemoteCoordinator } from '../holders/remote-coordinator.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import { FORWARD_PROBE_SHARE } from '../limits.ts';
import { UNKNOWN_OUTCOME } from './write.ts';

/** The parts of a node that forwarding a write needs. */
export interface ForwardParts {
  readonly env: { readonly clock: Pick<Clock, 'monotonicMs'> };
  readonly holders: Pick<Holders, 'coordinators'>;
}

/** The errors of an owner that has not begun the write. Another owner may get it then. */
const UNTOUCHED: readonly string[] = [
  'disk-failed',
  'disk-full',
  'stopping',
  'not-ready',
  'overloaded',
  'unreachable',
  'incomplete',
  'damaged',
];

/** Whether the owner that failed has not begun the write, so that another may get it. */
export const isUntouched = ({ code }: MecError): boolean => UNTOUCHED.includes(code);

/**
 * Forwards a write to an owner. All owners are probed, and the first to answer gets the write, so
 * an owner that hangs causes no delay. Once an owner may have the write, no other owner gets it,
 * since a second copy would become a sibling of the first. If the owner does not answer, the writer
 * is told that the outcome is unknown.
 */
export async function forward(
  parts: ForwardParts,
  place: KeyPlace,
  request: PutRequest,
): Promise<PutResult> {
  const result = await forwardTo(parts, parts.holders.coordinators(place), request);
  if (result !== undefined) return result;
  const details = nothingWritten('No owner of the key can be reached.');
  const need = quorumSize(request.w, place.owners.length);
  throw new MecError('quorum-not-met', { have: 0, need, retryAfter: 1, ...details });
}

/** Forwards a write to one of the given owners; undefined if none of them can be reached. */
export async function forwardTo(
  { env }: Pick<ForwardParts, 'env'>,
  among: readonly RemoteCoordinator[],
  request: PutRequest,
): Promise<PutResult | undefined> {
  const endMs = env.clock.monotonicMs() + request.timeoutMs;
  const leftMs = (): number => endMs - env.clock.monotonicMs();
  for (let owners = among; ;) {
    const owner = await firstToAnswer(owners, leftMs() * FORWARD_PROBE_SHARE);
    const timeoutMs = leftMs();
    if (owner?.isKnown !== true || timeoutMs <= 0) return undefined;
    const result = await ask(owner, { ...request, timeoutMs });
    if (!(result instanceof MecError)) return result;
    if (isUntouched(result) && owners.length > 1)
      owners = owners.filter((other) => other !== owner);
    // A timeout with counts is the answer of the owner itself. Without, the owner did not answer.
    else if (result.code !== 'timeout' || result.details.need !== undefined) throw result;
    else
      throw new MecError('timeout', {
        have: 0,
        need: 1,
        detail: `The owner that has the write did not answer in time. ${UNKNOWN_OUTCOME}`,
      });
  }
}

/** The first of the owners to answer a probe. */
function firstToAnswer(
  owners: readonly RemoteCoordinator[],
  timeoutMs: number,
): Promise<RemoteCoordinator | undefined> {
  return new Promise((resolve) => {
    let pending = owners.length;
    if (pending === 0) resolve(undefined);
    for (const owner of owners) {
      owner.ping(timeoutMs, (isThere) => {
        pending -= 1;
        if (isThere) resolve(owner);
        else if (pending === 0) resolve(undefined);
      });
    }
  });
}

const ask = (owner: RemoteCoordinator, request: PutRequest): Promise<PutResult | MecError> =>
  new Promise((resolve) => owner.forward(request, resolve));
