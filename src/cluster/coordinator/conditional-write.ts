/**
 * A conditional write. Its coordinator, an owner of the key, has the key granted by a majority of
 * the owners (`ballot.ts`), and decides once on what they hold. Those owners alone are sent the
 * store (`store-decided.ts`), each with the number of its grant. Any two majorities share an owner,
 * which has one current number for the key. So of any number of writes on the same condition at
 * most one is acknowledged, however late, lost, doubled or out of order their messages are; and
 * without a majority there is none. This is a ballot as in Paxos (Lamport 1998), with what the
 * owners hold anyway as its memory.
 */
import { fraction } from '../../base/delays.ts';
import { MecError } from '../../base/errors.ts';
import { GRANT_RETRY_MS } from '../limits.ts';
import { digestOf, writeNameOf } from '../../core/value/content.ts';
import { decide, type Decision } from '../../core/quorum/decision.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import { Ballot, type ConditionalRequest, type Granted } from './ballot.ts';
import type { KeyPlace } from '../holders/select.ts';
import type { Scope } from './scope.ts';
import { type Decided, storeDecided } from './store-decided.ts';
import { type Commit, type PutResult, seenBy, writeHere } from './write.ts';

/** How many of a key's owners are more than half. */
export const majorityOf = ({ owners }: KeyPlace): number => quorumSize('quorum', owners.length);

/** Coordinates a conditional write at this node, which owns the key; those of one key take turns. */
export async function putIf(scope: Scope, request: ConditionalRequest): Promise<PutResult> {
  const place = scope.holders.placeOf(request.key);
  if (!place.isOwner) {
    // The node that sent it here sees other members than this node does; that will pass.
    const detail = 'The owners of the key are changing. Nothing was written.';
    throw new MecError('quorum-not-met', { have: 0, need: majorityOf(place), retryAfter: 1, detail });
  }
  // Just after a start a replica counts for nothing until it was compared with the others; that takes moments.
  await new Promise<void>((resolve) => {
    scope.partitions.of(place.partition).whenConfirmed(resolve);
  });
  // An owner that may lack what was acknowledged grants nothing, itself included.
  if (!scope.store.of(place.partition).isComplete) throw new MecError('incomplete', { retryAfter: 1 });
  const endMs = scope.env.clock.monotonicMs() + request.timeoutMs;
  return scope.keyQueue.take(request.key, () => attempts(scope, request, endMs));
}

async function attempts(scope: Scope, request: ConditionalRequest, endMs: number): Promise<PutResult> {
  const { env } = scope;
  for (;;) {
    const timeoutMs = endMs - env.clock.monotonicMs();
    if (timeoutMs <= 0) {
      const detail =
        'Other conditional writes, or a change of owners, did not leave the key in time. Nothing was written.';
      throw new MecError('contended', { retryAfter: 1, detail });
    }
    const result = await attempt(scope, { ...request, timeoutMs }, endMs);
    if (result !== undefined) return result;
    await new Promise<void>((resolve) => {
      env.clock.after(GRANT_RETRY_MS * fraction(env.random), resolve);
    });
  }
}

/** One ballot; undefined if it came to nothing because other writes have the key, and another may be tried. */
async function attempt(scope: Scope, request: ConditionalRequest, endMs: number): Promise<PutResult | undefined> {
  const ballot = new Ballot(scope, request);
  try {
    const granted = await ballot.run();
    if (granted === undefined) return undefined;
    const { policies, time } = scope;
    const nowMicros = time.nowMicros(granted.place.owners);
    const visible = policies.visible(request.key, granted.object.versions, () => nowMicros);
    const decision = decide(request, { ...granted, visible });
    const timeoutMs = Math.max(0, endMs - scope.env.clock.monotonicMs());
    const about = aboutOf(request, nowMicros);
    const decided = { granted, about, ...commitOf(granted, { ...request, about }, decision) };
    return await storeDecided(scope, { ...request, timeoutMs }, decided);
  } finally {
    ballot.end();
  }
}

type About = Decided['about'];

/** What is remembered of a write, if it may be repeated. */
function aboutOf({ key, body, condition: { idempotencyKey } }: ConditionalRequest, madeMicros: number): About {
  if (idempotencyKey === undefined || body === undefined) return undefined;
  return { key, idempotencyKey, digest: digestOf(body), madeMicros };
}

/** How a decision is taken in here. */
function commitOf(
  { object }: Granted,
  request: ConditionalRequest & { readonly about: About },
  decision: Decision,
): Pick<Decided, 'commit' | 'isRepeated'> {
  const { key, about } = request;
  if (decision.kind === 'write') {
    return { isRepeated: false, commit: writeHere({ ...request, token: decision.token }, about) };
  }
  // The first time may have come to nothing in the middle: the majority is brought what is left of it.
  const { actor, counter } = decision.made;
  const dot = { actor, counter };
  const token = seenBy(request).clone();
  token.add(actor, counter);
  // Two tries may both be there, shown as one: the writer's next write replaces both.
  const name = request.body && writeNameOf(request.body);
  const twins = name === undefined ? [] : object.versions.filter(({ body }) => writeNameOf(body) === name);
  for (const twin of twins) token.add(twin.actor, twin.counter);
  const memory = about === undefined ? undefined : { ...about, ...dot };
  const commit: Commit = (_scope, replica, done) => {
    replica.merge({ key, object, dots: [dot], memory }, done);
    return { dot, token, object };
  };
  return { isRepeated: true, commit };
}
