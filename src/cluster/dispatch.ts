/** What a node does when another node asks something of it. */
import { MecError, messageOf } from '../base/errors.ts';
import { MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../core/limits.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { replicaNumber } from '../core/causality/replica-name.ts';
import { parseQuorum } from '../core/quorum/quorum.ts';
import type {
  GrantRequest,
  ForwardRequest,
  ListKeysReply,
  ListKeysRequest,
  ReadRequest,
  ReadReply,
  Reply,
  Request,
  StoreRequest,
} from '../transport/message.ts';
import type { Handler } from '../transport/rpc.ts';
import { grantHere, groundOf } from './coordinator/grant-here.ts';
import { putHere } from './coordinator/put.ts';
import { assertNotGone, type Scope } from './coordinator/scope.ts';
import { toFailed } from './holders/failed-reply.ts';
import type { KeyState } from './holders/holder.ts';
import { withoutBodies } from './holders/sparse-versions.ts';
import type { Membership } from './membership/membership.ts';

type SendReply = (reply: Reply) => void;

/** Makes the handler of requests from other nodes. */
export function dispatcher(scope: Scope, membership: Membership): Handler {
  const whenConfirmed = ({ key }: { key: string }, read: () => void): void =>
    scope.partitions.of(partitionOf(key)).whenConfirmed(read);
  const handle = (request: Request, answer: SendReply): void => {
    const nowMs = scope.env.clock.monotonicMs();
    switch (request.kind) {
      case 'ping':
        // A node that gets a pong forwards a write next, and it would come too late.
        if (scope.forwardedWrites.isEnding) throw new MecError('stopping');
        return answer(membership.pong());
      case 'probe':
        return answer(membership.serveProbe(request));
      case 'probe-for':
        return membership.serveProbeFor(request, answer);
      case 'read':
        return read(scope, request, answer);
      case 'store':
        return store(scope, request, answer);
      case 'compare':
        return answer(scope.sync.serveCompare(request));
      case 'pull':
        return later(scope.sync.servePull(request), answer);
      case 'state':
        return answer(scope.sync.serveState(request));
      case 'snapshot':
        return later(scope.sync.serveSnapshot(request), answer);
      case 'mend':
        return answer(scope.sync.repairs.mending.serve(request.key));
      case 'scrub':
        return later(scope.scrub.serve(request), answer);
      case 'grant':
        return whenConfirmed(request, () => answer(guarded(() => grant(scope, request))));
      case 'release':
        scope.grants.release(partitionOf(request.key), request.key, request.ballot);
        return answer({ kind: 'stored', actor: '', life: '', replica: 0, fences: [] });
      case 'list':
        return later(list(scope, request), answer);
      case 'forward':
        // Meant for an earlier process, or too late: the sender has told its client that it does
        // not know.
        if (request.process !== membership.process || nowMs > request.notAfterMs) return;
        // Doubled on the way: the first is answered.
        if (scope.forwardedWrites.isNew(request.id, nowMs, request.notAfterMs)) takeOver(scope, request, answer);
        return;
      default:
        throw new MecError('internal', { detail: 'not a request' });
    }
  };
  return (request, answer) => {
    try {
      handle(request, answer);
    } catch (error) {
      const reply = toFailed(error);
      if (reply.code === 'internal')
        scope.env.log.error('request of a peer failed', { kind: request.kind, reason: messageOf(error) });
      answer(reply);
    }
  };
}

/** A reply that is made later, when nothing catches what it throws. */
function guarded(reply: () => Reply): Reply {
  try {
    return reply();
  } catch (error) {
    return toFailed(error);
  }
}

function later(reply: Promise<Reply>, answer: SendReply): void {
  reply.then(answer, (error: unknown) => answer(toFailed(error)));
}

function read({ holders }: Scope, request: ReadRequest, answer: SendReply): void {
  const { key } = request;
  holders.own.read({ partition: partitionOf(key), key }, (state) =>
    answer(state instanceof MecError ? toFailed(state) : toReadReply(request, state)),
  );
}

async function list({ holders }: Scope, request: ListKeysRequest): Promise<ListKeysReply> {
  const limit = Math.min(request.limit, MAX_LIST_KEYS + 1);
  return { kind: 'keys', ...(await holders.own.list({ ...request, limit })) };
}

function toReadReply({ have }: ReadRequest, { object, actor, isComplete }: KeyState): ReadReply {
  const { context, versions } = object;
  return { kind: 'object', actor, isComplete, context, versions: withoutBodies(versions, have) };
}

function grant(scope: Scope, request: GrantRequest): Reply {
  const granted = grantHere(scope, request);
  if (granted === undefined) throw new MecError('contended');
  const { object, ...rest } = granted;
  return { kind: 'granted', ...rest, context: object.context, versions: withoutBodies(object.versions, request.have) };
}

function store(scope: Scope, { key, object, dots, grant, memory }: StoreRequest, answer: SendReply): void {
  assertNotGone(scope);
  const ground = groundOf(scope, partitionOf(key));
  // A store that comes too late for its grant is not taken in: another write may have been decided
  // since.
  if (grant !== undefined && !scope.grants.take(ground, key, grant)) throw new MecError('contended');
  const { replica } = ground;
  replica.merge({ key, object, dots, memory }, (error) => {
    if (error !== undefined) return answer(toFailed(error));
    const fences = scope.partitions.of(replica.partition).fences;
    const { life } = scope.members.own;
    answer({ kind: 'stored', actor: replica.actor, life, replica: replicaNumber(replica.id), fences });
  });
}

function takeOver(scope: Scope, forwarded: ForwardRequest, answer: SendReply): void {
  const { key, token, body, condition, timeoutMs } = forwarded;
  const r = parseQuorum(forwarded.r);
  const w = parseQuorum(forwarded.w);
  const pr = forwarded.pr === undefined ? undefined : parseQuorum(forwarded.pr);
  const pw = forwarded.pw === undefined ? undefined : parseQuorum(forwarded.pw);
  if (r === undefined || w === undefined) throw new MecError('bad-parameter');
  const request = { key, token, body, r, w, pr, pw, condition, timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS) };
  const done = scope.forwardedWrites.begin();
  putHere(scope, request)
    .then(
      (result) => answer({ kind: 'written', ...result }),
      (error: unknown) => answer(toFailed(error)),
    )
    .finally(done);
}
