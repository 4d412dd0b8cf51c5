/** The dispatch of requests from other nodes to the parts of this node. */
import type { Clock, Log } from '../base/env.ts';
import { MecError, messageOf } from '../base/errors.ts';
import { MAX_LIST_KEYS, MAX_TIMEOUT_MS } from '../core/limits.ts';
import { partitionOf } from '../core/placement/partition.ts';
import { parseQuorum, type Quorum } from '../core/quorum/quorum.ts';
import type {
  FailedReply,
  ForwardReply,
  ForwardRequest,
  GrantReply,
  GrantRequest,
  ListKeysReply,
  ListKeysRequest,
  ReadReply,
  ReadRequest,
  Reply,
  Request,
  StoreRequest,
} from '../transport/message.ts';
import type { Handler } from '../transport/rpc.ts';
import { toFailedReply } from './holders/failed-reply.ts';
import type { KeyGrant, KeyState } from './holders/holder.ts';
import { withoutBodies } from './holders/sparse-versions.ts';
import type { ForwardedWrites } from './holders/forwarded-writes.ts';
import type { LocalHolder } from './holders/local.ts';
import type { PutRequest, PutResult } from './holders/write-request.ts';
import type { LedgerExchange } from './membership/ledger-exchange.ts';
import type { Membership } from './membership/membership.ts';
import type { Sight } from './insight/sight.ts';
import type { Scrub } from './sync/scrub.ts';
import type { Sync } from './sync/sync.ts';

type SendReply = (reply: Reply) => void;

/** The parts of a node that answer its peers. */
export interface DispatchParts {
  readonly env: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly log: Log };
  readonly membership: Membership;
  readonly sync: Sync;
  readonly scrub: Scrub;
  readonly own: LocalHolder;
  readonly forwardedWrites: ForwardedWrites;
  readonly sight: Pick<Sight, 'serve'>;
  readonly ledgerExchange: LedgerExchange | undefined;
  /** Coordinates a write at this node. */
  readonly putHere: (request: PutRequest) => Promise<PutResult>;
}

/** Makes the handler of requests from other nodes. */
export function dispatcher(parts: DispatchParts): Handler {
  const { env, membership, sync, scrub, own, forwardedWrites, sight, ledgerExchange } = parts;
  const handle = (request: Request, answer: SendReply): void => {
    const nowMs = env.clock.monotonicMs();
    switch (request.kind) {
      case 'ping':
        // A node that gets a pong forwards a write next, and this node would refuse it.
        if (forwardedWrites.isEnding) throw new MecError('stopping');
        return answer(membership.pong());
      case 'probe':
        return answer(membership.serveProbe(request));
      case 'probe-for':
        return membership.serveProbeFor(request, answer);
      case 'read':
        return read(parts, request, answer);
      case 'store':
        return store(parts, request, answer);
      case 'compare':
        return answer(sync.serveCompare(request));
      case 'pull':
        return later(sync.servePull(request), answer);
      case 'state':
        return later(sync.serveState(request), answer);
      case 'snapshot':
        return later(sync.serveSnapshot(request), answer);
      case 'mend':
        return answer(sync.repairs.mending.serve(request.key));
      case 'scrub':
        return later(scrub.serve(request), answer);
      case 'grant':
        return grant(parts, request, answer);
      case 'release':
        own.release({ ...request, partition: partitionOf(request.key) });
        return answer({ kind: 'stored', actor: '', life: '', replica: 0, fences: [] });
      case 'list':
        return later(list(own, request), answer);
      case 'inspect':
        return answer(sight.serve(request));
      case 'ledger':
        if (ledgerExchange === undefined) throw new MecError('bad-parameter');
        return later(ledgerExchange.serve(request), answer);
      case 'forward':
        // The forward was meant for an earlier process, or came too late. Its sender has told its
        // client that the result is unknown.
        if (request.process !== membership.process || nowMs > request.notAfterMs) return;
        return takeOver(parts, request, answer);
      default:
        throw new MecError('internal', { detail: 'The message is a reply' });
    }
  };
  return (request, answer) => {
    try {
      handle(request, answer);
    } catch (error) {
      answer(failed(env.log, request, error));
    }
  };
}

/** Makes the reply for an error. Logs it here if no peer can cause or repair it. */
function failed(log: Log, { kind }: Request, error: unknown): FailedReply {
  const reply = toFailedReply(error);
  if (reply.code === 'internal')
    log.error('request of a peer failed', { kind, reason: messageOf(error) });
  return reply;
}

function later(reply: Promise<Reply>, answer: SendReply): void {
  reply.then(answer, (error: unknown) => answer(toFailedReply(error)));
}

function read({ own, env }: DispatchParts, request: ReadRequest, answer: SendReply): void {
  const { key, ownersHash, caller } = request;
  own.read({ partition: partitionOf(key), key, ownersHash, caller }, (state) =>
    answer(
      state instanceof MecError ? failed(env.log, request, state) : toReadReply(request, state),
    ),
  );
}

async function list(own: LocalHolder, request: ListKeysRequest): Promise<ListKeysReply> {
  const limit = Math.min(request.limit, MAX_LIST_KEYS + 1);
  return { kind: 'keys', ...(await own.list({ ...request, limit })) };
}

function toReadReply(
  { have }: ReadRequest,
  { object, actor, isComplete, owners }: KeyState,
): ReadReply {
  const { context } = object;
  const versions = withoutBodies(object.versions, have);
  return { kind: 'object', actor, isComplete, context, versions, owners };
}

function grant({ own, env }: DispatchParts, request: GrantRequest, answer: SendReply): void {
  own.grant({ ...request, partition: partitionOf(request.key) }, (granted) => {
    answer(
      granted instanceof MecError
        ? failed(env.log, request, granted)
        : toGrantReply(request, granted),
    );
  });
}

function toGrantReply(
  { have }: GrantRequest,
  { number, actor, object, remembered }: KeyGrant,
): GrantReply {
  const { context, versions } = object;
  return {
    kind: 'granted',
    number,
    actor,
    context,
    versions: withoutBodies(versions, have),
    remembered,
  };
}

// Item and reply are written out field by field, because object spreads are slow.
function store({ own, env }: DispatchParts, request: StoreRequest, answer: SendReply): void {
  const { key, object, dots, memory, ownersHash, caller } = request;
  const item = { partition: partitionOf(key), key, object, dots, memory, ownersHash, caller };
  own.store(item, request, (stored) => {
    if (stored instanceof MecError) return answer(failed(env.log, request, stored));
    const { actor, life, replica, fences, owners } = stored;
    answer({ kind: 'stored', actor, life, replica, fences, owners });
  });
}

function quorumOf(value: number | string): Quorum {
  const quorum = parseQuorum(value);
  if (quorum === undefined) throw new MecError('bad-parameter');
  return quorum;
}

function takeOver(parts: DispatchParts, forwarded: ForwardRequest, answer: SendReply): void {
  const { env, forwardedWrites } = parts;
  const { key, token, body, condition, timeoutMs, caller, replace, isUnsigned } = forwarded;
  const r = quorumOf(forwarded.r);
  const w = quorumOf(forwarded.w);
  const pr = forwarded.pr === undefined ? undefined : quorumOf(forwarded.pr);
  const pw = forwarded.pw === undefined ? undefined : quorumOf(forwarded.pw);
  // A duplicate of this forward: the first one is answered.
  if (!forwardedWrites.registerId(forwarded.id, env.clock.monotonicMs(), forwarded.notAfterMs))
    return;
  const terms = { r, w, pr, pw, condition, timeoutMs: Math.min(timeoutMs, MAX_TIMEOUT_MS) };
  const request = { key, token, body, ...terms, caller, replace, isUnsigned };
  const done = forwardedWrites.begin();
  parts
    .putHere(request)
    .then(
      (result) => answer({ kind: 'written', ...result } satisfies ForwardReply),
      (error: unknown) => answer(toFailedReply(error)),
    )
    .finally(done);
}
