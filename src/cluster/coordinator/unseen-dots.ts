/**
 * The dots of a writer's token that this node has not seen. Usually another holder has made or seen
 * them, and its message is still on the way here. But a token without a signature may have made-up
 * dots, and a disk may have lost what a token names. A write would store them with its key. If they
 * name the actor of a node, that node would have to give it up (`ReplicaActor.guard`). If they name
 * an actor that never was, they would be closed as a gap. Either way the clocks of the partition
 * would keep one more name for ever.
 *
 * So the coordinator first asks the holders for the key. A dot counts if one of them knows it. All
 * dots of an honest token do, because a reader got them from a holder, and a holder forgets none.
 * The others are judged by their actor:
 *
 * - It still writes, and its node has answered: the node knows all dots that it has given, so these
 *   are made up. The write is refused, as if it had come to that node.
 * - It is dead, and every member that may hold the key has answered: no disk has these writes. An
 *   honest client may know them, if their only disk was lost. So the write is made, without them.
 * - A member that may know them was silent: they are kept if the token is signed. The writer may
 *   come from the other side of a cut, and its write must still replace what it has seen there.
 *   Without a signature they are left out. A client could make up as many as it likes, for as long
 *   as a member is away. Versions that it has seen there then stay as siblings: to claim less is
 *   safe.
 * - Its node is not in the list of members. No member can be asked for it, and no replica ever
 *   forgets dots of such a node. The node may be newer than the list, so they are kept if the token
 *   is signed; the context of a key has a bound. Without a signature they are left out, as those of
 *   a silent member. If the node comes, its versions stay as siblings.
 *
 * A node therefore gives its actor up only if another replica has dots of it that it never gave.
 * Perhaps the process was put back to an earlier state. Or a forged token came while the node could
 * not be asked. The node cannot tell one from the other, so it takes a new name in both cases.
 * Otherwise it could give a dot twice.
 */
import type { Clock } from '../../base/env.ts';
import { MecError, nothingWritten } from '../../base/errors.ts';
import { isNotBefore, nodeOfActor } from '../../core/causality/actor.ts';
import { CausalContext } from '../../core/causality/causal-context.ts';
import type { LocalHolder } from '../holders/local.ts';
import type { Holders, KeyPlace } from '../holders/select.ts';
import type { PutRequest } from '../holders/write-request.ts';
import { UNSEEN_DOTS_SHARE } from '../limits.ts';
import { observed, type ObservedParts } from './observer.ts';

/** The parts of a node that the unseen dots of a token need. */
export interface UnseenParts extends ObservedParts {
  readonly env: { readonly clock: Pick<Clock, 'monotonicMs'> };
  readonly holders: Pick<Holders, 'rolesOf' | 'reachable' | 'isMember' | 'isGone'> & {
    readonly own: Pick<LocalHolder, 'id' | 'unseen'>;
  };
}

/**
 * The request with a token whose dots may be stored, and with the time that is left. If this node
 * has seen all dots, that is the same request, at once. Rejects with `bad-vclock` if the token
 * names writes that a node never made.
 */
export function withKnownDots<Request extends PutRequest>(
  parts: UnseenParts,
  place: KeyPlace,
  request: Request,
): Request | Promise<Request> {
  const { key, token } = request;
  const { holders } = parts;
  if (token === undefined) return request;
  const { dots, actor, versions } = holders.own.unseen({ partition: place.partition, key }, token);
  if (dots.isEmpty) return request;
  const unseen = dots.filter((name) => holders.isMember(nodeOfActor(name)));
  const strange = request.isUnsigned === true ? dots.minus(unseen) : new CausalContext();
  const counted = strange.isEmpty ? request : { ...request, token: token.minus(strange) };
  if (unseen.isEmpty) return counted;
  const question = new DotsQuestion(parts, { place, request: counted, unseen, versions });
  question.actors.set(holders.own.id, actor);
  return withoutMadeUp(parts, counted, question);
}

async function withoutMadeUp<Request extends PutRequest>(
  parts: UnseenParts,
  request: Request,
  question: DotsQuestion,
): Promise<Request> {
  const { key, token } = request;
  const beganMs = parts.env.clock.monotonicMs();
  const madeUp = await observed(parts, { operation: 'confirm', key }, () => question.madeUp());
  const timeoutMs = request.timeoutMs - (parts.env.clock.monotonicMs() - beganMs);
  return { ...request, token: token?.minus(madeUp), timeoutMs: Math.max(0, timeoutMs) };
}

type Versions = ReturnType<LocalHolder['unseen']>['versions'];

interface Asked {
  readonly place: KeyPlace;
  readonly request: PutRequest;
  readonly unseen: CausalContext;
  /** The versions that this node has. */
  readonly versions: Versions;
}

/** A question to the holders of a key about the dots of a token. */
class DotsQuestion {
  /** The present actors of the nodes that have answered. */
  readonly actors = new Map<string, string>();
  readonly #parts: UnseenParts;
  readonly #asked: Asked;
  /** The dots that no answer has named. */
  #unknown: CausalContext;
  #isEachHeard = true;

  constructor(parts: UnseenParts, asked: Asked) {
    this.#parts = parts;
    this.#asked = asked;
    this.#unknown = asked.unseen;
  }

  /** The dots that must not be stored. Throws `bad-vclock` if their actors still write. */
  async madeUp(): Promise<CausalContext> {
    const { unseen, place } = this.#asked;
    const { holders } = this.#parts;
    const roles = new Map(holders.rolesOf(place));
    const authors = [...unseen.actors()].map(nodeOfActor).filter((name) => !holders.isGone(name));
    const first = new Set([
      ...(roles.get('owner') ?? []),
      ...(roles.get('pending owner') ?? []),
      ...authors,
    ]);
    first.delete(holders.own.id);
    await this.#ask([...first]);
    if (this.#unknown.isEmpty) return this.#unknown;
    // Fallbacks have what the owners lack only after a fault, so they are rarely needed.
    const fallbacks = roles.get('fallback') ?? [];
    await this.#ask(fallbacks.filter((name) => !first.has(name)));
    this.#assertGiven();
    const isKept = !this.#isEachHeard && this.#asked.request.isUnsigned !== true;
    // A node that knows no other member cannot ask.
    return isKept || first.size === 0 ? new CausalContext() : this.#unknown;
  }

  /** Asks members until no dot is unknown, or all have answered or had their time. */
  #ask(names: readonly string[]): Promise<void> {
    const { place, request, versions } = this.#asked;
    const { key, caller } = request;
    const { partition } = place;
    const timeoutMs = request.timeoutMs * UNSEEN_DOTS_SHARE;
    const holders = this.#parts.holders.reachable(names, 0);
    if (holders.length < names.length) this.#isEachHeard = false;
    let waiting = holders.length;
    return new Promise((resolve) => {
      if (waiting === 0) resolve();
      for (const holder of holders) {
        holder.read({ partition, key, have: versions, timeoutMs, caller }, (state) => {
          waiting -= 1;
          if (state instanceof MecError) this.#isEachHeard = false;
          else {
            this.actors.set(holder.id, state.actor);
            this.#unknown = this.#unknown.minus(state.object.context);
          }
          if (waiting === 0 || this.#unknown.isEmpty) resolve();
        });
      }
    });
  }

  /** Throws `bad-vclock` if a node that has answered never made a dot of its own actor. */
  #assertGiven(): void {
    for (const actor of this.#unknown.actors()) {
      const current = this.actors.get(nodeOfActor(actor));
      if (current !== undefined && isNotBefore(actor, current))
        throw new MecError('bad-vclock', {
          parameter: 'X-Mec-Vclock',
          ...nothingWritten('The token names writes that no node ever made; read the key again.'),
        });
    }
  }
}
