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
import type { Clock, Random } from '../../base/env.ts';
import { MecError } from '../../base/errors.ts';
import { digestOf, writeNameOf } from '../../core/value/content.ts';
import { decide, type Decision } from '../../core/quorum/decision.ts';
import { quorumSize } from '../../core/quorum/quorum.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { KeyPlace } from '../holders/select.ts';
import type { PutResult } from '../holders/write-request.ts';
import { GRANT_RETRY_MS } from '../limits.ts';
import { Ballot, type BallotParts, type ConditionalRequest, type Granted } from './ballot.ts';
import { KeyQueue } from './key-queue.ts';
import { type Commit, type Decided, type DecidedParts, storeDecided } from './store-decided.ts';
import { seenBy } from './write.ts';

/** The parts of a node that its conditional writes need. */
export interface ConditionalParts extends BallotParts, DecidedParts {
  readonly env: { readonly clock: Pick<Clock, 'after' | 'monotonicMs'>; readonly random: Random };
  readonly holders: BallotParts['holders'] &
    DecidedParts['holders'] & { readonly own: Pick<LocalHolder, 'isComplete'> };
}

/** How many of a key's owners are more than half. */
export const majorityOf = ({ owners }: KeyPlace): number => quorumSize('quorum', owners.length);

/** The conditional writes that one node coordinates; those of one key take turns. */
export class ConditionalWrites {
  readonly #parts: ConditionalParts;
  readonly #queue = new KeyQueue();

  constructor(parts: ConditionalParts) {
    this.#parts = parts;
  }

  /** Coordinates a conditional write at this node, which owns the key. */
  async put(request: ConditionalRequest): Promise<PutResult> {
    const { env, holders, partitions } = this.#parts;
    const place = holders.placeOf(request.key);
    if (!place.isOwner) {
      // The node that sent it here sees other members than this node does; that will pass.
      const detail = 'The owners of the key are changing. Nothing was written.';
      throw new MecError('quorum-not-met', {
        have: 0,
        need: majorityOf(place),
        retryAfter: 1,
        detail,
      });
    }
    // Just after a start a replica does not count until it was compared with the others, in
    // moments.
    await new Promise<void>((resolve) => {
      partitions.of(place.partition).whenConfirmed(resolve);
    });
    // An owner that may lack acknowledged writes grants nothing, itself included.
    if (!holders.own.isComplete(place.partition))
      throw new MecError('incomplete', { retryAfter: 1 });
    const endMs = env.clock.monotonicMs() + request.timeoutMs;
    return this.#queue.take(request.key, () => attempts(this.#parts, request, endMs));
  }
}

async function attempts(
  parts: ConditionalParts,
  request: ConditionalRequest,
  endMs: number,
): Promise<PutResult> {
  const { env } = parts;
  for (;;) {
    const timeoutMs = endMs - env.clock.monotonicMs();
    if (timeoutMs <= 0) {
      const detail =
        'Other conditional writes, or a change of owners, did not leave the key in time. Nothing was written.';
      throw new MecError('contended', { retryAfter: 1, detail });
    }
    const result = await attempt(parts, { ...request, timeoutMs }, endMs);
    if (result !== undefined) return result;
    await new Promise<void>((resolve) => {
      env.clock.after(GRANT_RETRY_MS * fraction(env.random), resolve);
    });
  }
}

/** One ballot; undefined if other writes have the key, and another ballot may be tried. */
async function attempt(
  parts: ConditionalParts,
  request: ConditionalRequest,
  endMs: number,
): Promise<PutResult | undefined> {
  const ballot = new Ballot(parts, request);
  try {
    const granted = await ballot.run();
    if (granted === undefined) return undefined;
    const { policies, time } = parts;
    const nowMicros = time.nowMicros(granted.place.owners);
    const visible = policies.visible(request.key, granted.object.versions, () => nowMicros);
    const decision = decide(request, { ...granted, visible });
    const timeoutMs = Math.max(0, endMs - parts.env.clock.monotonicMs());
    const about = aboutOf(request, nowMicros);
    const decided = { granted, about, ...commitOf(granted, { ...request, about }, decision) };
    return await storeDecided(parts, { ...request, timeoutMs }, decided);
  } finally {
    ballot.end();
  }
}

type About = Decided['about'];

/** What is remembered of a write, if it may be repeated. */
function aboutOf(
  { key, body, condition: { idempotencyKey } }: ConditionalRequest,
  madeMicros: number,
): About {
  if (idempotencyKey === undefined || body === undefined) return undefined;
  return { key, idempotencyKey, digest: digestOf(body), madeMicros };
}

/** How a decision is taken in here. */
function commitOf(
  { place: { partition }, object }: Granted,
  request: ConditionalRequest & { readonly about: About },
  decision: Decision,
): Pick<Decided, 'commit' | 'isRepeated'> {
  const { key, body, about } = request;
  if (decision.kind === 'write') {
    const write = { partition, key, token: decision.token, body, memory: about };
    return { isRepeated: false, commit: (own, onAnswer) => own.write(write, onAnswer) };
  }
  // The first time may have come to nothing in the middle: the majority is brought what is left of
  // it.
  const { actor, counter } = decision.made;
  const dot = { actor, counter };
  const token = seenBy(request).clone();
  token.add(actor, counter);
  // Two tries may both be there, shown as one: the writer's next write replaces both.
  const name = body && writeNameOf(body);
  const twins =
    name === undefined
      ? []
      : object.versions.filter((version) => writeNameOf(version.body) === name);
  for (const twin of twins) token.add(twin.actor, twin.counter);
  const memory = about === undefined ? undefined : { ...about, ...dot };
  const commit: Commit = (own, onAnswer) => {
    own.merge({ partition, key, object, dots: [dot], memory }, onAnswer);
    return { dot, token, object };
  };
  return { isRepeated: true, commit };
}
