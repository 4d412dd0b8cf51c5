/** What a node does when another node asks something of it. */
import { MecError, messageOf, toMecError } from '../base/errors.ts';
import { MAX_TIMEOUT_MS } from '../base/limits.ts';
import type { Dot } from '../core/causal-context.ts';
import { partitionOf } from '../core/partition.ts';
import { parseQuorum } from '../core/quorum.ts';
import type { Failed, Forward, Read, Reply, Request, SparseVersion, Store } from '../transport/message.ts';
import type { Handler } from '../transport/rpc.ts';
import { putHere } from './coordinator/put.ts';
import type { Scope } from './coordinator/scope.ts';
import type { Heartbeat } from './membership/heartbeat.ts';

type Answer = (reply: Reply) => void;

/** Makes the handler of requests from other nodes. */
export function dispatcher(scope: Scope, heartbeat: Heartbeat): Handler {
  const handle = (request: Request, ageMs: number, answer: Answer): void => {
    switch (request.kind) {
      case 'ping':
        return answer(heartbeat.answer());
      case 'read':
        return answer(read(scope, request));
      case 'store':
        return store(scope, request, answer);
      case 'forward':
        // The sender has given up and asked another owner; to write it now would make a sibling of itself.
        if (ageMs < request.budgetMs) takeOver(scope, request, answer);
        return;
      default:
        throw new MecError('internal', { detail: 'not a request' });
    }
  };
  return (request, ageMs, answer) => {
    try {
      handle(request, ageMs, answer);
    } catch (error) {
      const reply = toFailed(error);
      if (reply.code === 'internal')
        scope.env.log.error('request of a peer failed', { kind: request.kind, reason: messageOf(error) });
      answer(reply);
    }
  };
}

function toFailed(error: unknown): Failed {
  const { code, message, details } = toMecError(error);
  return { kind: 'failed', code, detail: message, have: details.have ?? 0, need: details.need ?? 0 };
}

function read({ replicas }: Scope, { key, have }: Read): Reply {
  const replica = replicas.of(partitionOf(key));
  const { versions, context } = replica.read(key);
  const isKnown = (dot: Dot): boolean =>
    have.some(({ actor, counter }) => actor === dot.actor && counter === dot.counter);
  const sparse = versions.map((version): SparseVersion =>
    isKnown(version) ? { ...version, body: undefined } : version,
  );
  return { kind: 'object', actor: replica.actor, context, versions: sparse };
}

function store({ replicas }: Scope, { key, object, dots }: Store, answer: Answer): void {
  const replica = replicas.of(partitionOf(key));
  replica.merge({ key, object, dots }, (error) => {
    answer(error === undefined ? { kind: 'stored', actor: replica.actor } : toFailed(error));
  });
}

function takeOver(scope: Scope, { key, token, body, r, w, budgetMs }: Forward, answer: Answer): void {
  const request = {
    key,
    token,
    body,
    r: parseQuorum(r),
    w: parseQuorum(w),
    timeoutMs: Math.min(budgetMs, MAX_TIMEOUT_MS),
  };
  if (request.r === undefined || request.w === undefined) throw new MecError('bad-parameter');
  putHere(scope, { ...request, r: request.r, w: request.w }).then(
    (result) => answer({ kind: 'written', ...result }),
    (error: unknown) => answer(toFailed(error)),
  );
}
