/** Handing a write to a node that owns its key. */
import { MecError } from '../../base/errors.ts';
import { FORWARD_PROBE_SHARE } from '../limits.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { Peer } from '../membership/peers.ts';
import { errorOf } from '../holders/failed-reply.ts';
import type { KeyPlace } from '../holders/select.ts';
import type { Scope } from './scope.ts';
import type { PutRequest, PutResult } from '../holders/write-request.ts';
import { UNSURE } from './write.ts';

/** Errors that say that an owner took nothing, so that another may be asked. */
const UNTOUCHED: readonly string[] = [
  'disk-failed',
  'disk-full',
  'stopping',
  'overloaded',
  'unreachable',
  'incomplete',
  'damaged',
];

/** Whether an owner has taken nothing, so that another may be asked. */
export const isUntouched = ({ code }: MecError): boolean => UNTOUCHED.includes(code);

/**
 * Passes a write to an owner. All owners are probed first, and the first to answer gets it, so that
 * one that hangs is not waited for. Once it has the write, nobody else does: if its answer fails to
 * come, the writer is told that this node does not know; to write it a second time elsewhere would
 * make a sibling of itself.
 */
export async function forward(scope: Scope, place: KeyPlace, request: PutRequest): Promise<PutResult> {
  const result = await forwardTo(scope, scope.peers.reachable(place.owners, 1), request);
  if (result !== undefined) return result;
  const detail = 'No owner of the key can be reached. Nothing was written.';
  const need = quorumSize(request.w, place.owners.length);
  throw new MecError('quorum-not-met', { have: 0, need, retryAfter: 1, detail });
}

/** The same with the owners to choose from; undefined where none of them has taken the write. */
export async function forwardTo(
  scope: Scope,
  among: readonly Peer[],
  request: PutRequest,
): Promise<PutResult | undefined> {
  const startMs = scope.env.clock.monotonicMs();
  for (let owners = among; ;) {
    const owner = await firstToAnswer(scope, owners, request.timeoutMs * FORWARD_PROBE_SHARE);
    const leftMs = request.timeoutMs - (scope.env.clock.monotonicMs() - startMs);
    if (owner?.remote === undefined || leftMs <= 0) return undefined;
    const result = await ask(scope, owner, { ...request, timeoutMs: leftMs });
    if (!(result instanceof MecError)) return result;
    if (isUntouched(result) && owners.length > 1) owners = owners.filter((other) => other !== owner);
    else if (result.code !== 'timeout' || result.details.need !== undefined) throw result;
    else
      throw new MecError('timeout', {
        have: 0,
        need: 1,
        detail: `The owner that has the write did not answer in time. ${UNSURE}`,
      });
  }
}

/** The first of the peers to answer a probe on the data port; its clock is then known afresh. */
function firstToAnswer({ peers: all }: Scope, peers: readonly Peer[], timeoutMs: number): Promise<Peer | undefined> {
  return new Promise((resolve) => {
    let pending = peers.length;
    if (pending === 0) resolve(undefined);
    for (const peer of peers) {
      peer.data.request({ kind: 'ping' }, timeoutMs, (reply) => {
        pending -= 1;
        if (!(reply instanceof MecError) && reply.kind === 'pong') {
          all.heard(peer, reply);
          resolve(peer);
        } else if (pending === 0) resolve(undefined);
      });
    }
  });
}

function ask({ env, forwardedWrites }: Scope, owner: Peer, request: PutRequest): Promise<PutResult | MecError> {
  const { key, token, body, timeoutMs, r, w, pr, pw, condition } = request;
  const { process = '', nowMs: remoteMs = 0, heardMs = 0 } = owner.remote ?? {};
  // At most what the owner's clock shows now: its pong was made before it was heard.
  const notAfterMs = remoteMs + (env.clock.monotonicMs() - heardMs) + timeoutMs;
  const id = forwardedWrites.nextId();
  return new Promise((resolve) => {
    const head = { kind: 'forward', id, process, notAfterMs, timeoutMs } as const;
    const message = { ...head, key, token, body, r, w, pr, pw, condition };
    owner.data.request(message, timeoutMs, (reply) => {
      resolve(reply instanceof MecError || reply.kind !== 'written' ? errorOf(reply) : reply);
    });
  });
}
