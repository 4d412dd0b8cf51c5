/** What a node does when another node asks something of it. */
import { MecError, messageOf } from '../base/errors.ts';
import { MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../core/limits.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { parseQuorum } from '../core/quorum/quorum.ts';
import type {
  ForwardReply,
  GrantReply,
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
import { putHere } from './coordinator/put.ts';
import type { Scope } from './coordinator/scope.ts';
import { toFailed } from './holders/failed-reply.ts';
import type { KeyGranted, KeyState } from './holders/holder.ts';
import { withoutBodies } from './holders/sparse-versions.ts';
import type { Membership } from './membership/membership.ts';

type SendReply = (reply: Reply) => void;

/** Makes the handler of requests from other nodes. */
export function dispatcher(scope: Scope, membership: Membership): Handler {
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
        return grant(scope, request, answer);
      case 'release':
        scope.holders.own.release({ ...request, partition: partitionOf(request.key) });
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

function grant({ holders }: Scope, request: GrantRequest, answer: SendReply): void {
  holders.own.grant({ ...request, partition: partitionOf(request.key) }, (granted) => {
    answer(granted instanceof MecError ? toFailed(granted) : toGrantReply(request, granted));
  });
}

function toGrantReply({ have }: GrantRequest, { number, actor, object, remembered }: KeyGranted): GrantReply {
  const { context, versions } = object;
  return { kind: 'granted', number, actor, context, versions: withoutBodies(versions, have), remembered };
}

function store({ holders }: Scope, request: StoreRequest, answer: SendReply): void {
  holders.own.store({ ...request, partition: partitionOf(request.key) }, request, (stored) =>
    answer(stored instanceof MecError ? toFailed(stored) : { kind: 'stored', ...stored }),
  );
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
      (result) => answer({ kind: 'written', ...result } satisfies ForwardReply),
      (error: unknown) => answer(toFailed(error)),
    )
    .finally(done);
}
